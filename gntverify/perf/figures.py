"""A figure: what was measured several times at one place, and how it is judged."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING

from gntverify.errors import CommandFailed

if TYPE_CHECKING:
    from gntverify.site.perf import Measure, Perf

LEAST = 3
"""Values without which there is no spread to speak of."""


@dataclass(frozen=True, slots=True)
class Figure:
    """Values of one measurement.

    Attributes:
        control: that had it measured.
        measure: what, the unit in its name.
        place: a node, a pair of them, a command; as a reader calls it.
        values: in the order they came.
        least: the least that is good, where more is better; None: nobody said.
        most: the most that is good, where less is.
    """

    control: str
    measure: str
    place: str
    values: tuple[float, ...]
    least: float | None = None
    most: float | None = None

    @property
    def median(self) -> float:
        """Half of the values are above it."""
        return median(self.values)

    @property
    def spread_percent(self) -> float:
        """The interquartile range, in percent of the median."""
        low, _, high = quantiles(self.values, n=4, method="inclusive")
        return 100 * (high - low) / self.median if self.median else 0.0 if high == low else 1e9

    def is_good(self, value: float) -> bool:
        """Whether a value is within what was said."""
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )

    def wrong(self, noise_percent: float) -> str:
        """Why it is too slow; empty when it is not.

        Raises:
            CommandFailed: values lie on both sides of the limit, and spread too far to judge.
        """
        verdicts = {self.is_good(value) for value in self.values}
        if len(verdicts) == 2 and self.spread_percent > noise_percent:
            raise CommandFailed(f"Too noisy to judge: {self}; allowed are {noise_percent:g} %.")
        return "" if self.is_good(self.median) else str(self)

    def as_line(self) -> str:
        """The figure as a line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    def __str__(self) -> str:
        limit = "" if self.least is None else f", expected at least {self.least:.4g}"
        limit += "" if self.most is None else f", expected at most {self.most:.4g}"
        return (
            f"{self.measure} {self.place}: median {self.median:.4g} of {len(self.values)}, "
            f"spread {self.spread_percent:.0f} %{limit}"
        )


def more_is_better(measure: str) -> bool:
    """Whether it is a rate."""
    return measure.endswith(("_mib_s", "_io_s"))


def figure(
    control: str, measure: "Measure", place: str, values: Sequence[float], perf: "Perf"
) -> Figure:
    """A figure with what the site says is good: its limit, or the baseline if that is stricter.

    Raises:
        CommandFailed: there are too few values, or one is no amount.
    """
    if len(values) < LEAST or not all(0 <= value < float("inf") for value in values):
        raise CommandFailed(f"{measure} {place}: {list(values)} are no {LEAST} values at least.")
    limit, baseline = perf.limits.get(measure), perf.baselines.get(measure)
    more = more_is_better(measure)
    if baseline is not None:
        share = perf.worse_percent / 100
        baseline *= max(0.0, 1 - share) if more else 1 + share
    known = [one for one in (limit, baseline) if one is not None]
    good = (max if more else min)(known, default=None)
    kept = tuple(round(value, 4) for value in values)
    if more:
        return Figure(control, measure, place, kept, least=good)
    return Figure(control, measure, place, kept, most=good)
