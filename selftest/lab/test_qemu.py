"""QEMU: how the machine's start of an argument list is made, and how versions are read."""

from pathlib import Path

import pytest

from gntverify.errors import CommandFailed
from provision.lab.qemu import CPU, LEAST_MAJOR, Qemu, _remembered, parse_version


def test_a_version_is_read_from_what_qemu_says() -> None:
    said = "QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2~bpo12+1)\nCopyright (c) …"
    assert parse_version(said) == (10, 0, 2)


def test_bookworms_own_version_is_too_old() -> None:
    assert parse_version("QEMU emulator version 7.2.19 (Debian 1:7.2)")[0] < LEAST_MAJOR


def test_an_answer_without_a_version_is_refused() -> None:
    with pytest.raises(CommandFailed, match="answered 'not found'"):
        parse_version("not found")


@pytest.mark.parametrize(("accelerator", "want"), [("kvm", "kvm"), ("tcg", "tcg,thread=multi")])
def test_a_machine_starts_with_program_accelerator_and_processor(
    accelerator: str, want: str
) -> None:
    argv = Qemu("10.0.2", "a test", accelerator, 1.0, Path("/prefix")).system()
    assert argv[0] == "/prefix/bin/qemu-system-x86_64"
    assert argv[argv.index("-accel") + 1].startswith(want)
    assert argv[argv.index("-cpu") + 1] == CPU[accelerator]
    assert argv[argv.index("-L") + 1] == "/prefix/share/qemu"


def test_disk_images_are_made_by_the_same_qemu() -> None:
    qemu = Qemu("10.0.2", "a test", "tcg", 6.0, Path("/prefix"))
    assert qemu.img() == ["/prefix/bin/qemu-img"]


@pytest.mark.parametrize("content", ["", '{"machine": "a', "[1]", "null"])
def test_half_a_verdict_is_none(content: str, tmp_path: Path) -> None:
    memory = tmp_path / "accelerator.json"
    assert _remembered(memory) == {}
    memory.write_text(content)
    assert _remembered(memory) == {}
