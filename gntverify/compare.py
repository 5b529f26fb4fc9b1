"""Saying which node is the odd one out."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

T = TypeVar("T", bound=Hashable)


def odd_ones_out(values: Mapping[str, T]) -> str:
    """Who differs from most, values side by side; empty when all values are equal.

    ``"node3: 6.1.0-18; node1, node2: 6.1.0-21"``: the smallest group first. Without a majority
    nobody is singled out by the order of the names: the groups are only told apart.

    Raises:
        ValueError: there is nothing to compare.
    """
    if not values:
        raise ValueError("nothing to compare")
    groups: dict[T, list[str]] = defaultdict(list)
    for name, value in sorted(values.items()):
        groups[value].append(name)
    if len(groups) == 1:
        return ""
    by_size = sorted(groups.items(), key=lambda group: (len(group[1]), group[1]))
    return "; ".join(f"{', '.join(names)}: {_shown(value)}" for value, names in by_size)


def odd_keys(tables: Mapping[str, Mapping[str, T]]) -> str:
    """The same for a table a node: every key on which the tables differ, a sentence each.

    A key that a table lacks is shown as ``nothing``; tables that are all empty are equal.

    Raises:
        ValueError: there is nothing to compare.
    """
    if not tables:
        raise ValueError("nothing to compare")
    keys = sorted({key for table in tables.values() for key in table})
    odd = {
        key: odd_ones_out({name: table.get(key) for name, table in tables.items()}) for key in keys
    }
    return " | ".join(f"{key}: {groups}" for key, groups in odd.items() if groups)


def doubles(owners: Mapping[str, Iterable[T]]) -> str:
    """What more than one owner holds, and who does; empty when everybody's is his own.

    ``"aa:00:00:01:02:03: node2, vm1"``. What one owner holds twice is no double.

    Raises:
        ValueError: there is nothing to compare.
    """
    if not owners:
        raise ValueError("nothing to compare")
    held: dict[T, list[str]] = defaultdict(list)
    for owner, values in sorted(owners.items()):
        for value in set(values):
            held[value].append(owner)
    told = (f"{value}: {', '.join(names)}" for value, names in held.items() if len(names) > 1)
    return "; ".join(sorted(told))


def across_reboot(
    want: Mapping[str, object],
    now: Mapping[str, object],
    at_boot: Mapping[str, object],
    by: Mapping[str, str] | None = None,
) -> str:
    """What is wrong now, and what a reboot makes of it; empty when all three tables agree.

    ``"passes now, fails after the next reboot: stp (off now, on at boot)"``, keys of one fate
    together. A key that ``want`` lacks must only stay what it is: nobody said what is right.

    Args:
        want: key to the value expected.
        now: key to the value in force.
        at_boot: key to the value that the next boot sets.
        by: key to the file that sets it, where that helps.
    """
    fates: dict[str, list[str]] = defaultdict(list)
    for key in sorted(want.keys() | now.keys() | at_boot.keys()):
        have, then = now.get(key), at_boot.get(key)
        right = want.get(key, have)
        if have == then == right:
            continue
        file = f" by {by[key]}" if by and key in by else ""
        told = f"{_shown(have)} now, {_shown(then)} at boot{file}"
        if right not in (have, then):
            told += f", expected {_shown(right)}"
        fates[_fate(key in want, have == right, then == right)].append(f"{key} ({told})")
    return " | ".join(f"{fate}: {', '.join(keys)}" for fate, keys in fates.items())


def _fate(judged: bool, passes_now: bool, passes_then: bool) -> str:
    if not judged:
        return "changes with the next reboot"
    if passes_now:
        return "passes now, fails after the next reboot"
    return "wrong now, right after the next reboot" if passes_then else "wrong now and at boot"


def difference(want: Mapping[str, object], have: Mapping[str, object]) -> str:
    """Keys whose value is not the one wanted, both values side by side; empty when none is."""
    return ", ".join(
        f"{key} is {_shown(have.get(key))}, expected {_shown(want.get(key))}"
        for key in sorted(want.keys() | have.keys())
        if want.get(key) != have.get(key)
    )


def listed(items: object) -> str:
    """What is in a set or mapping as a person would list it; ``nothing`` when it is empty."""
    return _shown(items)


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return (
            ", ".join(f"{key}: {_shown(own)}" for key, own in sorted(value.items())) or "nothing"
        )
    if isinstance(value, frozenset | set | tuple | list):
        return ", ".join(sorted(map(str, value))) or "nothing"
    return str(value) or "empty"
