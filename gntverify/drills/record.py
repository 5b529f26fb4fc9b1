"""The drill record: what was restored, when, how far it came; kept on the nodes themselves.

``/var/lib/gntverify/drills.jsonl`` on every node that answered, so that B05 and an auditor find it
from wherever they ask. A line is a :class:`Record`; files of nodes that were away lack lines, so
all are read.
"""

import json
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from gntverify.facts.shape import number, refuse

if TYPE_CHECKING:
    from gntverify.cluster import Node
    from gntverify.transport.source import Source

FILE = "/var/lib/gntverify/drills.jsonl"
LEVELS = ("L0", "L1", "L2", "L3", "L4", "L5")
OVER = ("pass", "not-applicable")
ENDS = ("pass", "fail", "unknown", "not-applicable")
DAY_S = 86400
RISK = 2.0
"""How many times a day counts for an instance that has one copy of its disks."""
COMMAND = ["sh", "-c", f'date +"now %s"; [ ! -e {FILE} ] || cat {FILE}']


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
        return all(self.levels.get(level) in OVER for level in LEVELS)


@dataclass(frozen=True, slots=True)
class Told:
    """What one node keeps: its records, the oldest first, and its clock, Unix time."""

    now: int
    records: tuple[Record, ...]


def parse_records(text: str) -> Told:
    """What :data:`COMMAND` printed.

    Raises:
        ParseError: a line is no record, or the clock is not told.
    """
    first, *lines = text.splitlines() or [""]
    if not first.startswith("now "):
        raise refuse("date", first)
    records = sorted(map(_record, lines), key=lambda record: record.at)
    return Told(number("date", first.removeprefix("now ")), tuple(records))


def _record(line: str) -> Record:
    try:
        record = Record(**json.loads(line))
        levels = set(record.levels) <= set(LEVELS) and set(record.levels.values()) <= set(ENDS)
        numbers = [record.at, record.exported, *record.took.values()]
        if not levels or not all(type(value) in (int, float) for value in numbers):
            raise ValueError(line)
        texts = [record.instance, *record.digests.values()]
        if not all(isinstance(value, str) for value in texts):
            raise ValueError(line)
    except (ValueError, TypeError, AttributeError) as err:
        raise refuse(FILE, line) from err
    return record


def read_records(sources: Iterable["Source"]) -> Told:
    """Ask the nodes: what any of them keeps, by the clock of the first.

    Raises:
        CommandFailed, CommandTimeout, ParseError: a node did not tell.
    """
    told = [parse_records(source.ask(COMMAND).text()) for source in sources]
    known = {(one.instance, one.at): one for node in told for one in node.records}
    return Told(told[0].now, tuple(sorted(known.values(), key=lambda record: record.at)))


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


def most_due(names: Iterable[str], told: Told, exposed: Collection[str] = ()) -> list[str]:
    """Names by how much a drill of each is due, the most first.

    One that was never drilled comes first, then whose last drill, whatever its end, is longest
    ago: what fails each time does not keep the others waiting. The days of what would be lost with
    one disk (``exposed``) count :data:`RISK` times.
    """
    last = {record.instance: record.at for record in told.records}

    def due(name: str) -> tuple[float, bool, str]:
        days = max(0.0, told.now - last[name]) / DAY_S if name in last else float("inf")
        return -days * (RISK if name in exposed else 1.0), name not in exposed, name

    return sorted(names, key=due)


def unproven(names: Iterable[str], told: Told, every_days: float) -> dict[str, str]:
    """Instance to why its restore is not proven: never drilled, failed last time, too long ago."""
    last = {record.instance: record for record in told.records}
    found = {name: _unproven(last.get(name), told.now, every_days) for name in names}
    return {name: why for name, why in found.items() if why}


def _unproven(record: Record | None, now: int, every_days: float) -> str:
    if record is None:
        return "never restored"
    days = (now - record.at) / DAY_S
    if not record.passed:
        wrong = next(
            (name for name in LEVELS if record.levels.get(name) not in OVER), "an unknown level"
        )
        return f"{days:.0f} days ago it did not pass {wrong}"
    return f"last restored {days:.0f} days ago" if days > every_days else ""
