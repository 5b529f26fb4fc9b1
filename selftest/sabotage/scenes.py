"""A stage on which faults are played without a lab, and faults for it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from gntverify.errors import CommandFailed
from gntverify.verdicts import Outcome, Verdict
from sabotage.fault import Fault
from sabotage.marks import Expectation

PER_NODE = {"W05": True, "W06": True, "W08": True, "N16": False, "C04": False, "C05": False}
NODES = ("node1", "node2")


def fault(control: str, node: str = "node2", **other: object) -> Fault:
    """A fault; what breaks it is its own name."""
    name = str(other.pop("name", f"{control} broken"))
    table = {"name": name, "node": node, "break": f"break {name}", "mend": f"mend {name}"}
    return Fault.model_validate(table | {"control": control} | other)


def expectations(*faults: Fault) -> dict[Fault, Expectation]:
    """What each must turn, with the controls of :data:`PER_NODE`."""
    return {one: Expectation(one, PER_NODE) for one in faults}


def verdict(control: str, node: str, message: str = "", outcome: Outcome = "fail") -> Verdict:
    """A verdict as a run would give it."""
    return Verdict(
        control=control,
        node=f"{node}.example" if node else "",
        outcome=outcome,
        message=message,
        title="",
        why="",
        fix="",
        severity="high",
        notes="network",
        impact="passive",
        test=f"tests/test_x.py::test_{control}[{node}]" if control else f"hosts::{node}",
        seconds=0.0,
    )


class Quiet:
    """Takes steps and notes, and shows nothing."""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Not shown."""
        del name
        yield

    def note(self, text: str) -> None:
        """Not shown."""


class Scene:
    """A :class:`Stage` that remembers what is broken; ``shows`` tells what a fault turns."""

    master = "node1"

    def __init__(self, shows: Mapping[str, list[Verdict]]) -> None:
        self.shows = shows
        self.broken: list[str] = []
        self.told: list[str] = []
        self.stubborn: set[str] = set()
        self.before_suite: Callable[[int], None] = lambda _: None

    def shell(self, node: str, text: str) -> None:
        """``break NAME`` and ``mend NAME``; a name in ``stubborn`` cannot be mended."""
        deed, _, name = text.partition("\n")[0].partition(" ")
        self.told.append(f"{node}: {deed} {name}")
        if name in self.stubborn and deed == "mend":
            raise CommandFailed(f"{name} stays")
        if deed == "break":
            self.broken.append(name)
        else:
            self.broken.remove(name)

    def suite(self, number: int, tests: Sequence[str] = ()) -> list[Verdict]:
        """What is broken shows, of the tests that are asked for."""
        self.told.append(" ".join((f"suite {number}", *tests)))
        self.before_suite(number)
        red = [one for name in self.broken for one in self.shows.get(name, [])]
        every = [verdict("W05", "node1", outcome="pass"), *red]
        return [one for one in every if not tests or one.test.partition("[")[0] in tests]

    def reset(self) -> None:
        """Nothing is broken any more."""
        self.told.append("reset")
        self.broken.clear()

    def hold(self) -> None:
        """Told."""
        self.told.append("hold")

    def release(self) -> None:
        """Told."""
        self.told.append("release")

    def tend(self) -> None:
        """Told."""
        self.told.append("tend")
