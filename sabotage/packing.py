"""Which faults share a run: as few runs as possible, and in each every red has one cause."""

from collections.abc import Mapping, Sequence

from sabotage.fault import Fault
from sabotage.marks import Expectation

MOST = 18
"""Faults in a round: with more, nobody finds the one that did what was not declared."""

Round = tuple[Fault, ...]


def packed(
    faults: Sequence[Fault], expected: Mapping[Fault, Expectation], most: int = MOST
) -> list[Round]:
    """Rounds of faults that one run can tell apart; the same faults give the same rounds.

    The most contested fault is placed first, each in the first round that takes it. Those that
    only a reset undoes come last, among themselves: one reset ends a round of them.
    """
    contested = {
        fault: sum(expected[fault].clashes(expected[other]) for other in faults)
        for fault in faults
    }
    order = sorted(
        faults,
        key=lambda fault: (fault.by_reset, fault.alone, -contested[fault], str(fault)),
    )
    rounds: list[list[Fault]] = []
    for fault in order:
        fits = (group for group in rounds if _fits(fault, group, expected, most))
        home = next(fits, None)
        if home is None:
            rounds.append(home := [])
        home.append(fault)
    return [tuple(group) for group in rounds]


def _fits(
    fault: Fault, group: Sequence[Fault], expected: Mapping[Fault, Expectation], most: int
) -> bool:
    if len(group) >= most or fault.alone or any(other.alone for other in group):
        return False
    if any(other.by_reset != fault.by_reset for other in group):
        return False
    if any(other.control in fault.apart or fault.control in other.apart for other in group):
        return False
    return not any(expected[fault].clashes(expected[other]) for other in group)
