"""Where faults are played: a lab that is up, as the campaign needs it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gntverify.deadline import scaled
from gntverify.errors import CommandFailed, CommandTimeout
from gntverify.site import Site
from gntverify.verdicts import Verdict, read
from provision.lab import lab as labs
from provision.lab import namespace
from provision.lab.plan import Plan
from provision.lab.reporting import Reporting
from provision.lab.snapshot import WATCH
from provision.lab.ssh import to_node
from provision.lab.states import PROVISIONED

SHELL_LIMIT_S = 40.0
SHOWN = 80
"""Characters of a command that a message has."""

SUITE_LIMIT_S = 900.0
RESET_LIMIT_S = 300.0
WATCHER_EVERY_S = 300.0
"""C09 wants to see the end of the watcher within 15 minutes; a round takes about two."""

# Cron's watcher would start again what a fault has stopped. It ends at once while somebody else
# holds its lock (lib/watcher), and nothing is red for that: C09 looks at the pause and the age.
_HOLD = (
    "systemctl is-active --quiet sabotage-hold || systemd-run --quiet --collect "
    "--unit=sabotage-hold flock /var/lock/ganeti-watcher.lock sleep 1800"
)
_RELEASE = "systemctl stop sabotage-hold 2>/dev/null; true"


class Stage(Protocol):
    """What a campaign does with a lab."""

    @property
    def master(self) -> str:
        """The node on which Ganeti's commands are given."""

    def shell(self, node: str, text: str) -> None:
        """Run shell text on a node; raises CommandFailed or CommandTimeout."""

    def suite(self, number: int, tests: Sequence[str] = ()) -> list[Verdict]:
        """The verdicts of these tests, or of the whole suite, run as a user would run it."""

    def reset(self) -> None:
        """Put the lab back to its provisioned state, ready to be judged."""

    def hold(self) -> None:
        """From now on no watcher mends anything."""

    def release(self) -> None:
        """The watcher may work again."""

    def tend(self) -> None:
        """Let the watcher come to its end when that is due."""


@dataclass
class LabStage:
    """A lab by its plan."""

    plan: Plan
    site: Site
    out: Path
    progress: Reporting
    _watched: float = field(default=float("-inf"))

    @property
    def _nodes(self) -> list[str]:
        return [node.short for node in self.site.nodes]

    @property
    def master(self) -> str:
        """The node on which Ganeti's commands are given."""
        return self._nodes[0]

    def shell(self, node: str, text: str) -> None:
        """Run shell text on a node.

        Raises:
            CommandFailed: it ended with another status than 0.
            CommandTimeout: it did not end.
        """
        argv = namespace.enter(labs.init_of(self.plan), [*to_node(self.plan, node), text])
        limit_s = scaled(SHELL_LIMIT_S)
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=limit_s,
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired as err:
            raise CommandTimeout(
                f"On {node!r}, `{_short(text)}` was ended after {limit_s:.0f} s."
            ) from err
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
            raise CommandFailed(
                f"On {node!r}, `{_short(text)}` ended with {done.returncode}: {said}"
            )

    def suite(self, number: int, tests: Sequence[str] = ()) -> list[Verdict]:
        """The verdicts of these tests, or of the whole suite; its output lies beside its run.

        Raises:
            CommandFailed: it judged nothing.
            CommandTimeout: it did not end.
        """
        place = self.out / f"{number:02d}"
        place.mkdir(parents=True, exist_ok=True)
        hosts = ",".join(self._nodes)
        suite = (sys.executable, "-m", "pytest", "-q", f"--hosts={hosts}", f"--out={place}")
        site = f"--site={self.plan.site_file}"
        argv = namespace.enter(labs.init_of(self.plan), [*suite, site, *tests])
        step = self.progress.step(f"{len(tests)} tests" if tests else "the whole suite")
        with (place / "pytest.log").open("a") as log, step:
            status = _ended(argv, log.fileno(), labs.environment(self.plan))
        streams = sorted(place.glob("*/verdicts.jsonl"))
        verdicts = list(read(streams[-1])) if streams else []
        if not verdicts:
            raise CommandFailed(
                f"The suite ended with status {status} and judged nothing; see {place}/pytest.log."
            )
        return verdicts

    def reset(self) -> None:
        """Put the lab back to its provisioned state; its watcher has caught up then.

        Raises:
            CalledProcessError: the lab could not be put back.
        """
        name = Path(self.plan.home).name
        lab = (sys.executable, "-m", "provision", "lab", "reset", "--name", name, PROVISIONED)
        subprocess.run(lab, check=True, timeout=scaled(RESET_LIMIT_S), start_new_session=True)
        self._watched = time.monotonic()

    def _everywhere(self, text: str) -> None:
        with ThreadPoolExecutor(len(self._nodes)) as pool:
            list(pool.map(lambda node: self.shell(node, text), self._nodes))

    def hold(self) -> None:
        """From now on no watcher mends anything."""
        self._everywhere(_HOLD)

    def release(self) -> None:
        """The watcher may work again."""
        self._everywhere(_RELEASE)

    def tend(self) -> None:
        """Run the watcher on the master when its last run is old."""
        if time.monotonic() - self._watched > WATCHER_EVERY_S:
            self.shell(self.master, WATCH)
            self._watched = time.monotonic()


def _short(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} …"


def _ended(argv: Sequence[str], output: int, env: dict[str, str]) -> int:
    """Exit status of a child; when we are interrupted or late, it is ended with its children."""
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=os.environ | env,
        start_new_session=True,
    ) as child:
        try:
            return child.wait(timeout=scaled(SUITE_LIMIT_S))
        except BaseException as err:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            if isinstance(err, subprocess.TimeoutExpired):
                raise CommandTimeout(f"The suite was ended after {err.timeout:.0f} s.") from err
            raise


def _interrupt(number: int, frame: object) -> None:
    del number, frame
    raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[None]:
    """A block that SIGTERM interrupts as Ctrl-C does."""
    old = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)


@contextmanager
def undisturbed() -> Iterator[None]:
    """A block that neither Ctrl-C nor SIGTERM leaves half done; they are heard at its end."""
    heard: list[int] = []
    kinds = (signal.SIGINT, signal.SIGTERM)
    old = {kind: signal.signal(kind, lambda number, _: heard.append(number)) for kind in kinds}
    try:
        yield
    finally:
        for kind, handler in old.items():
            signal.signal(kind, handler)
    if heard:
        raise KeyboardInterrupt
