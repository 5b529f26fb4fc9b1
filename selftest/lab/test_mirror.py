"""The package mirror: its index is one that apt reads."""

import hashlib
from pathlib import Path

from provision.lab.apt import Deb
from provision.lab.mirror import index, mirror_key, release, source_line, write_index
from provision.lab.packages import GANETI, NETWORK, NODE, NOTES, PLAIN

DEBS = (
    Deb("vlan", "2.0.5", Path("/x/vlan_2.0.5_all.deb"), "Package: vlan\nFilename: pool/v/v.deb"),
    Deb(
        "bridge-utils",
        "1.7",
        Path("/x/b_1%3a1.7_amd64.deb"),
        "Package: b\nFilename: pool/b/b.deb\n",
    ),
)


def test_the_index_points_at_the_mirrors_own_files() -> None:
    assert index(DEBS) == (
        "Package: b\nFilename: pool/b_1.7_amd64.deb\n\n"
        "Package: vlan\nFilename: pool/vlan_2.0.5_all.deb\n\n"
    )


def test_the_release_file_vouches_for_each_index(tmp_path: Path) -> None:
    write_index(tmp_path, DEBS)
    directory = tmp_path / "dists/bookworm"
    text = (directory / "Release").read_text()
    for name in ("main/binary-amd64/Packages", "main/binary-amd64/Packages.gz"):
        content = (directory / name).read_bytes()
        assert f" {hashlib.sha256(content).hexdigest()} {len(content)} {name}\n" in text


def test_the_release_file_names_suite_and_component() -> None:
    lines = release({}).splitlines()
    assert {"Codename: bookworm", "Components: main", "Architectures: amd64"} <= set(lines)


def test_the_nodes_source_is_the_labs_mirror() -> None:
    assert source_line() == "deb [trusted=yes] http://mirror.gnt.example:8080/ bookworm main"


def test_a_plain_node_has_nothing_of_the_notes_tools() -> None:
    brought = {"ganeti", "ganeti-3.0", "drbd-utils", "qemu-system-x86", *NETWORK}
    assert not brought & set(PLAIN)
    assert brought <= set(NOTES)


def test_the_mirror_has_all_that_a_node_ever_has() -> None:
    assert set(NODE) == set(PLAIN) | set(NOTES)
    assert set(GANETI) <= set(NOTES)


def test_the_key_of_the_mirror_is_stable() -> None:
    assert mirror_key() == mirror_key()
    assert len(mirror_key()) == 16
