"""What is written is what is read again."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gntverify.site import Site, load_site
from gntverify.site.load import parse_site
from gntverify.site.write import Line, text_of
from selftest.site.sites import lines_of, sites

SITES = sorted((Path(__file__).parents[2] / "sites").glob("*.toml"))


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(site=sites())
def test_any_site_is_read_as_it_was_written(site: Site) -> None:
    assert parse_site(text_of(lines_of(site)), Path("made.toml")) == site


@pytest.mark.parametrize("path", SITES, ids=lambda path: path.name)
def test_the_labs_sites_are_read_as_they_were_written(path: Path) -> None:
    site = load_site(path)
    assert parse_site(text_of(lines_of(site)), path) == site


@given(remark=st.text(max_size=60), value=st.text(max_size=20), todo=st.booleans())
def test_no_remark_becomes_more_than_a_remark(remark: str, value: str, todo: bool) -> None:
    lines = [
        Line(("name",), "x", remark),
        Line(("time", "locale"), value, remark, todo=todo),
        Line(("time", "timezone"), "UTC"),
    ]
    site = parse_site(text_of(lines, ["head"]), Path("x.toml"))
    assert (site.name, site.time.timezone) == ("x", "UTC")
    assert site.time.locale == ("en_US.UTF-8" if todo else value)


def test_a_table_is_introduced_once() -> None:
    made = [Line(("nodes", n, key), f"n{n}.x") for n in (0, 1) for key in ("name", "private")]
    text = text_of([*made, Line(("os", 0, "name"), "noop", todo=True)], [":schema x.json"])
    assert text.startswith("#:schema x.json\n")
    assert text.count("# A node: its FQDN") == 1
    assert text.count("\n[[nodes]]\n") == 2
    assert '\n# [[os]]\n# name = "noop"\n' in text


def test_what_is_left_to_a_person_is_marked() -> None:
    line = Line(("time", "servers"), [], "nobody\nlooked", todo=True)
    assert str(line) == "# servers = []  # TODO: nobody looked"
