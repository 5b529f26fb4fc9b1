"""The provisioned states: what shapes one, and how it is kept, found and removed."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from provision.lab import cache, node, states
from provision.lab.plan import Plan
from selftest.lab.conftest import SITE, Quiet

DISKS = [f"node{number}/{disk}.qcow2" for number in (1, 2, 3) for disk in ("sda", "sdb")]
IMG = """\
case $1 in
info) cat "$CHAIN" ;;
rebase) echo "$@" >> "$CHAIN.asked" ;;
esac
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return cache.cache_dir()


@pytest.fixture
def frozen(plan: Plan) -> Plan:
    """A lab with a snapshot ``provisioned``, as `lab up` planned it."""
    for disk in DISKS:
        file = plan.path("snapshots", states.PROVISIONED, disk)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("frozen")
    plan.path("keys").mkdir()
    made = replace(plan, state=states.state_key(plan.made_of, SITE))
    made.save()
    return made


def with_chain(plan: Plan, tmp_path: Path, *below: str) -> Plan:
    """The plan with a qemu-img that tells of these backing files and notes a rebase."""
    chain, img = tmp_path / "chain", tmp_path / "img"
    chain.write_text(json.dumps([{"filename": name} for name in ("disk", *below)]))
    img.write_text(f"CHAIN={chain}\n{IMG}")
    return replace(plan, qemu_img=["sh", str(img)])


def test_each_pattern_of_the_key_finds_a_file() -> None:
    assert [p for p in states.SHAPES if not list(states.ROOT.glob(p))] == []


def test_how_things_are_shown_does_not_shape_a_state() -> None:
    found = {
        str(p.relative_to(states.ROOT)) for one in states.SHAPES for p in states.ROOT.glob(one)
    }
    shown = ("accept", "runbook", "lab/cli", "lab/progress", "lab/watch", "lab/reporting")
    assert not found & {f"provision/{room}.py" for room in shown}
    assert {"provision/notes/s12_init.py", "provision/lab/seed.py"} <= found


def test_another_site_or_image_makes_another_state(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text("one")
    before = states.state_key("image", site)
    assert states.state_key("image", site) == before
    assert states.state_key("other", site) != before
    site.write_text("two")
    assert states.state_key("image", site) != before


def test_a_state_is_found_when_it_is_whole(place: Path) -> None:
    assert states.newest("key") is None
    for name in ("key-20250101T000000", "key-20250102T000000", "key-20250103T000000.new", "no-2"):
        (place / "states" / name).mkdir()
    assert states.newest("key") == place / "states/key-20250102T000000"


def test_a_state_is_kept_once(frozen: Plan, tmp_path: Path, quiet: Quiet) -> None:
    made = with_chain(frozen, tmp_path, "/images/sda.qcow2")
    states.publish(made, quiet)
    states.publish(made, quiet)
    assert quiet.notes == ["the provisioned state is kept already"]
    found = states.newest(made.state)
    assert found is not None
    assert [path.name for path in found.parent.iterdir()] == [found.name]
    frozen_file = made.path("snapshots", states.PROVISIONED, DISKS[0])
    assert frozen_file.samefile(found / DISKS[0])
    assert {"keys", "plan.json", "node1", "node2", "node3"} == {p.name for p in found.iterdir()}


def test_a_state_stands_on_the_image_and_not_on_the_lab(
    frozen: Plan, tmp_path: Path, quiet: Quiet
) -> None:
    made = with_chain(frozen, tmp_path, f"{frozen.home}/snapshots/one/sda.qcow2", "/images/sda")
    states.publish(made, quiet)
    found = states.newest(made.state)
    assert found is not None
    asked = (tmp_path / "chain.asked").read_text().splitlines()
    assert len(asked) == len(DISKS)
    assert all("-b /images/sda " in line for line in asked)
    frozen_file = made.path("snapshots", states.PROVISIONED, DISKS[0])
    assert not frozen_file.samefile(found / DISKS[0])


def test_a_state_is_not_kept_when_its_steps_changed(frozen: Plan, quiet: Quiet) -> None:
    states.publish(replace(frozen, state="of yesterday"), quiet)
    assert "changed since `lab up`" in quiet.notes[0]
    assert list(cache.cache_dir("states").iterdir()) == []


def test_what_nothing_stands_on_goes_but_the_newest_two(place: Path) -> None:
    made(place / "labs/lab", "", plan="stands on /images/image-used and /states/state-used")
    for age_h, name in enumerate(("state-1", "state-2", "state-used", "state-old"), 2):
        made(place / "states" / name, age_h, plan=f"stands on image-of-{name}")
    for age_h, name in enumerate(("image-1", "image-2", "image-used", "image-of-state-used"), 2):
        made(place / "images" / name, age_h)
    made(place / "images/image-of-state-old", 9)
    made(place / "images/image-half.new", 9)
    cache.prune()
    assert names(place / "states") == {"state-1", "state-2", "state-used"}
    kept = {"image-1", "image-2", "image-used", "image-of-state-used", "image-half.new"}
    assert names(place / "images") == kept


def test_what_was_used_within_the_hour_stays(place: Path) -> None:
    for number in range(4):
        made(place / "images" / f"image-{number}", 0)
    cache.prune()
    assert len(names(place / "images")) == 4


def made(directory: Path, age_h: object, plan: str = "") -> None:
    directory.mkdir(parents=True)
    if plan:
        (directory / "plan.json").write_text(plan)
    then = time.time() - 3600 * float(str(age_h or 0))
    os.utime(directory, (then, then))


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def test_nobody_else_reads_the_private_parts_of_the_cache(place: Path) -> None:
    for part in cache.PRIVATE:
        assert cache.cache_dir(part).stat().st_mode & 0o077 == 0


def test_the_disks_of_a_state_are_those_of_a_node() -> None:
    assert {Path(disk).stem for disk in DISKS} == set(node.DISKS)
