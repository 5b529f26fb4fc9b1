"""Saying which node is the odd one out."""

from collections import defaultdict
from collections.abc import Hashable, Mapping
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
