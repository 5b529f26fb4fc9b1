"""One instance's QEMU, by its command line."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import ParseError
from gntverify.ganeti import qemu
from gntverify.ganeti.kvm import RUN_DIR
from gntverify.ganeti.qemu import Machine, parse_cards, parse_machine

NAME = "vm1.gnt.example"
DISK = f"/var/run/ganeti/instance-disks/{NAME}:0"
# As hv_kvm of 3.0.2 puts it, shortened.
WORDS = f"""\
/usr/bin/kvm
-name
{NAME},debug-threads=on
-m
160
-smp
2
-device
virtio-balloon
-daemonize
-machine
pc-i440fx-7.2
-boot
d
-drive
file=/srv/cd.iso,media=cdrom,format=raw,if=ide
-serial
unix:/var/run/ganeti/kvm-hypervisor/ctrl/{NAME}.serial,server,nowait
-usb
-vnc
127.0.0.1:5103
-drive
file={DISK},format=raw,if=none,aio=threads,id=disk-1,auto-read-only=off
-device
virtio-blk-pci,id=disk-1,bus=pci.0,addr=0xc,drive=disk-1
-netdev
type=tap,id=nic-1,fd=8
-device
virtio-net-pci,id=nic-1,bus=pci.0,addr=0xd,netdev=nic-1,mac=AA:00:00:01:02:03
"""
TEXT = f"4711\n{WORDS}"


def test_what_it_was_started_with_is_read() -> None:
    made = parse_machine(TEXT, NAME)
    assert made is not None
    assert (made.pid, made.memory_mib, made.cpus) == (4711, 160, 2)
    assert made.macs == ("aa:00:00:01:02:03",)
    assert (made.cds, made.disks) == (("/srv/cd.iso",), (DISK,))
    assert made.boots == "cdrom"
    assert [str(one.port) for one in made.vnc] == ["11003"]


@pytest.mark.parametrize(
    ("words", "boots"),
    [(("-boot", "c"), "disk"), (("-boot", "n"), "n"), ((), ""),
     (("-boot", "c", "-kernel", "/k"), "kernel")],
)  # fmt: skip
def test_what_it_boots_from(words: tuple[str, ...], boots: str) -> None:
    assert Machine(1, ("kvm", *words)).boots == boots


def test_no_process_and_another_instances_are_none() -> None:
    assert parse_machine("", NAME) is None
    assert parse_machine(TEXT, "vm2.gnt.example") is None
    assert parse_machine(TEXT, "vm1") is None


@pytest.mark.parametrize("text", ["kvm\n", "0\nkvm\n", "-1\n", "\n"])
def test_what_is_no_process_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_machine(text, NAME)


def test_memory_in_another_form_is_refused() -> None:
    with pytest.raises(ParseError):
        _ = Machine(1, ("kvm", "-m", "size=1G")).memory_mib
    with pytest.raises(ParseError):
        _ = Machine(1, ("kvm",)).cpus


def test_taps_have_their_bridges() -> None:
    assert parse_cards("tap0 xen-br0\ntap1 \n") == {"tap0": "xen-br0", "tap1": ""}
    for text in ("tap0\n", " xen-br0\n", "tap0 xen-br0 x\n", "x" * 16 + " b\n"):
        with pytest.raises(ParseError):
            parse_cards(text)


@given(st.text(max_size=80))
def test_any_text_parses_or_is_refused(text: str) -> None:
    for parse in (lambda: parse_machine(text, NAME), lambda: parse_cards(text)):
        try:
            found = parse()
        except ParseError:
            continue
        assert found is None or isinstance(found, dict)  # it never bears our name


@given(st.lists(st.text(st.characters(codec="ascii", exclude_characters="\n\0"), max_size=9)))
def test_words_come_back_as_they_were(words: list[str]) -> None:
    made = parse_machine("\n".join(["7", "kvm", "-name", NAME, *words]) + "\n", NAME)
    if made is not None:  # another -name counts, if it is the last
        assert made.words == ("kvm", "-name", NAME, *words)


def test_the_node_is_asked_for_the_living_only(tmp_path: Path) -> None:
    def asked() -> str:
        argv = ["/bin/sh", "-c", qemu._LOOK.replace(RUN_DIR, str(tmp_path)), "sh", "vm1"]
        return subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout

    assert asked() == ""
    (tmp_path / "pid").mkdir()
    file = tmp_path / "pid" / "vm1"
    file.write_text("999999999\n")
    assert asked() == ""
    file.write_text(str(os.getpid()))  # as Ganeti writes it, or with its newline
    assert asked().splitlines()[0] == str(os.getpid())
    assert "python" in asked()
