"""``report.html``: one offline file for the admin at 3 a.m. and the auditor in daylight."""

from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from reports.model import CLUSTER, load, printable

LETTERS = {
    "pass": "\u2713",
    "fail": "F",
    "unknown": "?",
    "waived": "w",
    "not-applicable": "\u2013",
    "stale-waiver": "S",
}
"""A cell is told by its letter as well as by its colour."""


def render(run_dir: Path) -> Path:
    """Write ``report.html`` into the folder of a run; its path.

    The same run gives the same bytes.

    Raises:
        ParseError: the folder is not that of a run.
    """
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    environment.filters["when"] = when
    report = load(run_dir)
    page = environment.get_template("report.html").render(
        report=report, meta=report.meta, letters=LETTERS, cluster=CLUSTER
    )
    target = run_dir / "report.html"
    target.write_text(page, encoding="utf-8", errors="replace")
    return target


def _harmless(value: object) -> object:
    """Text from a host without its control characters; what is markup already stays."""
    return printable(value) if type(value) is str else value


def when(unix: float) -> str:
    """A moment for people, in UTC."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
