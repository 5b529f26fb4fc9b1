"""``report.html``: one offline file for the admin at 3 a.m. and the auditor in daylight."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.answers import Shown
from reports.model import CLUSTER, Report, Row, load
from reports.words import printable, when

LETTERS = {
    "pass": "\u2713",
    "fail": "F",
    "unknown": "?",
    "waived": "w",
    "not-applicable": "\u2013",
    "stale-waiver": "S",
}
"""A cell is told by its letter as well as by its colour."""

STATES = {
    "waives": "excuses a failure",
    "stale": "excuses nothing: the control passes",
    "expired": "is over",
    "unmatched": "matches no control or host",
    "idle": "not met",
}
"""What became of a waiver, in words."""

MOST_MESSAGE = 4000


def render(run_dir: Path) -> Path:
    """Write ``report.html`` into the folder of a run; its path.

    The same run gives the same bytes.

    Raises:
        ParseError: the folder is not that of a run.
    """
    page = _page(load(run_dir))
    target = run_dir / "report.html"
    fresh = run_dir / "report.html.new"
    fresh.write_text(page, encoding="utf-8")
    fresh.replace(target)  # whoever reads it meanwhile sees one report or the other
    return target


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    environment.filters |= {"when": when, "few": few, "by_command": by_command, "cut": cut}
    environment.filters["few_characters"] = few_characters
    return environment


def _page(report: Report) -> str:
    environment = _environment()
    style, script = (_source(environment, name) for name in ("report.css", "report.js"))
    return environment.get_template("report.html").render(
        report=report,
        meta=report.meta,
        letters=LETTERS,
        states=STATES,
        ids={row.id for row in report.rows},
        cluster=CLUSTER,
        style=style,
        script=script,
        policy=f"default-src 'none'; style-src {_pin(style)}; script-src {_pin(script)}; "
        "base-uri 'none'; form-action 'none'",
        row_letters=_row_letters,
    )


def _source(environment: Environment, name: str) -> Markup:
    assert environment.loader is not None  # noqa: S101 - it was given above
    text, _, _ = environment.loader.get_source(environment, name)
    return Markup(text)  # noqa: S704 - our own file, and nothing of the run is in it


def _pin(source: str) -> str:
    """What allows this very text and no other to be run by a browser."""
    digest = hashlib.sha256(source.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _harmless(value: object) -> object:
    """Text from a host without its control characters; what is markup already stays."""
    return printable(value) if type(value) is str else value


def _row_letters(row: Row, places: Iterable[str]) -> str:
    """Outcomes of a control in the order of the columns, for the filter."""
    return "".join(row.at.get(place, " ")[0] for place in places)


def few(names: Sequence[str], most: int = 12) -> str:
    """Names as a list, the rest of a long one as a number."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def cut(text: str, most: int = MOST_MESSAGE) -> str:
    """The text, or its beginning and where the rest is."""
    rest = len(text) - most
    return text if rest <= 0 else f"{text[:most]}\n… {rest} more characters in verdicts.jsonl"


def few_characters(text: str, most: int = 160) -> str:
    """The text on one line, long text by its beginning."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]} …"


def by_command(keys: Iterable[str], answers: dict[str, Shown]) -> dict[str, list[Shown]]:
    """The answers of these keys, by what was asked."""
    groups: dict[str, list[Shown]] = {}
    for key in keys:
        if key in answers:
            groups.setdefault(answers[key].command, []).append(answers[key])
    return groups
