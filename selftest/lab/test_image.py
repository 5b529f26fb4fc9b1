"""The image: what its disks and its builder are made of."""

import struct
from pathlib import Path

import pytest

from gntverify.errors import SiteError
from provision.lab import image
from provision.lab.disks import MIB, SECTOR, Layout, initramfs_with
from provision.lab.image import BUILDER, LAYOUT, check_host, image_key, tail


def entries(table: bytes) -> list[tuple[int, int, int]]:
    """Type, start and size (sectors) of each used entry of a partition table."""
    assert len(table) == SECTOR
    assert table.endswith(b"\x55\xaa")
    found = []
    for index in range(4):
        kind, start, size = struct.unpack_from("<4xB3xII", table, 446 + 16 * index)
        if kind:
            found.append((kind, start, size))
    return found


def test_a_disk_is_laid_out_as_the_notes_have_it() -> None:
    layout = Layout(root_mib=100, swap_mib=10, volume_mib=200)
    tables = layout.tables()
    primary = entries(tables[0])
    assert [(kind, size * SECTOR // MIB) for kind, _, size in primary] == [
        (0xFD, 100),
        (0x82, 10),
        (0x05, 201),
    ]
    extended = primary[2][1]
    assert entries(tables[extended * SECTOR]) == [(0x8E, 2048, 200 * MIB // SECTOR)]


def test_partitions_follow_each_other_and_fit_the_disk() -> None:
    primary = entries(LAYOUT.tables()[0])
    ends = [start + size for _, start, size in primary]
    assert [start for _, start, _ in primary] == [LAYOUT.root_start, *ends[:-1]]
    assert ends[-1] * SECTOR < LAYOUT.size


def test_the_volume_group_is_large_enough_for_ganeti() -> None:
    lost_mib = 4
    assert 2 * (LAYOUT.volume_mib - lost_mib) >= 20480


def test_the_file_system_leaves_room_for_the_superblock_at_the_end() -> None:
    assert LAYOUT.root_blocks * 4096 == (LAYOUT.root_mib - 1) * MIB


def test_the_builder_is_one_more_file_of_the_initial_ram_disk() -> None:
    result = initramfs_with(b"12345", "builder", b"#!/bin/sh\n")
    added = result[8:]
    assert result[:8] == b"12345\0\0\0"
    assert added.startswith(b"070701")
    mode, size = (int(added[at : at + 8], 16) for at in (14, 54))
    assert (mode, size) == (0o100755, len(b"#!/bin/sh\n"))
    assert added[110 : 110 + 8] == b"builder\0"
    assert added[120:130] == b"#!/bin/sh\n"
    assert b"TRAILER!!!" in added
    assert len(result) % 4 == 0


def test_the_array_has_one_identity_everywhere() -> None:
    conf = (BUILDER / "overlay/etc/mdadm/mdadm.conf").read_text()
    uuid = conf.split("UUID=")[1].split()[0]
    assert f"--uuid={uuid} " in (BUILDER / "storage.sh").read_text()


@pytest.mark.parametrize(
    "change",
    [{"baked": True}, {"packages": ("a", "c")}, {"index": "other versions"}],
    ids=["flavour", "packages", "versions"],
)
def test_another_image_has_another_key(change: dict[str, object], tmp_path: Path) -> None:
    made_of = {"baked": False, "packages": ("a", "b"), "index": "versions", "builder": tmp_path}
    assert key(made_of) == key(made_of)
    assert key(made_of) != key({**made_of, **change})


def test_a_changed_builder_makes_another_image(tmp_path: Path) -> None:
    made_of = {"baked": False, "packages": ("a",), "index": "", "builder": tmp_path}
    (tmp_path / "tree.sh").write_text("one")
    before = key(made_of)
    (tmp_path / "tree.sh").write_text("two")
    assert key(made_of) != before


def key(made_of: dict[str, object]) -> str:
    return image_key(**made_of)  # type: ignore[arg-type]  # one dict of several types


def test_too_little_room_is_said_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "_PROGRAMS", {"sh": "dash"})
    monkeypatch.setattr(image, "NEEDED_GIB", 10**9)
    with pytest.raises(SiteError, match=r"An image needs .* make room or set XDG_CACHE_HOME"):
        check_host(tmp_path)


def test_a_missing_program_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image, "_PROGRAMS", {"no-such-program": "its-package"})
    with pytest.raises(SiteError, match="install the package 'its-package'"):
        check_host(tmp_path)


def test_the_tail_of_a_log_is_one_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert tail(log) == "nothing"
    log.write_text("one\ntwo\nthree\n")
    assert tail(log, lines=2) == "two | three"
