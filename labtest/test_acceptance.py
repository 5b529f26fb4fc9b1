"""The main job on real nodes: build, verify, build again, break, find, repair.

The tests stand in the order of the story and share one lab; its end is in test_the_end.py.
"""

import re
from pathlib import Path

from gntverify.catalogue import load_controls
from labtest.conftest import SITE_FILE, Lab, reason, red

WITHOUT_SUBJECT = {"N09", "O06", "O07"}
"""No drive of the lab has SMART of its own, and no image OS is packaged."""
FOREIGN_ROUTE = "198.51.100.0/24"


def test_a_second_build_changes_nothing(built: Lab) -> None:
    """Provision is idempotent: the cluster that it built needs no step any more."""
    told = built.build()
    assert re.search(r"^cluster: \d+ operations, 0 changed$", told, re.MULTILINE), told


def test_the_suites_find_the_cluster_as_the_site_wants_it(drilled: Lab, tmp_path: Path) -> None:
    """Every control that has a subject passes on what was built; the report is one file."""
    status, verdicts = drilled.verify(tmp_path, f"--site={SITE_FILE}")
    assert not red(verdicts), reason(verdicts)
    assert status == 0
    passed = {v.control for v in verdicts if v.outcome == "pass"}
    assert {one.control.id for one in load_controls()} - passed == WITHOUT_SUBJECT
    report = next(tmp_path.glob("**/report.html")).read_text(encoding="utf-8")
    assert "<script src" not in report
    assert "<link" not in report


def test_a_cluster_that_nobody_described_can_be_judged(drilled: Lab, tmp_path: Path) -> None:
    """Without a site file the cluster's own words are the measure: no red, nothing unknown."""
    status, verdicts = drilled.verify(tmp_path)
    assert not red(verdicts), reason(verdicts)
    assert status == 0


def test_a_route_on_the_bridge_is_found_on_its_node(drilled: Lab, tmp_path: Path) -> None:
    """Live sabotage: W08 turns red on the broken node and nothing else; repaired, all is green."""
    drilled.on("node2", "ip", "route", "add", FOREIGN_ROUTE, "dev", "xen-br0")
    status, verdicts = drilled.verify(tmp_path / "broken", f"--site={SITE_FILE}")
    assert red(verdicts) == {("W08", "node2", "fail")}, reason(verdicts)
    assert FOREIGN_ROUTE in reason(verdicts)
    assert status == 1
    drilled.on("node2", "ip", "route", "del", FOREIGN_ROUTE)
    status, verdicts = drilled.verify(tmp_path / "repaired", f"--site={SITE_FILE}")
    assert not red(verdicts), reason(verdicts)
    assert status == 0


def test_a_snapshot_brings_the_cluster_back(built: Lab) -> None:
    """What was done after a snapshot is undone by the reset, and the cluster verifies clean."""
    built.snapshot("clean")
    built.on("node1", "touch", "/root/after-the-snapshot")
    built.reset("clean")
    assert "after-the-snapshot" not in built.on("node1", "ls", "/root")
    built.on("node1", "gnt-cluster", "verify")
