"""A node's clock against the runner's."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.shape import refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

DATE = ("date", "+%s.%N")
AFTER = ("true", "after-date")  # asked second: when it was asked, the first had answered


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the node's clock is ahead of the runner's: between two bounds, in seconds."""

    low_s: float
    high_s: float

    @property
    def uncertainty_s(self) -> float:
        """Width of the interval."""
        return self.high_s - self.low_s

    @property
    def middle_s(self) -> float:
        """The middle of it, for messages."""
        return (self.low_s + self.high_s) / 2

    def apart_s(self, other: "Reading") -> float:
        """By how many seconds two clocks differ at least."""
        return max(0.0, self.low_s - other.high_s, other.low_s - self.high_s)

    def __str__(self) -> str:
        return f"{self.middle_s:+.3f} s ± {self.uncertainty_s / 2:.3f}"


RUNNER = Reading(0.0, 0.0)
EXACT_S = 0.2
TRIES = 5


def parse_date(text: str) -> float:
    """Unix time of ``date +%s.%N``.

    Raises:
        ParseError: it is none.
    """
    if not re.fullmatch(r"[0-9]{9,11}\.[0-9]{9}\n?", text, re.ASCII):
        raise refuse("date +%s.%N", text)
    return float(text)


def read_reading(source: "Source") -> Reading:
    """The node's clock against the runner's, asked now and never taken from a cache.

    On a busy node the answer takes its time: then it is asked up to five times, and the most
    exact reading counts.

    Raises:
        ParseError: the answer is no time, or the two were not asked one after the other.
    """
    best = _read(source)
    for _ in range(TRIES - 1):
        if best.uncertainty_s <= EXACT_S:
            break
        best = min(best, _read(source), key=lambda reading: reading.uncertainty_s)
    return best


def _read(source: "Source") -> Reading:
    """One reading.

    The node read its clock after the question was put and before the next one was, both by the
    runner's clock; that interval is all the uncertainty there is, and it is in the evidence.
    """
    answer = source.ask(DATE, fresh=True)
    after = source.ask(AFTER, fresh=True)
    node_s = parse_date(answer.text())
    if after.started <= answer.started + answer.seconds:
        raise ParseError(
            f"On {answer.host!r}, `date` and the question behind it were not asked one after the"
            " other, so that nobody can tell when the clock was read."
        )
    return Reading(node_s - after.started, node_s - answer.started)
