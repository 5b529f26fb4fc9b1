"""The lab that the live tests share: brought up once, ended whatever happens."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from gntverify.site import Site, load_site
from gntverify.verdicts import Verdict, read
from provision.lab.inside import ONCE_MORE

ROOT = Path(__file__).parent.parent
SITE_FILE = ROOT / "sites" / "lab2.toml"


@dataclass(frozen=True)
class Lab:
    """A lab by name; every method is a command line that a user could type."""

    name: str
    site: Site

    def provision(self, *argv: str, limit_s: float) -> str:
        """``python -m provision ...``: its output, which is also shown as it comes.

        Raises:
            CalledProcessError: it ended with another status than 0.
        """
        return shown((sys.executable, "-m", "provision", *argv), limit_s)

    def up(self) -> str:
        """Bring the lab up; ``--baked``: Ganeti's packages are in the image."""
        return self.provision(
            "lab", "up", "--name", self.name, "--site", str(SITE_FILE), "--baked", limit_s=1800
        )

    def down(self) -> None:
        """End the lab; nothing of it may be left."""
        self.provision("lab", "down", "--name", self.name, limit_s=60)

    def inside(self, *argv: str, limit_s: float) -> str:
        """A command on the lab's networks, with its ssh configuration."""
        return self.provision("lab", "exec", "--name", self.name, "--", *argv, limit_s=limit_s)

    def on(self, node: str, *argv: str) -> str:
        """A command on a node."""
        return self.provision("lab", "ssh", "--name", self.name, node, *argv, limit_s=300)

    def build(self, *options: str) -> str:
        """The cluster by the notes' steps."""
        build = (sys.executable, "-m", "provision", "cluster", "--site", str(SITE_FILE))
        return self.inside(*build, *options, limit_s=2400)

    def verify(self, out: Path, *options: str) -> tuple[int, list[Verdict]]:
        """Exit status and verdicts of the suites, run as a user would run them."""
        hosts = ",".join(node.short for node in self.site.nodes)
        suites = (sys.executable, "-m", "pytest", f"--hosts={hosts}", f"--out={out}", *options)
        try:
            self.inside(*suites, limit_s=900)
            status = 0
        except subprocess.CalledProcessError as err:
            status = err.returncode
        streams = sorted(out.glob("**/verdicts.jsonl"))
        return status, list(read(streams[-1])) if streams else []


def shown(argv: Sequence[str], limit_s: float) -> str:
    """Run a command, show its output line by line, return it.

    Raises:
        CalledProcessError: it ended with another status than 0, or was ended at its limit.
    """
    sys.stdout.write(f"\n$ {' '.join(argv[2:])}\n")
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    lines = []
    with subprocess.Popen(
        argv,
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as child:
        # Its children too: any of them would keep the pipe open.
        limit = threading.Timer(limit_s, end_all, (child.pid,))
        limit.daemon = True
        limit.start()
        try:
            for line in child.stdout or ():
                sys.stdout.write(f"  {line}")
                sys.stdout.flush()
                lines.append(line)
            status = child.wait(timeout=60)
        finally:
            limit.cancel()
            if child.poll() is None:
                end_all(child.pid)
    if status:
        raise subprocess.CalledProcessError(status, argv, "".join(lines))
    return "".join(lines)


def end_all(group: int) -> None:
    """End a process group; well if it is not there any more."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """A fresh lab of two nodes, baked; that a boot passed its deadline is a warning here."""
    made = Lab(f"test{os.getpid()}", load_site(SITE_FILE))
    try:
        for line in made.up().splitlines():
            if ONCE_MORE in line:
                warnings.warn(line, stacklevel=1)
        yield made
    finally:
        made.down()
