"""The generated documents are what the project holds, and the catalogue is complete."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from gntverify import cli
from gntverify.catalogue import load_controls, load_drills
from gntverify.errors import ParseError
from gntverify.ganeti.codes import CODES, VERIFY
from gntverify.handbook import documents, load_handbook, provoked_codes, simulated_codes
from gntverify.planned import load_planned

ROOT = Path(__file__).parents[1]
THERE = {one.control.id for one in (*load_controls(), *load_drills())}
NOT_SIMULATED = {
    "ECLUSTERCLIENTCERT": "reported without asking whether to simulate",
    "EGROUPDIFFERENTPVSIZE": "only looked at with exclusive_storage",
    "EINSTANCEMISSINGCFGPARAMETER": "only looked at with exclusive_storage",
    "EINSTANCEUNSUITABLENODE": "only looked at with exclusive_storage",
    "EINSTANCEWRONGNODE": "needs an instance that runs elsewhere",
    "ENODEDRBDVERSION": "never printed: ENODEDRBDHELPER is, in its place",
    "ENODEFILESTORAGEPATHUNUSABLE": "needs file based disks",
    "ENODEGLUSTERSTORAGEPATHUNUSABLE": "needs disks on Gluster",
    "ENODEOOBPATH": "needs an out-of-band helper",
    "ENODEORPHANINSTANCE": "needs an instance that runs elsewhere",
    "ENODESHAREDFILESTORAGEPATHUNUSABLE": "needs disks in shared files",
}
"""Codes that `--debug-simulate-errors` does not make the lab's Ganeti 3.0.2 print, and why."""


@pytest.mark.parametrize("name", ["controls.md", "verify-codes.md"])
def test_a_document_is_what_is_generated(name: str) -> None:
    committed = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert committed == documents(load_handbook())[name], "run `gntverify docs docs`"


def test_the_command_writes_them(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.main, ["docs", str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    written = {path.name: path.read_text("utf-8") for path in (tmp_path / "new").iterdir()}
    assert written == documents(load_handbook())


def test_every_planned_control_is_there_or_says_why_not() -> None:
    planned = load_planned()
    missing = planned.planned.keys() - THERE - planned.excused.keys()
    assert sorted(missing) == [], "write them, or give docs/catalogue.toml a reason"


def test_no_control_is_there_and_excused_or_unplanned() -> None:
    planned = load_planned()
    assert THERE & planned.excused.keys() == set()
    assert planned.waiting.keys() & planned.outside.keys() == set()
    assert (THERE | planned.excused.keys()) - planned.planned.keys() == set()


@pytest.mark.parametrize(
    "text", ["", "[planned]\nN1 = 'short id'\n[waiting]\n[outside]\n", "[planned", "x = 1"]
)
def test_a_catalogue_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(ParseError, match="is no catalogue"):
        load_planned(tmp_path / "c.toml")


def test_codes_point_to_controls_that_are_there_or_will_be() -> None:
    planned = load_planned()
    promised = THERE | (planned.planned.keys() - planned.excused.keys())
    named = {id_ for code in CODES.values() for id_ in code.controls}
    assert named - promised == set()
    assert named & set(VERIFY) == set()


def test_every_simulated_code_is_mapped() -> None:
    simulated = simulated_codes()
    assert simulated - CODES.keys() == set()
    assert CODES.keys() - simulated == NOT_SIMULATED.keys()


def test_what_was_really_provoked_is_told(tmp_path: Path) -> None:
    path = tmp_path / "codes.json"
    assert provoked_codes(path) == {}
    rows = {"ENODETIME": {"sabotage": "a clock that goes wrong"}, "ENEW": {"sabotage": "x"}}
    path.write_text(json.dumps(rows))
    book = replace(load_handbook(), provoked=provoked_codes(path))
    text = documents(book)["verify-codes.md"]
    (line,) = (line for line in text.splitlines() if line.startswith("| `ENODETIME`"))
    assert "N14" in line
    assert line.endswith("| a clock that goes wrong |")
    assert "Seen and not in the table: ENEW." in text
    for text in ("[]", "", '{"ENODETIME": "a clock"}', '{"ENODETIME": {}}'):
        path.write_text(text)
        with pytest.raises(ParseError, match="tells no provoked codes"):
            provoked_codes(path)


def test_a_control_that_nothing_provokes_says_why() -> None:
    text = documents(
        replace(load_handbook(), unprovoked={"N04": "it would not boot"}, sabotages={})
    )
    part = text["controls.md"].split("### N04: ")[1].split("###")[0]
    assert "- Sabotage: none, because it would not boot\n" in part


def test_a_control_that_was_seen_red_is_proven() -> None:
    seen = {"C04": {"sabotage": "a cable | pulled", "node": "node2", "date": "2026-11-25"}}
    text = documents(replace(load_handbook(), seen=seen))["controls.md"]
    part = text.split("### C04: ")[1].split("###")[0]
    assert 'Proven live: last seen red 2026-11-25 on node2, by "a cable | pulled"' in part
    assert text.count("\n- Proven live: ") == 1
