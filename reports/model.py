"""A finished run as a reader wants it: what is red first, then section by section."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gntverify.controls import SECTIONS
from gntverify.errors import ParseError
from gntverify.verdicts import Verdict, read

WORST = ("fail", "unknown", "stale-waiver", "waived", "pass", "not-applicable")
"""Outcomes, what needs attention first; a control is as bad as its worst verdict."""

SEVERITIES = ("critical", "high", "medium", "low")
CALM = ("pass", "waived", "not-applicable")
MOST_OUTPUT = 4000
CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Shown:
    """One answer as the report shows it.

    Attributes:
        cut: how many characters of output the report leaves out; they are in ``evidence/``.
    """

    key: str
    host: str
    command: str
    rc: int | None
    when: float
    seconds: float
    output: str
    cut: int


@dataclass(slots=True)
class Row:
    """A control and its verdict on each node.

    Attributes:
        cells: node's short name, or ``cluster``, to verdict.
    """

    id: str
    title: str
    why: str
    fix: str
    severity: str
    cells: dict[str, Verdict] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """The worst of its verdicts."""
        return min((v.outcome for v in self.cells.values()), key=WORST.index)

    @property
    def told(self) -> list[Verdict]:
        """Verdicts that have something to say."""
        return [verdict for verdict in self.cells.values() if verdict.message]

    @property
    def evidence(self) -> list[str]:
        """Keys of the answers behind it, each once."""
        return list(dict.fromkeys(key for v in self.cells.values() for key in v.evidence))


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the deployment notes and the controls that judge it."""

    key: str
    title: str
    rows: Sequence[Row]

    @property
    def counts(self) -> Counter[str]:
        """How many of its controls have which outcome."""
        return Counter(row.outcome for row in self.rows)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the page shows."""

    meta: Mapping[str, Any]
    nodes: Sequence[str]
    sections: Sequence[Section]
    events: Sequence[Verdict]
    attention: Sequence[Verdict]
    counts: Counter[str]
    controls: int
    answers: Mapping[str, Shown]

    @property
    def sentence(self) -> str:
        """The verdict of the whole run, in one sentence."""
        bad = [row for section in self.sections for row in section.rows]
        failed = sum(row.outcome == "fail" for row in bad)
        unknown = sum(row.outcome == "unknown" for row in bad)
        if not self.controls:
            return "Nothing was judged."
        parts = [f"{failed} of {self.controls} controls failed" if failed else ""]
        parts.append(f"{unknown} could not be told" if unknown else "")
        parts.append(_unreachable(len(self.events)))
        said = "; ".join(part for part in parts if part)
        return f"{said}." if said else f"All {self.controls} controls are well."

    @property
    def mood(self) -> str:
        """``fail``, ``unknown`` or ``pass``: the colour of the page."""
        if self.counts["fail"]:
            return "fail"
        return "unknown" if self.counts["unknown"] or not self.controls else "pass"


def load(run_dir: Path) -> Report:
    """The run in a folder.

    Raises:
        ParseError: a file of it is missing or not understood.
    """
    verdicts = list(read(run_dir / "verdicts.jsonl"))
    meta = _json(run_dir / "meta.json")
    judged = [verdict for verdict in verdicts if verdict.control]
    rows = _rows(judged)
    nodes = list(dict.fromkeys(_short(name) for name in meta.get("nodes", [])))
    nodes += sorted({cell for row in rows.values() for cell in row.cells} - {*nodes, CLUSTER})
    sections = [
        Section(key, title, [rows[id_] for id_ in sorted(rows) if _section(judged, id_) == key])
        for key, title in SECTIONS.items()
    ]
    attention = sorted(
        (verdict for verdict in judged if verdict.outcome not in CALM),
        key=lambda v: (
            WORST.index(v.outcome),
            SEVERITIES.index(v.severity) if v.severity in SEVERITIES else 9,
            v.control,
            v.node,
        ),
    )
    wanted = {key for row in rows.values() for key in row.evidence}
    return Report(
        meta=meta,
        nodes=nodes,
        sections=sections,
        events=[verdict for verdict in verdicts if not verdict.control],
        attention=attention,
        counts=Counter(verdict.outcome for verdict in judged),
        controls=len(rows),
        answers=_answers(run_dir / "evidence", wanted, _loud(judged)),
    )


def _unreachable(number: int) -> str:
    return f"{number} host{'s' if number > 1 else ''} could not be asked" if number else ""


def _rows(judged: Iterable[Verdict]) -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for v in judged:
        row = rows.setdefault(v.control, Row(v.control, v.title, v.why, v.fix, v.severity))
        row.cells[_short(v.node) or CLUSTER] = v
    return rows


def _section(judged: Iterable[Verdict], control: str) -> str:
    return next(verdict.notes for verdict in judged if verdict.control == control)


def _loud(judged: Iterable[Verdict]) -> set[str]:
    """Answers behind what is not calm: those are shown at length."""
    return {key for v in judged if v.outcome not in CALM for key in v.evidence}


def _short(name: str) -> str:
    return name.split(".", 1)[0]


def _json(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise ParseError(f"{path} is not the meta.json of a run: {err}") from err
    return dict(data)


def _answers(directory: Path, wanted: set[str], loud: set[str]) -> dict[str, Shown]:
    found: dict[str, Shown] = {}
    for path in sorted(directory.glob("*.jsonl")) if directory.exists() else []:
        for line in path.read_text(encoding="utf-8").splitlines():
            data = json.loads(line)
            if data["key"] in wanted:
                found[data["key"]] = _shown(data, MOST_OUTPUT if data["key"] in loud else 400)
    return found


def _shown(data: Mapping[str, Any], most: int) -> Shown:
    argv = data["argv"]
    command = argv[2] if argv[:2] == ["sh", "-c"] else " ".join(argv)
    output = data["stdout"] + (f"\n[stderr]\n{data['stderr']}" if data["stderr"] else "")
    return Shown(
        data["key"],
        data["host"],
        printable(command[:2000]),
        data["rc"],
        data["started"],
        data["seconds"],
        printable(output[:most]),
        max(0, len(output) - most),
    )


def printable(text: str) -> str:
    """The text with everything that is no plain character made visible."""
    return "".join(
        char
        if char in "\n\t" or (char.isprintable() and not 0xD800 <= ord(char) <= 0xDFFF)
        else "\ufffd"
        for char in text
    )
