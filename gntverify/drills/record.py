"""The drill record: what was restored, when, how far it came; kept on the nodes themselves.

``/var/lib/gntverify/drills.jsonl`` on every node that answered, so that B05 and an auditor find it
from wherever they ask. A line is a :class:`Record`; files of nodes that were away lack lines, so
all are read.
"""

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from gntverify.facts.shape import refuse

if TYPE_CHECKING:
    from gntverify.cluster import Node
    from gntverify.transport.source import Source

FILE = "/var/lib/gntverify/drills.jsonl"
LEVELS = ("L0", "L1", "L2", "L3", "L4", "L5")
COMMAND = ["sh", "-c", f"[ ! -e {FILE} ] || cat {FILE}"]


@dataclass(frozen=True, slots=True)
class Record:
    """One climb of the restore ladder.

    Attributes:
        instance: whose export it was.
        at: Unix time of its end, the runner's clock.
        exported: Unix time of the export, as it says itself; 0 when it does not.
        levels: level to outcome, as far as it came.
        took: phase to its seconds.
        digests: file of the export to its SHA-256.
    """

    instance: str
    at: float
    exported: int
    levels: Mapping[str, str]
    took: Mapping[str, float] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every level was reached and held, or has no subject."""
        return all(self.levels.get(level) in ("pass", "not-applicable") for level in LEVELS)


def parse_records(text: str) -> list[Record]:
    """Records, the oldest first; what two nodes tell is told once.

    Raises:
        ParseError: a line is no record.
    """
    found = {}
    for line in text.splitlines():
        try:
            record = Record(**json.loads(line))
            found[record.instance, float(record.at)] = record
            if not all(isinstance(part, dict) for part in (record.levels, record.took)):
                raise TypeError(line)
        except (ValueError, TypeError) as err:
            raise refuse(FILE, line) from err
    return sorted(found.values(), key=lambda record: record.at)


def read_records(sources: Iterable["Source"]) -> list[Record]:
    """Ask the nodes.

    Raises:
        CommandFailed, CommandTimeout, ParseError: a node did not tell.
    """
    return parse_records("".join(source.ask(COMMAND).text() for source in sources))


def keep(nodes: Sequence["Node"], record: Record) -> None:
    """Write it on every node.

    Raises:
        CommandFailed, CommandTimeout: a node did not take it.
    """
    line = shlex.quote(json.dumps(asdict(record), sort_keys=True))
    text = f"umask 077; mkdir -p {FILE.rpartition('/')[0]} && printf '%s\\n' {line} >> {FILE}"

    def write(node: "Node") -> None:
        node.source.ask(["sh", "-c", text], fresh=True).text()

    with ThreadPoolExecutor(len(nodes)) as pool:
        list(pool.map(write, nodes))


def oldest_first(names: Iterable[str], records: Iterable[Record]) -> list[str]:
    """Names by the date of their last drill that passed; those without one first."""
    last = {record.instance: record.at for record in records if record.passed}
    return sorted(names, key=lambda name: (last.get(name, 0.0), name))
