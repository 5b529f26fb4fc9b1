"""Verdicts: what a run says of one control on one subject, and the stream they go to."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from gntverify.errors import ParseError

Outcome = Literal["pass", "fail", "unknown", "waived", "not-applicable", "stale-waiver"]
OUTCOMES: tuple[Outcome, ...] = (
    "pass",
    "fail",
    "unknown",
    "waived",
    "not-applicable",
    "stale-waiver",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of ``verdicts.jsonl``.

    Attributes:
        control: id of the control, or ``""`` for an event (an unreachable host).
        node: the node's name, or ``""`` when the cluster as a whole is judged.
        outcome: one of :data:`OUTCOMES`.
        message: expected and actual, or the reason; empty for a pass.
        title, why, fix, severity, notes, impact: as declared by the control.
        test: pytest's node id.
        seconds: time of the test.
        evidence: keys of the answers it looked at (see ``evidence/``).
        have: what was seen, as short text, where the control tells it.
        want: what was expected, likewise.
        ticket: of the waiver that excuses the failure; empty for anything not waived.
        measured: what a drill timed, in words, and its seconds, in the order it came.
    """

    control: str
    node: str
    outcome: Outcome
    message: str
    title: str
    why: str
    fix: str
    severity: str
    notes: str
    impact: str
    test: str
    seconds: float
    evidence: list[str] = field(default_factory=list)
    want: str = ""
    have: str = ""
    ticket: str = ""
    measured: dict[str, float] = field(default_factory=dict)

    def as_line(self) -> str:
        """The verdict as one line of JSON, without its newline."""
        return json.dumps(dict(sorted(asdict(self).items())))  # what was measured has an order


KNOWN = frozenset(one.name for one in fields(Verdict))


def read(path: Path) -> Iterator[Verdict]:
    """The verdicts of a ``verdicts.jsonl``, in the order they fell; fields not known are skipped.

    Raises:
        ParseError: a line is no verdict; the message names file and line.
    """
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            data: dict[str, Any] = json.loads(line)
            yield Verdict(**{key: value for key, value in data.items() if key in KNOWN})
        except (ValueError, TypeError) as err:
            raise ParseError(f"{path}, line {number}, is no verdict: {err}") from err
