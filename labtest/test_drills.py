"""Drills on real nodes: gates, the restore ladder, damaged exports, and a kill in the middle."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gntverify.ganeti.burnin import PHASES
from gntverify.site.model import ALLOW_TAG as TAG
from labtest.conftest import DRILL, RESTORE, SITE_FILE, Lab, reason
from labtest.damages import DAMAGES, prepare
from labtest.footprint import footprint
from labtest.kills import POINTS, Point, killed_at, reap

SIMILAR = "gntverify-abc-1.gnt.example"
IMPORT = "/usr/share/ganeti/os/gntverify-probe/import"


def test_drills_need_every_gate(drilled: Lab, tmp_path: Path) -> None:
    """Without the cluster's tag nothing begins, and the refusal says how to add it."""
    drilled.on("node1", "gnt-cluster", "remove-tags", TAG)
    try:
        status, verdicts = drilled.verify(tmp_path, f"--site={SITE_FILE}", *RESTORE)
    finally:
        drilled.on("node1", "gnt-cluster", "add-tags", TAG)
    assert (status, verdicts) == (4, [])
    assert not drilled.on("node1", "find /var/lib/gntverify -path '*/ledger/*'").strip()


@pytest.mark.long
def test_every_damaged_export_is_found(drilled: Lab, tmp_path: Path) -> None:
    """Each kind of damage turns the level red that should see it, and no level below."""
    before = footprint(drilled)
    site = prepare(drilled, tmp_path)
    names = f"--drill-instances={','.join(damage.instance for damage in DAMAGES)}"
    _, verdicts = drilled.verify(tmp_path, f"--site={site}", *RESTORE, names, limit_s=3000)
    first: dict[str, tuple[str, str]] = {}
    for verdict in verdicts:
        found = next((one for one in DAMAGES if f"[{one.instance}]" in verdict.test), None)
        if found and verdict.outcome == "fail":
            first.setdefault(found.name, (verdict.control, verdict.message))
    assert {name: control for name, (control, _) in first.items()} == {
        damage.name: damage.level for damage in DAMAGES if damage.level
    }, reason(verdicts)
    whole = [verdict.outcome for verdict in verdicts if "[nothing." in verdict.test]
    assert whole == ["pass"] * 6, reason(verdicts)
    assert footprint(drilled) == before


@pytest.mark.long
def test_an_import_that_dies_while_burn_in_passes_is_found(drilled: Lab, tmp_path: Path) -> None:
    """Burn-in itself ends well, Ganeti's job succeeds; the disk that was not made is red."""
    left_out = [one.name for one in PHASES if one.name not in ("create", "importexport")]
    text = SITE_FILE.read_text(encoding="utf-8")
    site = tmp_path / "importexport.toml"
    site.write_text(text.replace("[drills]\n", f"[drills]\nburnin = {left_out}\n"), "utf-8")
    drilled.snapshot("sound")
    try:
        for node in drilled.site.nodes:
            drilled.on(node.short, f"sed -i '2i exit 1' {IMPORT}")
        burnin = (*DRILL, "tests/drills/test_burnin.py", "-k", "plain")
        status, verdicts = drilled.verify(tmp_path, f"--site={site}", *burnin, limit_s=1800)
    finally:
        drilled.reset("sound")
    found = {verdict.test.rpartition("[")[2].rstrip("]"): verdict for verdict in verdicts}
    assert status == 1
    assert {name for name, one in found.items() if one.outcome == "fail"} == {
        "importexport",
        "guests",
    }, reason(verdicts)
    assert "import" in found["importexport"].message
    assert "BROKEN" in found["guests"].message  # which is asked only once burn-in ended well


@pytest.fixture(scope="module")
def crowded(drilled: Lab) -> Iterator[Lab]:
    """Among things of others whose names look like a drill's: an instance, an export, a link."""
    options = "-t plain -s 1g -o noop --no-install --no-start --no-name-check --no-ip-check"
    drilled.on("node1", f"gnt-instance add {options} -n node2.gnt.example {SIMILAR}")
    drilled.on("node2", f"mkdir /var/lib/ganeti/export/{SIMILAR}; ip link add gntvabc type bridge")
    yield drilled
    drilled.on("node1", "gnt-instance", "remove", "--force", "--shutdown-timeout=0", SIMILAR)
    drilled.on("node2", f"rmdir /var/lib/ganeti/export/{SIMILAR}; ip link delete gntvabc")


@pytest.mark.long
@pytest.mark.parametrize("point", POINTS, ids=str)
def test_a_killed_drill_is_reaped(crowded: Lab, point: Point) -> None:
    """After SIGKILL `gntverify reap` brings the cluster back, and touches nothing of others."""
    before = footprint(crowded)
    assert SIMILAR in " ".join(before["cluster"])
    came = killed_at(crowded, point)
    reap(crowded)  # also where it never came: the next one starts from what is whole
    assert came
    assert footprint(crowded) == before
