import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from gntverify.errors import ParseError
from gntverify.ganeti import exports

NAME = "vm2.gnt.example"
DUMP = "8380fc92-5a5b-4a0e-9232-5eb7e3906e78"
CONFIG = f"""\
[export]
version = 0
timestamp = 1795574644
os = debootstrap+default

[instance]
name = {NAME}
disk_template = drbd
hypervisor = kvm
disk0_ivname = disk/0
disk0_dump = {DUMP}
disk0_size = 1024
disk_count = 1

[os]
disk_count = 9

[os_private]
root_password = hunter2
os = hunter2
"""


def _listed(directory: Path) -> str:
    ran = subprocess.run(
        exports.listing(str(directory)), capture_output=True, text=True, check=True, timeout=30
    )
    return ran.stdout


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """A directory with an export of vm2, and one of vm3 that is still being written."""
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "config.ini").write_text(CONFIG, encoding="utf-8")
    (tmp_path / NAME / DUMP).write_bytes(b"\0" * 512)
    (tmp_path / "vm3.gnt.example.new").mkdir()
    return tmp_path


def test_an_export_is_told_without_the_secrets_of_its_os(shelf: Path) -> None:
    said = _listed(shelf)
    assert "hunter2" not in said
    found = exports.parse_shelf(said)
    assert found is not None
    assert str(found.path) == str(shelf.resolve())
    assert set(found.exports) == {NAME}
    have = found.exports[NAME]
    assert have.trouble == ""
    assert (have.disks_mib, have.needs_mib) == ((1024,), 1024 + exports.DRBD_META_MIB)
    assert (have.value("os"), have.value("disk_count")) == ("debootstrap+default", "1")
    assert have.files[DUMP].size == 512


def test_a_directory_may_be_absent_or_empty(tmp_path: Path) -> None:
    assert exports.parse_shelf(_listed(tmp_path / "gone")) is None
    empty = exports.parse_shelf(_listed(tmp_path))
    assert empty is not None
    assert empty.exports == {}


def test_age_is_by_the_clock_of_the_host(samples: SimpleNamespace) -> None:
    found = exports.parse_shelf(samples.SHELF)
    assert found is not None
    assert found.exports[NAME].age_s == 43
    assert found.exports["vm9.gnt.example"].age_s is None


@pytest.mark.parametrize(
    ("part", "instead", "trouble"),
    [
        (f"file 600 1914 {NAME}/config.ini\n", "", "no config.ini"),
        ("| version = 0\n", "", "config.ini without version"),
        ("| timestamp = 1795574644\n", "", "config.ini without timestamp"),
        ("timestamp = 1795574644", "timestamp = today", "config.ini without timestamp"),
        ("disk_count = 1", "disk_count = one", "config.ini with disk_count 'one'"),
        ("disk_count = 1", "disk_count = 99", "config.ini with disk_count '99'"),
        ("disk_count = 1", "disk_count = 2", "disk 1: config.ini does not tell its dump and size"),
        ("disk0_size = 1024", "disk0_size = 0", "disk 0: config.ini does not tell"),
        (f"1073741824 {NAME}/{DUMP}", f"0 {NAME}/{DUMP}", f"disk 0: its dump {DUMP} is empty"),
        (f"file 600 1073741824 {NAME}/{DUMP}\n", "", f"disk 0: its dump {DUMP} is not there"),
    ],
)
def test_an_export_that_is_not_whole_says_why(
    part: str, instead: str, trouble: str, samples: SimpleNamespace
) -> None:
    assert part in samples.SHELF
    found = exports.parse_shelf(samples.SHELF.replace(part, instead, 1))
    assert found is not None
    assert found.exports[NAME].trouble.startswith(trouble)


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ("now 1795574687 in /var/lib/ganeti/export\n", ""),
        ("now 1795574687", "now today"),
        ("> vm2.gnt.example\n", ""),
        ("| os = noop", "os = noop"),
        (f"{NAME}/config.ini", "vm1.gnt.example/config.ini"),
        ("file 600 1914", "file rw------- 1914"),
    ],
)
def test_another_listing_is_refused(part: str, instead: str, samples: SimpleNamespace) -> None:
    assert part in samples.SHELF
    with pytest.raises(ParseError):
        exports.parse_shelf(samples.SHELF.replace(part, instead, 1))
