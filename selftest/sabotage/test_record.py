"""What a campaign leaves behind."""

import json
from pathlib import Path

from sabotage.campaign import Entry
from sabotage.record import kept, load, remember, summary, table
from selftest.sabotage.scenes import fault


def entry(control: str, name: str, **other: object) -> Entry:
    values: dict[str, object] = {
        "seen_red": True,
        "collateral": [],
        "green_again": True,
        "seconds": 90.0,
        "round": 1,
    }
    return Entry(control=control, sabotage=name, node="node2", **(values | other))  # type: ignore[arg-type]  # a table


def test_the_result_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "out" / "sabotage.json"
    kept(path, [entry("W08", "a route")])
    kept(path, [entry("W08", "a route"), entry("W05", "on", green_again=None)])
    rows = json.loads(path.read_text())
    wanted = {"control", "sabotage", "node", "seen_red", "collateral", "green_again", "seconds"}
    assert wanted <= rows[0].keys()
    assert [row["green_again"] for row in rows] == [True, None]
    assert [file.name for file in path.parent.iterdir()] == ["sabotage.json"]


def test_only_what_was_proven_is_remembered(tmp_path: Path) -> None:
    seen, codes = tmp_path / "seen.json", tmp_path / "codes.json"
    faults = [
        fault("C04", name="net", codes=["ENODENET"]),
        fault("W08", name="a route"),
        fault("W05", name="on"),
    ]
    entries = [
        entry("C04", "net", codes=["ENODENET"]),
        entry("W08", "a route", stray=["W05 node2"]),
        entry("W05", "on", green_again=False),
    ]
    remember(seen, codes, entries, faults, "2026-11-25")
    row = {"sabotage": "net", "node": "node2", "date": "2026-11-25"}
    assert load(seen) == {"C04": row}
    assert load(codes) == {"ENODENET": {"control": "C04", **row}}


def test_what_was_proven_before_stays_while_its_fault_is_there(tmp_path: Path) -> None:
    seen, codes = tmp_path / "seen.json", tmp_path / "codes.json"
    old = [fault("W05", name="on"), fault("W06", name="slow")]
    remember(seen, codes, [entry("W05", "on"), entry("W06", "slow")], old, "2026-11-24")
    remember(
        seen,
        codes,
        [entry("W08", "a route")],
        [old[0], fault("W08", name="a route")],
        "2026-11-25",
    )
    assert {control: row["date"] for control, row in load(seen).items()} == {
        "W05": "2026-11-24",
        "W08": "2026-11-25",
    }


def test_the_table_tells_what_is_wrong() -> None:
    entries = [
        entry("W08", "a route"),
        entry("W05", "on", seen_red=False, missing=["W05 node2"], stray=["K01 node2"], round=3),
        entry("C04", "net", collateral=["C13"], codes=["ENODENET"], green_again=None),
    ]
    lines = table(entries)
    assert lines[1].split() == ["C04", "node2", "yes", "?", "90", "net;", "also", "C13"]
    assert "MISSING W05 node2; STRAY in round 3: K01 node2" in lines[2]
    assert summary(entries).startswith("1 of 3 faults as declared and green again: 1 controls")
