"""The bench of a run: it measures again and again, keeps what came, and says what is too slow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gntverify.compare import listed
from gntverify.drills.operator import Operator
from gntverify.errors import CommandFailed
from gntverify.perf.figures import Figure, figure
from gntverify.site import Site
from gntverify.site.perf import Measure

FILE = "perf.jsonl"


@dataclass
class Bench:
    """Where a control measures.

    Attributes:
        control: its id.
        file: of the run, to which each figure is added as soon as it is there.
        figures: this control's.
    """

    operator: Operator
    site: Site
    control: str
    file: Path
    figures: list[Figure] = field(default_factory=list)

    @property
    def repeats(self) -> int:
        """How often what takes seconds is measured."""
        return self.site.perf.repeats

    @property
    def slow_repeats(self) -> int:
        """How often what takes minutes is."""
        return self.site.perf.slow_repeats

    def keep(self, measure: Measure, place: str, values: Sequence[float]) -> Figure:
        """Write a figure down.

        Raises:
            CommandFailed: it has too few values.
        """
        made = figure(self.control, measure, place, values, self.site.perf)
        self.figures.append(made)
        with self.file.open("a", encoding="utf-8") as stream:
            stream.write(made.as_line() + "\n")
        self.operator.tell(str(made))
        return made

    def repeat(
        self, measure: Measure, place: str, once: Callable[[], float], times: int
    ) -> Figure:
        """Measure that often, and write it down."""
        return self.keep(measure, place, [once() for _ in range(times)])

    def too_slow(self) -> list[str]:
        """What of the figures is not good, a phrase each.

        What is told is told first: noise in one figure does not hide that another is bad.

        Raises:
            CommandFailed: nothing is bad, and something is too noisy to judge; or nothing was
                measured at all.
        """
        wrong, noisy = [], []
        for one in self.figures:
            try:
                wrong.append(one.wrong(self.site.perf.spread_percent))
            except CommandFailed as err:
                noisy.append(str(err))
        bad = [words for words in wrong if words]
        if not bad and (noisy or not self.figures):
            raise CommandFailed(listed(noisy) if noisy else "Nothing was measured.")
        return bad
