"""The main job on real nodes: build, verify, build again, break, find, repair.

The tests stand in the order of the story and share one lab.
"""

import contextlib
import os
import re
import signal
from pathlib import Path

import pytest

from gntverify.catalogue import load_controls
from gntverify.deadline import wait_for
from gntverify.verdicts import Verdict
from labtest.conftest import SITE_FILE, Lab
from provision.lab.namespace import find_init
from provision.lab.plan import home_of

WITHOUT_SUBJECT = {"N09", "O06", "O07"}
"""No drive of the lab has SMART of its own, and no image OS is packaged."""
FOREIGN_ROUTE = "198.51.100.0/24"


def red(verdicts: list[Verdict]) -> set[tuple[str, str, str]]:
    """Control, node and outcome of everything that is neither a pass nor not applicable."""
    calm = ("pass", "not-applicable", "waived")
    return {
        (v.control, v.node.split(".")[0], v.outcome) for v in verdicts if v.outcome not in calm
    }


def reason(verdicts: list[Verdict]) -> str:
    """What is not calm, one line each."""
    found = red(verdicts)
    lines = [
        f"{v.outcome} {v.control} {v.node}: {v.message}"
        for v in verdicts
        if (v.control, v.node.split(".")[0], v.outcome) in found
    ]
    return "\n".join(lines)


@pytest.fixture(scope="session")
def built(lab: Lab) -> Lab:
    """The lab with its cluster, built by the notes' steps, with two instances on it."""
    assert "gnt-cluster init" in lab.build("--dry")
    assert "ssconf" not in lab.on("node1", "find /var/lib/ganeti -name 'ssconf*'")
    lab.build()
    lab.provision("lab", "workload", "--name", lab.name, limit_s=1200)
    return lab


def test_a_second_build_changes_nothing(built: Lab) -> None:
    """Provision is idempotent: the cluster that it built needs no step any more."""
    assert re.search(r"^cluster: \d+ operations, 0 changed$", built.build(), re.MULTILINE)


def test_the_suites_find_the_cluster_as_the_site_wants_it(built: Lab, tmp_path: Path) -> None:
    """Every control that has a subject passes on what was built; the report is one file."""
    status, verdicts = built.verify(tmp_path, f"--site={SITE_FILE}")
    assert not red(verdicts), reason(verdicts)
    assert status == 0
    passed = {v.control for v in verdicts if v.outcome == "pass"}
    assert {one.control.id for one in load_controls()} - passed == WITHOUT_SUBJECT
    report = next(tmp_path.glob("**/report.html")).read_text(encoding="utf-8")
    assert "<script src" not in report
    assert "<link" not in report


def test_a_cluster_that_nobody_described_can_be_judged(built: Lab, tmp_path: Path) -> None:
    """Without a site file the cluster's own words are the measure: no red, nothing unknown."""
    status, verdicts = built.verify(tmp_path)
    assert not red(verdicts), reason(verdicts)
    assert status == 0


def test_a_route_on_the_bridge_is_found_on_its_node(built: Lab, tmp_path: Path) -> None:
    """Live sabotage: W08 turns red on the broken node and nothing else; repaired, all is green."""
    built.on("node2", "ip", "route", "add", FOREIGN_ROUTE, "dev", "xen-br0")
    status, verdicts = built.verify(tmp_path / "broken", f"--site={SITE_FILE}")
    assert red(verdicts) == {("W08", "node2", "fail")}, reason(verdicts)
    assert FOREIGN_ROUTE in reason(verdicts)
    assert status == 1
    built.on("node2", "ip", "route", "del", FOREIGN_ROUTE)
    status, verdicts = built.verify(tmp_path / "repaired", f"--site={SITE_FILE}")
    assert not red(verdicts), reason(verdicts)
    assert status == 0


def test_a_snapshot_brings_the_cluster_back(built: Lab) -> None:
    """What was done after a snapshot is undone by the reset, and the cluster verifies clean."""
    built.provision("lab", "snapshot", "--name", built.name, "clean", limit_s=600)
    built.on("node1", "touch", "/root/after-the-snapshot")
    built.provision("lab", "reset", "--name", built.name, "clean", limit_s=300)
    assert "after-the-snapshot" not in built.on("node1", "ls", "/root")
    built.on("node1", "gnt-cluster", "verify")


def test_a_killed_lab_leaves_nothing(built: Lab) -> None:
    """Kill -9 of the lab's first process ends every machine, network and mount of it."""
    init = find_init(home_of(built.name))
    assert init is not None
    namespace = str(Path(f"/proc/{init}/ns/net").readlink())
    assert len(living_in(namespace)) > 4
    os.kill(init, signal.SIGKILL)
    wait_for("The end of the lab", lambda: _gone(namespace), 10)
    built.down()
    assert not home_of(built.name).exists()


def living_in(namespace: str) -> set[str]:
    """Process ids in a network namespace."""
    found = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and str((entry / "ns" / "net").readlink()) == namespace:
                found.add(entry.name)
    return found


def _gone(namespace: str) -> tuple[bool | None, str]:
    left = living_in(namespace)
    return (None, f"processes {sorted(left)}") if left else (True, "gone")
