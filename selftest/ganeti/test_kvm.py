import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from gntverify.errors import CommandFailed, ParseError
from gntverify.ganeti import kvm

NAME = "vm1.gnt.example"


def _ran(argv: list[str]) -> str:
    ran = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)
    return ran.stdout


def _processes(directory: Path) -> str:
    """What the shell command prints when Ganeti's run directory is that one."""
    return _ran(["sh", "-c", kvm.PROCESSES[2].replace(kvm.RUN_DIR, str(directory))])


def test_a_process_is_what_it_was_started_with(samples: SimpleNamespace) -> None:
    found = kvm.parse_processes(samples.PROCESSES_OF_KVM)
    vm1, vm4 = found[NAME], found["vm4.gnt.example"]
    assert (vm1.pid, vm1.uses_kvm, vm1.has_serial_console) == (3414, True, True)
    assert (vm1.option("cpu"), vm1.cdroms, vm1.displays) == ("host", (), ())
    assert (vm4.uses_kvm, vm4.has_serial_console) == (False, False)
    assert vm4.option("cpu") == "qemu64"  # QEMU takes the last
    assert vm4.cdroms == ("/home/vendors/debian.iso",)
    assert [str(display) for display in vm4.displays] == [
        "VNC on 127.0.0.1:11001 without password and TLS",
        "SPICE on 192.168.0.1:11004 without password and TLS",
    ]


def test_a_process_that_shows_no_descriptor_tells_nothing(samples: SimpleNamespace) -> None:
    unseen = samples.PROCESSES_OF_KVM.replace("3414 kvm", "3414 unseen")
    with pytest.raises(CommandFailed, match="3414"):
        assert kvm.parse_processes(unseen)[NAME].uses_kvm


def test_a_node_without_running_instances_prints_nothing(tmp_path: Path) -> None:
    assert kvm.parse_processes(_processes(tmp_path)) == {}
    assert kvm.parse_taps("") == {}


def test_a_command_line_comes_without_its_secrets(tmp_path: Path) -> None:
    argv = [
        *("-name", NAME, "--cpu", "host", "-object", "secret,id=s,data=hunter2"),
        *("-drive", "file=iscsi://user%hunter2@nas/x,if=none", "-drive", "file=/a b,media=cdrom"),
    ]
    (tmp_path / "pid").mkdir()
    with subprocess.Popen(
        ["/bin/sh", "-c", "read line", "sh", *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:
        (tmp_path / "pid" / NAME).write_text(str(process.pid), encoding="utf-8")
        (tmp_path / "pid" / "gone.gnt.example").write_text("999999999\n", encoding="utf-8")
        said = _processes(tmp_path)
        process.communicate()
    assert "hunter2" not in said
    have = kvm.parse_processes(said)[NAME]
    assert (have.pid, have.accelerator) == (process.pid, "emulated")
    assert (have.option("cpu"), have.cdroms) == ("host", ("/a b",))


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("> vm1.gnt.example 3414 kvm\n", ""),
        ("3414 kvm", "3414"),
        ("3414 kvm", "3414 tcg"),
        ("| -smp 1", "-smp 1"),
        ("| -name vm1.gnt.example\n", ""),
        ("| -name vm1.gnt.example", "| -name vm2.gnt.example"),
    ],
)
def test_another_process_is_refused(line: str, instead: str, samples: SimpleNamespace) -> None:
    assert line in samples.PROCESSES_OF_KVM
    with pytest.raises(ParseError):
        kvm.parse_processes(samples.PROCESSES_OF_KVM.replace(line, instead, 1))


def test_taps_are_those_of_all_cards(samples: SimpleNamespace) -> None:
    assert kvm.parse_taps(samples.TAPS) == {NAME: {"tap0", "tap2"}}
    for bad in (samples.TAPS.replace("tap0", "tap0 tap1"), samples.TAPS.replace("/nic/", "/pid/")):
        with pytest.raises(ParseError):
            kvm.parse_taps(bad)


@pytest.mark.parametrize(
    ("text", "there", "told"),
    [
        ("program\n", False, "/usr/bin/kvm is not wrapped (program)"),
        ("absent\n", False, "/usr/bin/kvm is not wrapped (absent)"),
        ("script\n", True, "/usr/bin/kvm is wrapped (script)"),
        (
            "program\ndiversion of /usr/bin/kvm to /usr/bin/kvm.real by pve\n",
            True,
            "/usr/bin/kvm is wrapped (program, diverted to /usr/bin/kvm.real)",
        ),
    ],
)
def test_a_wrapper_is_a_script_or_a_diversion(text: str, there: bool, told: str) -> None:
    have = kvm.parse_wrapper(text)
    assert (have.there, str(have)) == (there, told)


@pytest.mark.parametrize(
    "text", ["", "elf\n", "script\nkvm.real\n", "script\ndiversion of /bin/sh to /bin/sh.real\n"]
)
def test_what_is_no_answer_about_kvm_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        kvm.parse_wrapper(text)


def test_files_tell_mode_and_owner_or_are_absent(tmp_path: Path) -> None:
    there, gone = tmp_path / "a b", tmp_path / "gone"
    there.touch(mode=0o600)
    paths = [str(there), str(gone)]
    have = kvm.parse_stat(_ran(kvm.stat(paths)), paths)
    assert have == {str(there): f"600 {there.owner()}", str(gone): None}
    with pytest.raises(ParseError):
        kvm.parse_stat(_ran(kvm.stat(paths)), [*paths, "/other"])
