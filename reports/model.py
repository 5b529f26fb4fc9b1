"""A finished run as a reader wants it: what is red first, then section by section."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from gntverify.controls import SECTIONS
from gntverify.errors import ParseError
from gntverify.verdicts import OUTCOMES, Outcome, Verdict, read
from reports.answers import Shown, pick
from reports.meta import Meta, read_meta
from reports.perf import Plotted, plotted
from reports.words import sentence

WORST = ("fail", "unknown", "stale-waiver", "waived", "pass", "not-applicable")
"""Outcomes, what needs attention first; a control is as bad as its worst verdict."""

SEVERITIES = ("critical", "high", "medium", "low")
CALM = ("pass", "waived", "not-applicable")
CLUSTER = "cluster"
"""The column of controls that judge the cluster as a whole."""


@dataclass(frozen=True, slots=True)
class Said:
    """The same verdict in the same words, and all places it was given at."""

    outcome: str
    message: str
    want: str
    have: str
    places: Sequence[str]


@dataclass
class Row:
    """A control and its verdicts.

    Attributes:
        cells: node's name as shown, or ``cluster``, to verdicts; more than one when a control
            was judged several times there.
    """

    id: str
    title: str
    why: str
    fix: str
    severity: str
    notes: str
    cells: dict[str, list[Verdict]] = field(default_factory=dict)

    @cached_property
    def at(self) -> dict[str, str]:
        """The worst outcome at each place."""
        return {place: _worst(v.outcome for v in said) for place, said in self.cells.items()}

    @cached_property
    def outcome(self) -> str:
        """The worst of all its verdicts."""
        return _worst(self.at.values())

    @cached_property
    def said(self) -> list[Said]:
        """Its verdicts, worst first, the same words once."""
        same: dict[tuple[str, str, str, str], list[str]] = {}
        for place, verdicts in self.cells.items():
            for v in verdicts:
                told = same.setdefault((v.outcome, v.message, v.want, v.have), [])
                told.append(_subject(v.test) if place == CLUSTER else place)
        every = [Said(*words, list(dict.fromkeys(places))) for words, places in same.items()]
        return sorted(every, key=lambda one: WORST.index(one.outcome))

    @cached_property
    def measured(self) -> dict[str, float]:
        """What its drills timed, in words, and the seconds."""
        every = (v.measured for verdicts in self.cells.values() for v in verdicts)
        return {words: seconds for one in every for words, seconds in one.items()}

    @cached_property
    def evidence(self) -> list[str]:
        """Keys of the answers behind it, each once, those behind what is not calm first."""
        return list(dict.fromkeys([*self.loud, *self._keys(CALM)]))

    @property
    def loud(self) -> list[str]:
        """Keys of the answers behind what is not calm."""
        return self._keys(tuple(outcome for outcome in WORST if outcome not in CALM))

    def _keys(self, outcomes: Sequence[str]) -> list[str]:
        every = (v for verdicts in self.cells.values() for v in verdicts)
        return [key for v in every if v.outcome in outcomes for key in v.evidence]


@dataclass(frozen=True, slots=True)
class Finding:
    """A control that needs attention, with what was said where it does."""

    row: Row
    outcome: str
    said: Sequence[Said]

    @property
    def fix(self) -> str:
        """What to do: about the cluster, or about the waiver."""
        waiver = "Take the waiver out of the site file, or correct it."
        return waiver if self.outcome == "stale-waiver" else self.row.fix


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

    def at(self, place: str) -> tuple[str, int]:
        """The worst outcome at a place, and how many controls have it; ``""`` for none."""
        have = Counter(row.at[place] for row in self.rows if place in row.at)
        worst = _worst(have) if have else ""
        return worst, have[worst]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the page shows; ``places`` are the columns of its matrix."""

    meta: Meta
    places: Sequence[str]
    sections: Sequence[Section]
    events: Sequence[Verdict]
    findings: Sequence[Finding]
    counts: Counter[str]
    answers: Mapping[str, Shown]
    figures: Sequence[Plotted] = ()

    @property
    def rows(self) -> list[Row]:
        """Every control."""
        return [row for section in self.sections for row in section.rows]

    @property
    def sentence(self) -> str:
        """The verdict of the whole run, in one sentence."""
        failed = [row for row in self.rows if row.outcome == "fail"]
        at = [p for p in self.places if any(row.at.get(p) == "fail" for row in failed)]
        counts = Counter(row.outcome for row in self.rows)
        return sentence(
            counts,
            at,
            self.lost,
            self.stale,
            left=self.left,
            interrupted=self.meta.interrupted,
        )

    @property
    def lost(self) -> int:
        """How many hosts were not judged."""
        return self._events("unknown")

    @property
    def stale(self) -> int:
        """How many waivers excuse nothing."""
        return self.counts["stale-waiver"] + self._events("stale-waiver")

    @property
    def left(self) -> bool:
        """Whether drills have left the cluster other than it was."""
        return self._events("fail") > 0

    def _events(self, outcome: Outcome) -> int:
        return sum(event.outcome == outcome for event in self.events)

    @property
    def mood(self) -> str:
        """``fail``, ``unknown`` or ``pass``: the colour of the page."""
        if self.counts["fail"] or self.stale or self.left:
            return "fail"
        cut = self.meta.interrupted or self.meta.not_reached
        doubt = self.counts["unknown"] or self.events or cut
        return "unknown" if doubt or self.meta.exit_status or not self.counts["pass"] else "pass"


def load(run_dir: Path) -> Report:
    """The run in a folder.

    Raises:
        ParseError: a file of it is missing or not understood.
    """
    meta = read_meta(run_dir / "meta.json")
    verdicts = _verdicts(run_dir / "verdicts.jsonl")
    judged = [verdict for verdict in verdicts if verdict.control]
    short = _short_names({*meta.nodes, *(v.node for v in judged if v.node)})
    rows = _rows(judged, short)
    seen = {place for row in rows for place in row.cells}
    nodes = dict.fromkeys(short[name] for name in meta.nodes)
    findings = _findings(rows)
    return Report(
        meta=meta,
        places=[CLUSTER, *nodes, *sorted(seen - {CLUSTER, *nodes})],
        sections=_sections(rows),
        events=[verdict for verdict in verdicts if not verdict.control],
        findings=findings,
        counts=Counter(verdict.outcome for verdict in judged),
        answers=pick(
            run_dir / "evidence",
            [key for row in rows for key in row.evidence],
            [key for finding in findings for key in finding.row.loud],
        ),
        figures=plotted(run_dir, meta),
    )


def _verdicts(path: Path) -> list[Verdict]:
    try:
        verdicts = list(read(path))
    except OSError as err:
        raise ParseError(f"{path} is not the stream of a run: {err}") from err
    for number, verdict in enumerate(verdicts, 1):
        if verdict.outcome not in OUTCOMES:
            raise ParseError(f"{path}, line {number}: {verdict.outcome!r} is no outcome.")
    return verdicts


def _subject(test: str) -> str:
    """The instance or phase of a test that judges several, else the cluster."""
    return test.rstrip("]").partition("[")[2] or CLUSTER


def _worst(outcomes: Iterable[str]) -> str:
    return min(outcomes, key=WORST.index)


def _rows(judged: Iterable[Verdict], short: Mapping[str, str]) -> list[Row]:
    rows: dict[str, Row] = {}
    for v in judged:
        if v.control not in rows:
            rows[v.control] = Row(v.control, v.title, v.why, v.fix, v.severity, v.notes)
        place = short[v.node] if v.node else CLUSTER
        rows[v.control].cells.setdefault(place, []).append(v)
    return [rows[id_] for id_ in sorted(rows)]


def _sections(rows: Sequence[Row]) -> list[Section]:
    """Those of the notes in their order, then any that this version does not know."""
    unknown = dict.fromkeys(row.notes for row in rows if row.notes not in SECTIONS)
    titles = SECTIONS | {key: key or "Without a section" for key in unknown}
    return [
        Section(key, title, [row for row in rows if row.notes == key])
        for key, title in titles.items()
    ]


def _findings(rows: Iterable[Row]) -> list[Finding]:
    found = [
        Finding(row, outcome, [said for said in row.said if said.outcome == outcome])
        for row in rows
        for outcome in sorted({said.outcome for said in row.said} - set(CALM))
    ]
    return sorted(found, key=lambda one: (WORST.index(one.outcome), _rank(one.row), one.row.id))


def _rank(row: Row) -> int:
    known = row.severity in SEVERITIES
    return SEVERITIES.index(row.severity) if known else len(SEVERITIES)


def _short_names(names: Iterable[str]) -> dict[str, str]:
    """Names up to their first dot, unless two would then be the same."""
    every = set(names)
    heads = Counter(name.split(".", 1)[0] for name in every) + Counter([CLUSTER])
    return {
        name: name.split(".", 1)[0] if heads[name.split(".", 1)[0]] == 1 else name
        for name in every
    }
