"""Figures: their median and spread, and when they are judged at all."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import CommandFailed
from gntverify.perf.figures import Figure, figure, more_is_better
from gntverify.site.perf import Perf

AMOUNTS = st.lists(st.floats(0.001, 1e6), min_size=3, max_size=20)


def perf(**more: Any) -> Perf:
    base = {
        "repeats": 5,
        "slow_repeats": 3,
        "spread_percent": 25,
        "worse_percent": 20,
        "sample_mib": 16,
    }
    return Perf.model_validate(base | more)


def test_median_and_spread() -> None:
    made = figure("P01", "start_s", "node1", [4, 1, 3, 2, 5], perf())
    assert made.median == 3
    assert made.spread_percent == pytest.approx(200 / 3)


def test_without_a_limit_everything_is_good() -> None:
    made = figure("P01", "start_s", "node1", [1, 100, 10000], perf())
    assert made.wrong(1) == ""


@pytest.mark.parametrize(
    ("measure", "values", "bad"),
    [
        ("start_s", [9, 9.5, 10], False),
        ("start_s", [10.5, 10.6, 10.7], True),
        ("start_s", [9.9, 10.1, 10.2], True),
        ("start_s", [1, 5, 9], False),
        ("start_s", [11, 50, 500], True),
        ("network_mib_s", [9, 9.5, 9.9], True),
        ("network_mib_s", [10, 90, 500], False),
    ],
)
def test_a_limit_is_a_side(measure: Any, values: list[float], bad: bool) -> None:
    made = figure("P01", measure, "node1", values, perf(limits={measure: 10}))
    assert bool(made.wrong(25)) is bad


def test_noise_around_a_limit_is_not_judged() -> None:
    made = figure("P01", "start_s", "node1", [2, 9, 30], perf(limits={"start_s": 10}))
    with pytest.raises(CommandFailed, match="Too noisy to judge"):
        made.wrong(25)


@pytest.mark.parametrize(
    ("measure", "want"), [("start_s", (None, 12.0)), ("network_mib_s", (8.0, None))]
)
def test_a_baseline_may_be_missed_by_a_share(measure: Any, want: tuple[Any, Any]) -> None:
    made = figure("P01", measure, "node1", [1, 2, 3], perf(baselines={measure: 10}))
    assert (made.least, made.most) == want


def test_the_stricter_of_limit_and_baseline_counts() -> None:
    both = perf(limits={"start_s": 11}, baselines={"start_s": 10})
    assert figure("P01", "start_s", "n", [1, 2, 3], both).most == 11
    loose = perf(limits={"start_s": 30}, baselines={"start_s": 10})
    assert figure("P01", "start_s", "n", [1, 2, 3], loose).most == 12


@pytest.mark.parametrize("values", [[], [1, 2], [1, 2, float("nan")], [1, 2, float("inf")]])
def test_too_little_is_no_figure(values: list[float]) -> None:
    with pytest.raises(CommandFailed):
        figure("P01", "start_s", "node1", values, perf())


@given(AMOUNTS)
def test_a_figure_survives_its_line(values: list[float]) -> None:
    made = figure("P01", "start_s", "node1", values, perf())
    data = json.loads(made.as_line())
    assert Figure(**data | {"values": tuple(data["values"])}) == made
    assert made.spread_percent >= 0


def test_rates_are_known_by_their_unit() -> None:
    assert more_is_better("resync_mib_s")
    assert not more_is_better("export_s")
