"""The report's measurements: plots that are numbers only, and the trend over earlier runs."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import ParseError
from gntverify.perf.bench import FILE as WRITTEN
from gntverify.perf.figures import Figure as Written
from reports.html import render
from reports.meta import Meta, read_meta
from reports.perf import FILE, Figure, Plotted, plotted
from selftest.reports.test_report import META, verdict


def run_in(out: Path, name: str, lines: list[dict[str, Any]], **meta: Any) -> Path:
    """The folder of a run with these figures, beside others."""
    folder = out / name
    (folder / "evidence").mkdir(parents=True)
    one = verdict("P02", "", "pass", notes="perf")
    (folder / "verdicts.jsonl").write_text(one.as_line() + "\n")
    (folder / "meta.json").write_text(json.dumps(META | meta))
    (folder / FILE).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def figure(*values: float, **more: Any) -> dict[str, Any]:
    base = {"control": "P02", "measure": "disk_write_mib_s", "place": "node1", "values": values}
    return base | more


def test_a_figure_is_shown_with_its_limit(tmp_path: Path) -> None:
    folder = run_in(tmp_path, "a", [figure(90, 100, 110, least=120)])
    page = render(folder).read_text()
    assert "Measurements" in page
    assert "disk_write_mib_s" in page
    assert "≥ 120" in page
    assert 'class="limit"' in page
    assert '<td class="number fail">100</td>' in page


def test_a_run_without_measurements_says_nothing_of_them(tmp_path: Path) -> None:
    folder = run_in(tmp_path, "a", [])
    (folder / FILE).unlink()
    assert "Measurements" not in render(folder).read_text()


def test_the_trend_is_of_earlier_runs_of_the_same_cluster(tmp_path: Path) -> None:
    run_in(tmp_path, "b", [figure(1, 2, 3)], started=2.0)
    run_in(tmp_path, "a", [figure(4, 5, 6), figure(7, 7, 7, place="node2")], started=1.0)
    run_in(tmp_path, "c", [figure(9, 9, 9)], started=1.5, cluster="other")
    run_in(tmp_path, "d", [figure(9, 9, 9)], started=9.0)
    (run_in(tmp_path, "e", [figure(9, 9, 9)], started=1.0) / FILE).write_text("killed")
    own = run_in(tmp_path, "f", [figure(8, 8, 8)], started=3.0)
    before = render(own).read_bytes()
    (shown,) = plotted(own, _meta(own))
    assert shown.earlier == [5, 2]
    run_in(tmp_path, "g", [figure(9, 9, 9)], started=4.0)
    assert render(own).read_bytes() == before


def _meta(folder: Path) -> Meta:
    return read_meta(folder / "meta.json")


@pytest.mark.parametrize("line", ["{}", "[]", "x", json.dumps(figure(1)), json.dumps(figure())])
def test_what_is_no_figure_is_named(tmp_path: Path, line: str) -> None:
    folder = run_in(tmp_path, "a", [])
    (folder / FILE).write_text(line + "\n")
    with pytest.raises(ParseError, match=r"perf\.jsonl, line 1"):
        render(folder)


def test_a_place_is_text_and_no_markup(tmp_path: Path) -> None:
    folder = run_in(tmp_path, "a", [figure(1, 2, 3, place="<script>alert(1)</script>")])
    assert "<script>alert" not in render(folder).read_text()


@given(
    st.lists(st.floats(0, 1e9), min_size=3, max_size=30),
    st.one_of(st.none(), st.floats(0, 1e9)),
    st.lists(st.floats(0, 1e9), max_size=20),
)
def test_plots_stay_in_their_frame(
    values: list[float], least: float | None, earlier: list[float]
) -> None:
    one = Figure.model_validate(figure(*values, least=least))
    shown = Plotted(one, earlier)
    for svg, width in ((shown.plot, 260), (shown.trend, 130)):
        for word in str(svg).replace(",", '"').split('"'):
            if word.replace(".", "").isdecimal():
                assert float(word) <= width
        assert "nan" not in svg


def test_what_is_written_is_what_is_read() -> None:
    assert WRITTEN == FILE
    made = Written("P01", "start_s", "node1", (1.0, 2.0, 3.0), most=4.0)
    read = Figure.model_validate_json(made.as_line())
    assert (read.measure, read.values, read.most) == ("start_s", (1.0, 2.0, 3.0), 4.0)
