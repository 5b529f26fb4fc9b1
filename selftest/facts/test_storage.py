from pathlib import PurePosixPath
from types import SimpleNamespace

import pytest

from gntverify.errors import ParseError
from gntverify.evidence import Answer
from gntverify.facts import lvm, raid, storage
from gntverify.facts.node import SystemFacts
from gntverify.transport.replay import Replay


def test_mounts_tell_what_lasts(samples: SimpleNamespace) -> None:
    found = {m.target: m for m in storage.parse_mounts(samples.MOUNTS)}
    assert {target for target, mount in found.items() if mount.lasting} == {"/", "/srv/nas"}
    assert found["/"].options == {"rw", "relatime"}


def test_no_mount_at_all_is_refused() -> None:
    with pytest.raises(ParseError):
        storage.parse_mounts('{"filesystems": []}')


def test_swaps_are_sizes_of_the_devices_below(samples: SimpleNamespace) -> None:
    assert [(s.device, s.size_mib) for s in storage.parse_swaps(samples.SWAPS)] == [
        ("/dev/sda2", 1024),
        ("/dev/sdb2", 1024),
    ]
    assert storage.parse_swaps("") == ()
    with pytest.raises(ParseError):
        storage.parse_swaps("/dev/sda2 partition 1G\n")


def test_disks_below_an_array_are_all_its_disks(samples: SimpleNamespace) -> None:
    found = storage.parse_disks(samples.LSBLK)
    assert found["/dev/md1"] == {"/dev/sda", "/dev/sdb"}
    assert found["/dev/sda2"] == {"/dev/sda"}
    assert found["/dev/sdb"] == {"/dev/sdb"}


@pytest.mark.parametrize(
    "rows",
    [
        '{"path":"/dev/sda1","kname":"sda1","pkname":"sda","type":"part"}',
        '{"path":"/dev/a","kname":"a","pkname":"a","type":"part"}',
    ],
)
def test_a_disk_without_its_parent_is_refused(rows: str) -> None:
    with pytest.raises(ParseError, match="parent"):
        storage.parse_disks(f'{{"blockdevices": [{rows}]}}')


def test_fstab_check_counts_errors(samples: SimpleNamespace) -> None:
    good = "Success, no errors or warnings detected\n"
    assert storage.parse_fstab_check(good) == storage.FstabCheck(0, ())
    bad = storage.parse_fstab_check(samples.FSTAB_CHECK_BAD)
    assert bad.errors == 1
    assert bad.complaints[0] == (
        "[E] unreachable on boot required target: No such file or directory"
    )
    with pytest.raises(ParseError):
        storage.parse_fstab_check("")


def test_ext4_options_are_by_the_kernels_name() -> None:
    files = {"/proc/fs/ext4/md1/options": "rw\nerrors=remount-ro\n"}
    assert storage.parse_ext4(files) == {"md1": {"rw", "errors=remount-ro"}}


def test_a_degraded_array_is_not_whole(samples: SimpleNamespace) -> None:
    found = raid.parse_mdstat(samples.MDSTAT)
    assert found["/dev/md1"].whole
    assert found["/dev/md1"].level == "raid1"
    bad = found["/dev/md2"]
    assert not bad.whole
    assert (bad.failed, bad.wanted, bad.working) == (frozenset({"/dev/sdb3"}), 2, 1)
    assert bad.syncing == "recovery 8.5%"


def test_an_inactive_array_is_not_whole() -> None:
    text = "Personalities : [raid1]\nmd1 : inactive sda1[0](S)\n      6 blocks super 1.2\n"
    assert not raid.parse_mdstat(text)["/dev/md1"].whole


def test_no_array_is_an_answer_and_nothing_is_none() -> None:
    assert raid.parse_mdstat("Personalities : \nunused devices: <none>\n") == {}
    with pytest.raises(ParseError):
        raid.parse_mdstat("")
    with pytest.raises(ParseError, match="members"):
        raid.parse_mdstat("Personalities : [raid1]\nmd1 : active raid1 sda1[0]\n")


def test_volume_groups_are_in_bytes(samples: SimpleNamespace) -> None:
    group = lvm.parse_vgs(samples.VGS)["xenvg"]
    assert (group.size_mib, group.missing) == (24564, 0)
    assert group.free_percent == pytest.approx(91.65, abs=0.01)
    assert lvm.VolumeGroup("empty", 0, 0, 0).free_percent == 0.0
    assert lvm.parse_vgs('{"report": [{"vg": []}]}') == {}
    with pytest.raises(ParseError):
        lvm.parse_vgs('{"report": []}')


def test_physical_volumes_tell_group_and_loss(samples: SimpleNamespace) -> None:
    assert [(v.device, v.group, v.missing) for v in lvm.parse_pvs(samples.PVS)] == [
        ("/dev/sda5", "xenvg", False),
        ("/dev/sdb5", "xenvg", True),
        ("/dev/sdc", "", False),
    ]


def test_a_volume_holds_what_rounds_up_to_its_size(samples: SimpleNamespace) -> None:
    disk, other = lvm.parse_lvs(samples.LVS)
    assert disk.size_mib == 1024
    assert disk.tags == {"originstname+vm1.gnt.example"}
    assert other.tags == frozenset()
    assert [size for size in (1020, 1021, 1023, 1024, 1025) if disk.holds_mib(size)] == [
        1021,
        1023,
        1024,
    ]
    assert lvm.parse_lvs('{"report": [{"lv": []}]}') == ()


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("/srv/nas", "nas:/vol"),
        ("/srv/nas/vm2", "nas:/vol"),
        ("/srv/nasty", "/dev/md1"),
        ("/", "/dev/md1"),
    ],
)
def test_a_path_lies_on_the_nearest_mount(
    path: str, source: str, samples: SimpleNamespace
) -> None:
    facts = SystemFacts()
    answer = Answer("node1", storage.MOUNTS, 0, samples.MOUNTS, "", 0.0, 0.1)
    facts.source = Replay("node1", [answer])
    assert facts.mount_of(PurePosixPath(path)).source == source
