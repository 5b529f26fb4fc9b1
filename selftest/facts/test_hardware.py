from types import SimpleNamespace

import pytest

from gntverify.errors import ParseError
from gntverify.facts import hardware, smart, space


def test_processors_of_two_kinds_have_what_both_have(samples: SimpleNamespace) -> None:
    one = hardware.parse_cpu(samples.CPU)
    assert one.model == "AMD EPYC Processor (AuthenticAMD family 23 model 1)"
    assert one.flags == {"fpu", "msr", "svm", "avx2"}
    two = hardware.parse_cpu(samples.CPU + "flags\t\t: fpu msr svm\nmodel\t\t: 49\n")
    assert "model 1 + 49" in two.model
    assert two.flags == {"fpu", "msr", "svm"}


@pytest.mark.parametrize("text", ["", "model name\t: A\n", "flags fpu\n", "bugs\t: none\n"])
def test_a_processor_that_is_not_told_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        hardware.parse_cpu(text)


def test_memory_is_in_mib(samples: SimpleNamespace) -> None:
    assert hardware.parse_memory(samples.LSMEM) == 3072
    for bad in ("", "Total online memory: 3G\n", "Total online memory:  0\n"):
        with pytest.raises(ParseError):
            hardware.parse_memory(bad)


def test_drives_are_what_stands_on_a_bus_and_has_a_medium(samples: SimpleNamespace) -> None:
    found = {drive.path: drive for drive in hardware.parse_drives(samples.DRIVES)}
    assert set(found) == {"/dev/sda", "/dev/sdb", "/dev/sdc", "/dev/vda", "/dev/nvme0n1"}
    real = {path for path, drive in found.items() if not drive.virtual}
    assert real == {"/dev/sdb", "/dev/nvme0n1"}
    assert hardware.kinds(found.values()) == (
        "1 x 0.0 GiB solid, 2 x 20.5 GiB rotating, 1 x 931.5 GiB rotating, 1 x 931.5 GiB solid"
    )
    with pytest.raises(ParseError, match="no drive"):
        hardware.parse_drives('{"blockdevices": []}')


def test_a_real_drive_behind_virtio_keeps_its_name(samples: SimpleNamespace) -> None:
    text = samples.DRIVES.replace("block:scsi:pci", "block:scsi:virtio:pci")
    found = {drive.path: drive.virtual for drive in hardware.parse_drives(text)}
    assert (found["/dev/sda"], found["/dev/sdb"]) == (True, False)


def test_cards_tell_speed_or_why_not(samples: SimpleNamespace) -> None:
    assert {nic.name: nic.speed for nic in hardware.parse_nics(samples.NICS)} == {
        "eth0": "virtual",
        "eno1": "1000 Mb/s",
        "eno2": "no link",
    }
    with pytest.raises(ParseError, match="tells no speed"):
        hardware.parse_nics("eno1 igb 1 -1\n")
    with pytest.raises(ParseError):
        hardware.parse_nics("eno1 igb 1\n")


def test_kvm_answers_in_one_line() -> None:
    assert hardware.parse_kvm("API 12\n") == "API 12"
    assert hardware.parse_kvm("No such file or directory\n") == "No such file or directory"
    for bad in ("", "\n", "API 12\nAPI 12\n"):
        with pytest.raises(ParseError):
            hardware.parse_kvm(bad)


def test_a_drive_without_smart_is_not_healthy(samples: SimpleNamespace) -> None:
    found = smart.parse_smart(samples.SMART)
    assert {path: health.passed for path, health in found.items()} == {
        "/dev/sda": None,
        "/dev/sdb": True,
        "/dev/nvme0n1": False,
        "/dev/sdc": None,
        "/dev/sde": None,
    }
    assert "has no SMART" in found["/dev/sda"].reason
    assert "No such device" in found["/dev/sdc"].reason
    assert "smartmontools" in found["/dev/sde"].reason


def test_a_drive_that_says_nothing_hides_behind_none_that_fails(samples: SimpleNamespace) -> None:
    found = smart.parse_smart(samples.SMART)
    assert smart.failing(found) == {"/dev/nvme0n1"}
    del found["/dev/nvme0n1"]
    with pytest.raises(ParseError, match="Of 3 drives it cannot be told"):
        smart.failing(found)
    assert smart.failing({"/dev/sdb": found["/dev/sdb"]}) == frozenset()


def test_space_is_short_of_what_ends_first(samples: SimpleNamespace) -> None:
    found = {one.target: one for one in space.parse_df(samples.DF)}
    assert found["/"].free_percent == pytest.approx(86.3, abs=0.1)
    assert found["/srv/data"].free_percent == pytest.approx(5.0)
    assert found["/var/log"].free_percent == pytest.approx(1.0, abs=0.01)
    assert str(found["/var/log"]) == (
        "/var/log has 1.0 % free (512 of 1024 MiB, 655 of 65536 inodes)"
    )


@pytest.mark.parametrize("text", ["", "Mounted on\n", "head\n/ 0 0 0 0\n", "head\n/ 1 - 0 0\n"])
def test_a_file_system_without_size_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        space.parse_df(text)
