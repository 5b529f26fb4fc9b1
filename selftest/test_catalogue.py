"""`gntverify controls`: what there is, and what was ever seen red."""

import json

import pytest
from click.testing import CliRunner

from gntverify.catalogue import Row, load_controls, load_rows
from gntverify.cli import main

SEEN = {"sabotage": "a route", "node": "node2", "date": "2026-11-25"}


def test_json_tells_what_every_control_is_proven_by() -> None:
    rows = json.loads(CliRunner().invoke(main, ["controls", "--json"]).stdout)
    assert {row["id"] for row in rows} == {one.control.id for one in load_controls()}
    for row in rows:
        assert row["proven"] == ("live" if row["last_seen_red"] else "recorded")
        assert row["mutants"]


def test_the_table_counts_what_is_proven() -> None:
    lines = CliRunner().invoke(main, ["controls"]).stdout.splitlines()
    live = sum(row.proven == "live" for row in load_rows())
    assert lines[-1].startswith(f"{len(lines) - 1} controls: {live} seen red on a live cluster")


@pytest.mark.parametrize(
    ("mutants", "seen", "proven"),
    [(("one",), None, "recorded"), (("one",), SEEN, "live"), ((), SEEN, "live"), ((), None, None)],
)
def test_proven_is_the_strongest_that_is_known(
    mutants: tuple[str, ...], seen: dict[str, str] | None, proven: str | None
) -> None:
    row = Row(load_controls()[0].control, mutants, ("a route",), seen)
    assert row.proven == proven
    assert row.as_json()["last_seen_red"] == seen
