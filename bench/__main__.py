"""``python -m bench``: one run, one sshd, the same checks in every way; medians and ratios.

Each measurement starts with no connection and ends when the last check is judged. pytest itself
is left out: it costs every way the same.
"""

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from testinfra.backend import get_backend
from testinfra.host import Host

from bench import checks
from gntverify.transport.backend import testinfra_host
from gntverify.transport.fleet import Fleet
from gntverify.transport.ssh import Options
from selftest.sshd import Sshd, running_sshd

OUT = Path("bench/out/results.json")
REPEATS = 5
Way = Callable[[], int]


def gntverify(sshd: Sshd, learned: dict[str, list[tuple[list[str], float]]]) -> int:
    """Our backend, knowing what it was asked last time, as on every run but the first."""
    with _fleet(sshd) as fleet:
        fleet.prefetch(learned)
        number = checks.run(testinfra_host(fleet.sources[sshd.name]))
        learned.update(fleet.asked())
        return number


def of_testinfra(sshd: Sshd, backend: str, **options: str) -> int:
    """One of testinfra's own backends, new each time: its ``get_host`` would keep connections."""
    spec = f"{backend}://{sshd.name}?ssh_config={sshd.config}"
    return checks.run(Host(get_backend(spec, **options)))


def control_path(sshd: Sshd) -> int:
    """The ssh backend of testinfra with one connection for all commands; a new one each time."""
    path = sshd.directory / "control"
    try:
        return of_testinfra(sshd, "ssh", controlpath=str(path))
    finally:
        leave = ["ssh", "-F", str(sshd.config), "-o", f"ControlPath={path}", "-O", "exit"]
        subprocess.run([*leave, sshd.name], capture_output=True, timeout=10, check=True)


@contextmanager
def _fleet(sshd: Sshd) -> Iterator[Fleet]:
    fleet = Fleet([sshd.name], Options(config=str(sshd.config)))
    fleet.open()
    for problem in fleet.unreachable.values():
        raise problem
    try:
        yield fleet
    finally:
        fleet.close()


@contextmanager
def _warm(sshd: Sshd, commands: list[str]) -> Iterator[Way]:
    """The same commands as one script on a channel that is open: the node's own work."""
    script = "\n".join(f"( {command}\n) </dev/null >/dev/null 2>&1" for command in commands)
    with _fleet(sshd) as fleet:
        source = fleet.sources[sshd.name]
        yield lambda: source.ask(("sh", "-c", script), fresh=True).status()


def _taken(way: Way) -> tuple[float, int]:
    began = time.perf_counter()
    number = way()
    return time.perf_counter() - began, number


def _measured(ways: dict[str, Way]) -> tuple[dict[str, float], int]:
    """Medians, and the number of checks.

    Way after way in each round: a machine that gets busier meanwhile must not favour one of them.
    """
    taken: dict[str, list[float]] = {name: [] for name in ways}
    numbers: dict[str, int] = {}
    for number in range(1, REPEATS + 1):
        for name, way in ways.items():
            print(f"bench: round {number} of {REPEATS}, {name} …", flush=True)
            seconds, numbers[name] = _taken(way)
            taken[name].append(seconds)
    del numbers["bound"]
    (checks_run,) = set(numbers.values())
    return {name: statistics.median(each) for name, each in taken.items()}, checks_run


def main() -> None:
    """Measure, print, write."""
    with tempfile.TemporaryDirectory() as directory, running_sshd(Path(directory)) as sshd:
        learned: dict[str, list[tuple[list[str], float]]] = {}
        first, _ = _taken(lambda: gntverify(sshd, learned))
        with _warm(sshd, [argv[2] for argv, _ in learned[sshd.name]]) as bound:
            ways: dict[str, Way] = {
                "gntverify": lambda: gntverify(sshd, learned),
                "testinfra-ssh": lambda: of_testinfra(sshd, "ssh"),
                "testinfra-controlpath": lambda: control_path(sshd),
                "testinfra-paramiko": lambda: of_testinfra(sshd, "paramiko"),
                "bound": bound,
            }
            seconds, number = _measured(ways)
    _show(number, seconds, first)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"checks": number, "ways": seconds}, indent=1) + "\n")
    print(f"written: {OUT}")


def _show(number: int, seconds: dict[str, float], first: float) -> None:
    ours = seconds["gntverify"]
    print(f"\n{number} checks, medians of {REPEATS}, connecting included")
    for name, taken in seconds.items():
        print(f"  {name:<24} {taken:8.3f} s   {taken / ours:7.2f} x ours")
    print(f"  {'gntverify, first run':<24} {first:8.3f} s   {first / ours:7.2f} x ours")


if __name__ == "__main__":
    main()
