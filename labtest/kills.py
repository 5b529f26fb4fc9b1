"""Runs of drills that are killed in the middle, and what is left of them once they are reaped."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from labtest.conftest import ROOT, SITE_FILE, Lab

REACH_S = 900.0
"""Until a point is reached, on any machine."""
SUITE = "tests/drills/test_restore.py"


@dataclass(frozen=True)
class Point:
    """Where a run is killed: so many seconds after it has said these words."""

    words: str
    delay_s: float = 0.0

    def __str__(self) -> str:
        return f"{self.words}+{self.delay_s:g}s"


POINTS = (
    Point("check"),
    Point("isolate"),
    Point("isolate", 2),
    Point("import"),
    Point("import", 3),
    Point("import", 8),
    Point("import", 14),
    Point("read the disk"),
    Point("read the disk", 3),
    Point("boot"),
    Point("boot", 6),
    Point("answer"),
    Point("remove what was restored"),
    Point("remove what was restored", 4),
)
"""Of the restore drill: each of its steps as it begins, and in the middle of those that last."""


def killed_at(lab: Lab, point: Point, suite: str = SUITE, site: str = str(SITE_FILE)) -> bool:
    """Start the drill and kill it with SIGKILL at that point; False when it never came there."""
    hosts = ",".join(node.short for node in lab.site.nodes)
    drill = ("-m", "pytest", "-m", "drill", "--allow-disruptive", suite)
    inside = ("-m", "provision", "lab", "exec", "--name", lab.name, "--", sys.executable)
    argv = (sys.executable, *inside, *drill, f"--hosts={hosts}", f"--site={site}")
    with subprocess.Popen(
        argv,
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as child:
        limit = threading.Timer(REACH_S, _kill, (child.pid,))
        limit.daemon = True
        limit.start()
        came = _came(child.stdout or (), point.words)
        if came:
            time.sleep(point.delay_s)  # a point in time is what is asked for
        limit.cancel()
        _kill(child.pid)
        child.wait(timeout=30)
    return came


def _came(lines: Iterable[str], words: str) -> bool:
    for line in lines:
        sys.stdout.write(f"  {line}")
        if line.startswith("drill: ") and line.rstrip().endswith(f"{words} …"):
            return True
    return False


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def reap(lab: Lab) -> str:
    """`gntverify reap`: what it says.

    Raises:
        CalledProcessError: something could not be undone.
    """
    hosts = ",".join(node.short for node in lab.site.nodes)
    cli = (sys.executable, "-m", "gntverify.cli", "reap", f"--hosts={hosts}")
    return lab.inside(*cli, limit_s=900)
