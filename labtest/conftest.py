"""The lab that the live tests share: brought up once, ended whatever happens."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from gntverify.site import Site, load_site
from gntverify.verdicts import Verdict, read
from labtest.footprint import footprint
from provision.accept import fallen
from provision.lab.inside import ONCE_MORE

ROOT = Path(__file__).parent.parent
SITE_FILE = ROOT / "sites" / "lab2.toml"
DRILL = ("-m", "drill", "--allow-disruptive")
RESTORE = (*DRILL, "tests/drills/test_restore.py")
"""What selects the restore drill."""
SSH_LOST = "ended with 255"
"""What is said of a command whose ssh, and no program on the node, came to an end."""
T = TypeVar("T")


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
        """A command on a node; one word is shell text."""
        return self.provision("lab", "ssh", "--name", self.name, node, *argv, limit_s=300)

    def build(self, *options: str) -> str:
        """The cluster by the notes' steps."""
        build = (sys.executable, "-m", "provision", "cluster", "--site", str(SITE_FILE))
        return self.inside(*build, *options, limit_s=2400)

    def fallen(self) -> str:
        """What ended a node's kernel, or its QEMU; empty while all of them run."""
        return fallen(self.name)

    def snapshot(self, name: str) -> None:
        """Freeze it under that name."""
        self.provision("lab", "snapshot", "--name", self.name, name, limit_s=600)

    def reset(self, name: str) -> None:
        """Bring it back to that snapshot."""
        self.provision("lab", "reset", "--name", self.name, name, limit_s=300)

    def verify(self, out: Path, *options: str, limit_s: float = 900) -> tuple[int, list[Verdict]]:
        """Exit status and verdicts of the suites, run as a user would run them."""
        hosts = ",".join(node.short for node in self.site.nodes)
        suites = (sys.executable, "-m", "pytest", f"--hosts={hosts}", f"--out={out}", *options)
        try:
            self.inside(*suites, limit_s=limit_s)
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


@pytest.fixture(scope="session")
def built(lab: Lab) -> Lab:
    """The lab with its cluster, built by the notes' steps, with two instances on it."""
    assert "gnt-cluster init" in lab.build("--dry")
    assert "ssconf" not in lab.on("node1", "find /var/lib/ganeti -name 'ssconf*'")
    lab.build()
    twice_at_most(
        lab, "built", lambda: lab.provision("lab", "workload", "--name", lab.name, limit_s=1200)
    )
    return lab


@pytest.fixture(scope="session")
def drilled(built: Lab, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """The same, its protected instance restored once beside the original; nothing is left."""
    before = footprint(built)
    status, verdicts = twice_at_most(
        built, "worked", lambda: restored(built, tmp_path_factory.mktemp("drilled"))
    )
    assert not red(verdicts), reason(verdicts)
    assert (status, len(verdicts)) == (0, 6)
    assert footprint(built) == before
    return built


def twice_at_most(lab: Lab, snapshot: str, deed: Callable[[], T]) -> T:
    """What the deed returns; if a node of the lab died under it, that of a second try.

    Under emulation a node's kernel may die while a guest runs on it (docs/roadmap.md). Then the
    lab is reset to what it was before, under that name, and what happened is a warning here.

    Raises:
        CalledProcessError: the deed failed, and no node died.
    """
    lab.snapshot(snapshot)
    try:
        result = deed()
    except subprocess.CalledProcessError as err:
        last = str(err.output).strip().splitlines()[-1:]
        died = lab.fallen() or " ".join(line for line in last if SSH_LOST in line)
        if not died:
            raise
    else:
        died = lab.fallen()
        if not died:
            return result
    warnings.warn(f"{died} It is tried once more.", stacklevel=1)
    lab.reset(snapshot)
    return deed()


def restored(lab: Lab, out: Path) -> tuple[int, list[Verdict]]:
    """Exit status and verdicts of the restore ladder."""
    return lab.verify(out, f"--site={SITE_FILE}", *RESTORE)


def red(verdicts: list[Verdict]) -> set[tuple[str, str, str]]:
    """Control, node and outcome of everything that is neither a pass nor not applicable."""
    calm = ("pass", "not-applicable", "waived")
    return {
        (v.control, v.node.split(".")[0], v.outcome) for v in verdicts if v.outcome not in calm
    }


def reason(verdicts: list[Verdict]) -> str:
    """What is not calm, one line each."""
    found = red(verdicts)
    lines = [
        f"{v.outcome} {v.control} {v.node}: {v.message}"
        for v in verdicts
        if (v.control, v.node.split(".")[0], v.outcome) in found
    ]
    return "\n".join(lines)
