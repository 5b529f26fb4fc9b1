"""What a run measured, and how that compares with earlier runs of the same cluster.

Plots are SVG in the page: a dot a value, a bar over the middle half of them, a line at the median,
a dashed one at the limit. Beside it, the medians of earlier runs and of this one.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from markupsafe import Markup
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gntverify.errors import ParseError
from reports.meta import Meta, read_meta

FILE = "perf.jsonl"
MOST_RUNS = 20
WIDTH, HEIGHT, EDGE = 260, 30, 6
TREND = 130


class Figure(BaseModel):
    """A line of ``perf.jsonl``."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    control: str
    measure: str
    place: str
    values: tuple[float, ...] = Field(min_length=2)
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Plotted:
    """A figure as the report shows it.

    Attributes:
        earlier: medians of earlier runs, the oldest first.
    """

    figure: Figure
    earlier: Sequence[float]

    @property
    def median(self) -> float:
        """Half of the values are above it."""
        return median(self.figure.values)

    @property
    def spread_percent(self) -> float:
        """The interquartile range, in percent of the median."""
        low, high = _quartiles(self.figure.values)
        return 100 * (high - low) / self.median if self.median else 0.0

    @property
    def limit(self) -> str:
        """What is good, in words; empty where nobody said."""
        least, most = self.figure.least, self.figure.most
        if least is not None:
            return f"≥ {least:.4g}"
        return "" if most is None else f"≤ {most:.4g}"

    @property
    def is_good(self) -> bool:
        """Whether the median is within the limit."""
        least, most = self.figure.least, self.figure.most
        return (least is None or self.median >= least) and (most is None or self.median <= most)

    @property
    def plot(self) -> Markup:
        """Values, median, spread and limit, from zero on."""
        values, (low, high) = self.figure.values, _quartiles(self.figure.values)
        marks = [one for one in (self.figure.least, self.figure.most) if one is not None]
        top = max([*values, *marks]) or 1.0

        def x(value: float) -> float:
            return EDGE + value / top * (WIDTH - 2 * EDGE)

        middle = HEIGHT / 2
        parts = [
            _line("axis", EDGE, middle, WIDTH - EDGE, middle),
            f'<rect class="spread" x="{x(low):.1f}" y="{middle - 6:.1f}" '
            f'width="{max(x(high) - x(low), 1):.1f}" height="12"/>',
            *(_line("limit", x(mark), 2, x(mark), HEIGHT - 2) for mark in marks),
            *(f'<circle cx="{x(value):.1f}" cy="{middle:.1f}" r="3"/>' for value in values),
            _line("median", x(self.median), 4, x(self.median), HEIGHT - 4),
        ]
        return _svg(WIDTH, parts)

    @property
    def trend(self) -> Markup:
        """Medians of earlier runs and this one's, which has a dot, from zero on."""
        medians = [*self.earlier, self.median]
        top, last = max(medians) or 1.0, len(medians) - 1
        points = [
            (
                EDGE + (number / last if last else 1) * (TREND - 2 * EDGE),
                HEIGHT - EDGE - value / top * (HEIGHT - 2 * EDGE),
            )
            for number, value in enumerate(medians)
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        x, y = points[-1]
        dot = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>'
        return _svg(TREND, [f'<polyline points="{path}"/>', dot])


def _quartiles(values: Sequence[float]) -> tuple[float, float]:
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, high


def _line(name: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{name}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _svg(width: int, parts: Iterable[str]) -> Markup:
    head = f'<svg class="plot" aria-hidden="true" width="{width}" height="{HEIGHT}">'
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704 - numbers and our own words


def read_figures(path: Path) -> list[Figure]:
    """What a run measured; nothing when it has no such file.

    Raises:
        ParseError: a line is no figure; the message names it.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            found.append(Figure.model_validate(json.loads(line)))
        except (ValueError, ValidationError) as err:
            raise ParseError(f"{path}, line {number}, is no figure: {err}") from err
    return found


def plotted(run_dir: Path, meta: Meta) -> list[Plotted]:
    """What the run measured, each with its medians in earlier runs of the same cluster.

    Raises:
        ParseError: the run's own figures are not understood.
    """
    own = read_figures(run_dir / FILE)
    past = list(_earlier(run_dir, meta)) if own else []
    return [
        Plotted(
            figure,
            [
                median(old.values)
                for run in past
                for old in run
                if (old.measure, old.place) == (figure.measure, figure.place)
            ],
        )
        for figure in own
    ]


def _earlier(run_dir: Path, meta: Meta) -> Iterator[list[Figure]]:
    """Figures of the runs beside this one that began before it, the oldest first."""
    runs = []
    for path in run_dir.absolute().parent.glob(f"*/{FILE}"):
        try:
            other = read_meta(path.parent / "meta.json")
            if other.cluster == meta.cluster and other.started < meta.started:
                runs.append((other.started, path.parent.name, read_figures(path)))
        except ParseError:
            continue  # another run that was killed is no reason to have no report of this one
    for _, _, figures in sorted(runs, key=lambda run: run[:2])[-MOST_RUNS:]:
        yield figures
