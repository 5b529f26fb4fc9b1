"""Runs of drills that are killed in the middle, and what is left of them once they are reaped."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from labtest.conftest import DRILL, ROOT, SITE_FILE, Lab

REACH_S = 900.0
"""Until a point is reached, on any machine."""
SUITE = "tests/drills/test_restore.py"
FAILOVER = "tests/drills/test_failover.py"
LIFE = "tests/drills/test_lifecycle.py"
BURNIN = "tests/drills/test_burnin.py"


@dataclass(frozen=True)
class Point:
    """Where a run is killed: so many seconds after it has said these words.

    Attributes:
        suite: what is run, with a name of it by which tests are chosen.
    """

    words: str
    delay_s: float = 0.0
    suite: tuple[str, ...] = (SUITE,)

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
    Point("a probe guest on node2 and node1", 25, (FAILOVER, "-k", "migrates_live")),
    Point("live migration to node1", 2, (FAILOVER, "-k", "migrates_live")),
    Point("a new copy on node1", 4, (FAILOVER, "-k", "replaced_on_its_secondary")),
    Point("its copy on node1 goes its own way", 12, (FAILOVER, "-k", "parted")),
    Point("its process on node2 is killed", 1, (FAILOVER, "-k", "killed_guest")),
    Point("master failover to node2", 3, (FAILOVER, "-k", "master_role")),
    Point("life: boot the CD", 5, (LIFE,)),
    Point("burn-in, plain: startstop", 10, (BURNIN, "-k", "plain")),
)
"""Of the restore drill each step as it begins, and in the middle of those that last; then one of
each kind of what other drills leave behind."""


def killed_at(lab: Lab, point: Point) -> bool:
    """Start the drill and kill it with SIGKILL at that point.

    False when it never came there, or had ended before it was killed.
    """
    hosts = ",".join(node.short for node in lab.site.nodes)
    drill = ("-m", "pytest", *DRILL, *point.suite)
    inside = ("-m", "provision", "lab", "exec", "--name", lab.name, "--", sys.executable)
    argv = (sys.executable, *inside, *drill, f"--hosts={hosts}", f"--site={SITE_FILE}")
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
        status = child.wait(timeout=30)
    return came and status == -signal.SIGKILL


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
