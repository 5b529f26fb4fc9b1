"""Whether nodes hold the same files: asked again while Ganeti is still copying them."""

from collections.abc import Callable, Mapping, Sequence

from gntverify.cluster import Node
from gntverify.deadline import wait_for
from gntverify.ganeti.files import CONFIG, Copy, read_copies

REST_S = 10
"""A change reaches all nodes within seconds; a file that differs and is older stays so."""
LIMIT_S = 60.0

Tables = Mapping[str, Mapping[str, Copy]]
Hashes = Mapping[str, Mapping[str, str]]


def shared(nodes: Sequence[Node]) -> Hashes:
    """Node to short hash of each file that every node should have, once none is under way.

    Raises:
        DeadlinePassed: as :func:`settled`.
    """
    return _hashes(settled(nodes, lambda name: name != CONFIG))


def configuration(nodes: Sequence[Node]) -> Hashes:
    """The same of the configuration alone.

    Raises:
        DeadlinePassed: as :func:`settled`.
    """
    return _hashes(settled(nodes, lambda name: name == CONFIG))


def settled(nodes: Sequence[Node], belongs: Callable[[str], bool]) -> Tables:
    """Node to file to copy, of the files that belong to the question, once none is under way.

    Jobs change files between two questions. So what differs and has changed just now is asked
    again, until it is equal or at rest.

    Raises:
        DeadlinePassed: files differ whenever they are asked for, and never come to rest.
    """
    tables = {node.short: _only(node.copies, belongs) for node in nodes}
    if not restless(tables):
        return tables
    return wait_for(
        "Rest among the files that Ganeti copies (do jobs run?)",
        lambda: _probed(nodes, belongs),
        LIMIT_S,
        every_s=1.0,
    )


def _probed(nodes: Sequence[Node], belongs: Callable[[str], bool]) -> tuple[Tables | None, str]:
    tables = {node.short: _only(read_copies(node.source, fresh=True), belongs) for node in nodes}
    moving = restless(tables)
    return (None if moving else tables), f"{', '.join(moving)} just changed"


def _only(copies: Mapping[str, Copy], belongs: Callable[[str], bool]) -> Mapping[str, Copy]:
    return {name: copy for name, copy in copies.items() if belongs(name)}


def restless(tables: Tables) -> tuple[str, ...]:
    """Files that are not the same on all nodes, and changed on one of them a moment ago."""
    names = sorted({name for table in tables.values() for name in table})
    return tuple(name for name in names if _differs(tables, name) and _is_young(tables, name))


def _differs(tables: Tables, name: str) -> bool:
    return len({table[name].sha256 if name in table else "" for table in tables.values()}) > 1


def _is_young(tables: Tables, name: str) -> bool:
    return any(0 <= table[name].age_s < REST_S for table in tables.values() if name in table)


def _hashes(tables: Tables) -> Hashes:
    return {
        node: {name: copy.short for name, copy in table.items()} for node, table in tables.items()
    }
