"""Marks: what of a run is red, and what a fault says should be; how the two compare.

A mark is a control and the node it is judged on (``""`` for the cluster as a whole). What
`gnt-cluster verify` finds comes through two controls only, C04 and C05; its codes are marks of
their own, with the file that they are about, so that faults with different ones can share a run.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gntverify.verdicts import Verdict
from sabotage.fault import VERIFY, Fault

CALM = ("pass", "not-applicable", "waived")
CODE = "code"
_FINDING = re.compile(
    r"\b(E[A-Z0-9]+) \((?:cluster|group|node|instance)\b.*?(?=; E[A-Z0-9]+ \(|$)", re.DOTALL
)
_FILE = re.compile(r": File (/\S+) ")


@dataclass(frozen=True, order=True, slots=True)
class Mark:
    """A control on a node, or ``code`` and a code of `gnt-cluster verify`, with its file."""

    control: str
    place: str = ""

    def __str__(self) -> str:
        if self.control == CODE:
            return self.place
        return f"{self.control or 'unreachable'} {self.place}".strip()


class Expectation:
    """What must turn with a fault.

    Attributes:
        main: its control.
        also: other controls.
        codes: codes of verify.
    """

    def __init__(self, fault: Fault, per_node: Mapping[str, bool]) -> None:
        """``per_node``: control to whether it judges each node."""

        def mark(control: str, node: str) -> Mark:
            return Mark(control, node if per_node[control] else "")

        parted = [entry.partition(" on ") for entry in fault.also]
        self.main = mark(fault.control, fault.node)
        self.also = frozenset(mark(id_, node or fault.node) for id_, _, node in parted)
        self.codes = frozenset(Mark(CODE, code) for code in fault.codes)

    @property
    def controls(self) -> frozenset[Mark]:
        """All controls that must turn."""
        return self.also | {self.main}

    @property
    def marks(self) -> frozenset[Mark]:
        """All marks that must show."""
        return self.controls | self.codes

    @property
    def speaks(self) -> bool:
        """Whether verify tells of it."""
        return any(mark.control in VERIFY for mark in self.controls)

    @property
    def own(self) -> frozenset[Mark]:
        """The marks that no other fault may have in the same run."""
        if not self.codes:
            return self.marks
        return frozenset(mark for mark in self.marks if mark.control not in VERIFY)

    def clashes(self, other: "Expectation") -> bool:
        """Whether one run could not tell the two apart."""
        silent = not (self.codes and other.codes)
        return bool(self.own & other.own) or (silent and self.speaks and other.speaks)


@dataclass
class Seen:
    """What is red in a run: mark to outcomes and messages."""

    outcomes: dict[Mark, set[str]] = field(default_factory=lambda: defaultdict(set))
    messages: dict[Mark, str] = field(default_factory=lambda: defaultdict(str))

    @property
    def marks(self) -> frozenset[Mark]:
        """All that is red, or could not be told."""
        return frozenset(self.outcomes)

    def told(self, marks: Iterable[Mark]) -> list[str]:
        """Marks with what was said, one line each."""
        return [
            f"{mark} ({'/'.join(sorted(self.outcomes[mark]))}): {self.messages[mark]}".strip()
            for mark in sorted(marks)
        ]


def seen_in(verdicts: Iterable[Verdict]) -> Seen:
    """What is neither a pass nor not applicable."""
    seen = Seen()
    for verdict in verdicts:
        if verdict.outcome in CALM:
            continue
        mark = Mark(verdict.control, verdict.node.split(".", 1)[0])
        seen.outcomes[mark].add(verdict.outcome)
        seen.messages[mark] += verdict.message
        if verdict.control in VERIFY:
            for found in _FINDING.finditer(verdict.message):
                file = _FILE.search(found[0])
                code = Mark(CODE, f"{found[1]} {file[1]}" if file else found[1])
                seen.outcomes[code].add(verdict.outcome)
                seen.messages[code] += f"{found[0]} "
    return seen


@dataclass(frozen=True)
class Judged:
    """A fault beside what was seen.

    Attributes:
        red: its control failed where it must, naming what it must.
        missing: what was declared and did not turn.
        collateral: what was declared and turned beside its control.
    """

    red: bool
    missing: tuple[str, ...]
    collateral: tuple[str, ...]


def judged(fault: Fault, expected: Expectation, seen: Seen) -> Judged:
    """What a run says of one fault."""
    turned = "fail" in seen.outcomes.get(expected.main, ())
    # what verify says is shared by many: there the codes tell whose it is
    speaking = expected.codes if expected.main.control in VERIFY else frozenset[Mark]()
    told = " ".join(seen.messages.get(mark, "") for mark in speaking or {expected.main})
    named = bool(expected.main.place) or fault.word in told
    red = turned and named and speaking <= seen.marks
    beside = (expected.also | expected.codes) - {expected.main}
    missing = [str(mark) for mark in sorted(beside - seen.marks)]
    if not red:
        missing.insert(0, f"{expected.main}" + ("" if named else f" naming {fault.word!r}"))
    there = tuple(str(mark) for mark in sorted(beside & seen.marks))
    return Judged(red, tuple(missing), there)


def strays(seen: Seen, expected: Iterable[Expectation]) -> frozenset[Mark]:
    """What is red and nobody declared."""
    declared = list(expected)
    allowed = frozenset[Mark]().union(*(one.marks for one in declared))
    left = seen.marks - allowed
    if any(one.speaks and not one.codes for one in declared):
        left = frozenset(mark for mark in left if mark.control != CODE)
    if any(mark.control in VERIFY for mark in left):
        left = frozenset(mark for mark in left if mark.control != CODE)  # told by its control
    return left
