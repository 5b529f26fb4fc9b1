"""The probe's disk: whatever happens to it or its dump, the canary tells."""

import hashlib
import os
import re
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provision.guest import package
from provision.guest.package import PLACES
from selftest.provision.probes import (
    ADDRESS,
    MIB,
    NETWORK,
    PATH,
    SIZE,
    Probe,
    content,
    debugfs,
    files,
    unpacked,
)

WHOLE = re.compile(r"canary (\d+) (\d+) ok")


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Probe:
    """The package, unpacked."""
    return unpacked(tmp_path_factory.mktemp("probe"))


@pytest.fixture(scope="module")
def planted(probe: Probe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk as `create` leaves it; nobody writes to it."""
    return probe.create(tmp_path_factory.mktemp("planted") / "disk")


@pytest.fixture
def disk(planted: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    copy = tmp_path / "disk"
    copy.write_bytes(planted.read_bytes())
    return copy


@pytest.fixture
def tree(disk: Path, tmp_path: Path) -> Path:
    """The files on it."""
    return files(disk, tmp_path / "tree")


def test_the_package_is_the_same_wherever_it_is_made(tmp_path: Path) -> None:
    """Trees that differ between nodes would be a failure of the notes, not of the cluster."""
    made = []
    for mask in (0o022, 0o077):
        before = os.umask(mask)
        (tmp_path / f"{mask}").mkdir()
        made.append(package.build(tmp_path / f"{mask}").read_bytes())
        os.umask(before)
        time.sleep(0.01)
    assert made[0] == made[1]


def test_a_new_disk_has_a_whole_canary_of_now(probe: Probe, planted: Path) -> None:
    status, line = probe.tool("check-disk", planted)
    told = WHOLE.fullmatch(line)
    assert status == 0
    assert told is not None
    assert told[1] == "0"
    assert 0 <= time.time() - int(told[2]) < 600


def test_the_guest_finds_its_name_and_address_on_its_disk(planted: Path) -> None:
    assert content(planted, "/etc/hostname") == b"vm.gnt.example\n"
    want = b"address 192.0.2.7/24\ngateway 192.0.2.254\n"
    assert content(planted, "/etc/network") == want


def test_a_reinstallation_plants_another_canary(probe: Probe, disk: Path) -> None:
    before = content(disk, "/canary/MANIFEST")
    env = {"DISK_0_PATH": str(disk), "INSTANCE_REINSTALL": "1"}
    assert probe.os("create", env).returncode == 0
    assert content(disk, "/canary/MANIFEST").splitlines()[1:3] != before.splitlines()[1:3]
    assert probe.tool("check-disk", disk)[0] == 0


def test_one_bit_on_the_disk_is_seen(probe: Probe, disk: Path) -> None:
    data = content(disk, "/canary/data/07")
    place = disk.read_bytes().index(data[:4096]) + 17
    with disk.open("r+b") as file:
        file.seek(place)
        file.write(bytes([data[17] ^ 1]))
    status, line = probe.tool("check-disk", disk)
    assert status == 1
    assert line.endswith(" broken: data/07 differs")


def test_a_file_that_is_gone_from_the_disk_is_seen(probe: Probe, disk: Path) -> None:
    debugfs(disk, "rm /canary/data/03", "rm /canary/data/11")
    status, line = probe.tool("check-disk", disk)
    assert status == 1
    assert line.endswith(" broken: data/03 is missing, data/11 is missing")


def test_what_is_no_file_system_is_broken(probe: Probe, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(MIB))
    assert probe.tool("check-disk", disk) == (1, "canary - - broken: MANIFEST is missing")


def test_what_is_not_there_is_no_verdict(probe: Probe, tmp_path: Path) -> None:
    assert probe.tool("check-disk", tmp_path / "no-disk") == (2, "")
    assert probe.tool("check-canary", tmp_path / "no-directory") == (2, "")


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ("truncate -s -1 data/05", "data/05 differs"),
        ("echo more >> data/05", "data/05 differs"),
        ("rm data/05", "data/05 is missing"),
        ("rm data/journal-0", "data/journal-0 is missing"),
        ("truncate -s -1 data/journal-0", "data/journal-0 differs"),
        ("rm MANIFEST", "MANIFEST is missing"),
        (": > MANIFEST", "MANIFEST is missing"),
        ("sed -i '/05$/d' MANIFEST", "MANIFEST differs"),
        ("sed -i '$d' MANIFEST", "MANIFEST differs"),
        ("sed -i 's/^gntverify-probe 1 0/gntverify-probe 1 9/' MANIFEST", "MANIFEST differs"),
    ],
)
def test_every_harm_to_the_files_is_seen(probe: Probe, tree: Path, harm: str, words: str) -> None:
    assert probe.tool("check-canary", tree)[0] == 0
    subprocess.run(["/bin/sh", "-c", harm], check=True, timeout=20, cwd=tree / "canary")
    status, line = probe.tool("check-canary", tree)
    assert status == 1
    assert line.endswith(f" broken: {words}")


def advance(probe: Probe, tree: Path, seq: int, *, path: str = PATH) -> bool:
    """Whether one heartbeat, as the guest writes it, came to its end."""
    canary = tree / "canary"
    lines = (canary / "MANIFEST").read_text().splitlines()
    data = "\n".join(line for line in lines if re.match("[0-9a-f]{64}  ", line))
    size = (canary / "data/journal-0").stat().st_size
    text = (
        f". {probe.root / package.PLACES['share'] / 'canary.sh'}; canary={canary}; "
        f"journal_bytes={size}; advance {seq} 1764000000 vm '{data}' data/journal-0"
    )
    argv = ["/bin/sh", "-c", text]
    return subprocess.run(argv, timeout=20, check=False, env={"PATH": path}).returncode == 0


def test_the_canary_is_whole_after_each_heartbeat(probe: Probe, tree: Path) -> None:
    for seq in range(1, 4):
        assert advance(probe, tree, seq)
        assert probe.tool("check-canary", tree) == (0, f"canary {seq} 1764000000 ok")


@pytest.mark.parametrize("program", ["sha256sum", "sync", "mv"])
def test_a_guest_that_dies_in_a_heartbeat_leaves_a_whole_canary(
    probe: Probe, tree: Path, tmp_path: Path, program: str
) -> None:
    """Whatever step was the last, the manifest names what is there: the old or the new."""
    assert advance(probe, tree, 1)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / program).write_text("#!/bin/sh\nkill -9 $PPID\n")
    (tmp_path / "bin" / program).chmod(0o755)
    advance(probe, tree, 2, path=f"{tmp_path / 'bin'}:{PATH}")
    status, line = probe.tool("check-canary", tree)
    assert status == 0
    assert re.fullmatch("canary [12] 1764000000 ok", line)


def test_a_restore_is_what_was_exported_however_large_the_disk(
    probe: Probe, planted: Path, tmp_path: Path
) -> None:
    restored = tmp_path / "restored"
    assert probe.restore(probe.export(planted), restored, 40 * MIB)
    assert probe.tool("check-disk", restored) == probe.tool("check-disk", planted)
    assert content(restored, "/canary/data/00") == content(planted, "/canary/data/00")
    assert content(restored, "/etc/network") == content(planted, "/etc/network")
    check = subprocess.run(
        ["/usr/sbin/e2fsck", "-fn", str(restored)], capture_output=True, text=True, check=False
    )
    assert check.returncode == 0
    assert f"{40 * MIB // 4096} blocks" in check.stdout


@pytest.fixture(scope="module")
def exported(probe: Probe, planted: Path) -> bytes:
    """What `export` says of it."""
    return probe.export(planted)


@settings(max_examples=10)
@given(st.data())
def test_a_dump_that_was_cut_or_changed_is_refused_or_harmless(
    probe: Probe,
    planted: Path,
    exported: bytes,
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
) -> None:
    """Harmless: the head of a gzip stream has bits that mean nothing."""
    dump = bytearray(exported)
    place = data.draw(st.integers(0, len(dump) - 1))
    if data.draw(st.booleans()):
        del dump[place:]
    else:
        dump[place] ^= 1 << data.draw(st.integers(0, 7))
    restored = tmp_path_factory.mktemp("restored") / "disk"
    restored.write_bytes(planted.read_bytes())
    if probe.restore(bytes(dump), restored):
        assert place < 10
        assert probe.tool("check-disk", restored) == probe.tool("check-disk", planted)
    else:
        assert probe.tool("check-disk", restored)[0] == 1


def test_a_disk_too_small_for_the_dump_is_refused(
    probe: Probe, planted: Path, tmp_path: Path
) -> None:
    assert not probe.restore(probe.export(planted), tmp_path / "disk", 4 * MIB)
    assert probe.tool("check-disk", tmp_path / "disk")[0] == 1


def dirty(disk: Path, tmp_path: Path) -> None:
    """Leave in the disk's journal what belongs in its files, as a crash does."""
    block = debugfs(disk, "blocks /etc/hostname").splitlines()[-1].split()[-1]
    (tmp_path / "block").write_bytes(b"of-journal.gnt\n".ljust(4096, b"\0"))
    debugfs(disk, "journal_open", f"journal_write -b {block} {tmp_path / 'block'}", "jc")


def test_the_journal_of_a_crashed_guest_is_replayed_elsewhere(
    probe: Probe, disk: Path, tmp_path: Path
) -> None:
    """The device is only read, and what is read is what the guest would find at its next boot."""
    dirty(disk, tmp_path)
    before = hashlib.sha256(disk.read_bytes()).hexdigest()
    dump = probe.export(disk)
    assert probe.tool("check-disk", disk)[0] == 0
    assert hashlib.sha256(disk.read_bytes()).hexdigest() == before
    assert probe.restore(dump, tmp_path / "restored")
    assert content(tmp_path / "restored", "/etc/hostname") == b"of-journal.gnt\n"
    assert content(disk, "/etc/hostname") == b"vm.gnt.example\n"


@pytest.mark.parametrize(("flip", "told"), [(0, "ok"), (1, "broken: data/03 differs")])
def test_a_running_guest_reads_its_data_anew(
    probe: Probe, tree: Path, tmp_path: Path, flip: int, told: str
) -> None:
    """What it has in memory is let go first; only the places are the node's here."""
    data = tree / "canary" / "data" / "03"
    whole = data.read_bytes()
    data.write_bytes(bytes([whole[0] ^ flip]) + whole[1:])
    share, caches = probe.root / PLACES["share"], tmp_path / "caches"
    text = (share / "canary.cgi").read_text()
    for of_guest, here in (
        ("/canary.sh", share / "canary.sh"),
        ("/disk/canary", tree / "canary"),
        ("/proc/sys/vm/drop_caches", caches),
        ("PATH=/bin", f"PATH={PATH}"),
    ):
        assert text.count(of_guest) == 1
        text = text.replace(of_guest, str(here))
    done = subprocess.run(
        ["/bin/sh"], input=text, capture_output=True, text=True, timeout=20, check=True
    )
    head, _, line = done.stdout.partition("\n\n")
    assert head == "Content-Type: text/plain"
    assert re.fullmatch(rf"canary \d+ \d+ {told}\n", line)
    assert caches.read_text() == "3\n"


def test_a_second_disk_is_carried_as_it_is(probe: Probe, tmp_path: Path) -> None:
    data, restored = tmp_path / "data", tmp_path / "restored"
    data.write_bytes(os.urandom(3 * MIB))
    done = probe.os("export", {"EXPORT_DISK_PATH": str(data), "EXPORT_INDEX": "1"})
    restored.write_bytes(bytes(3 * MIB))
    env = {"IMPORT_DISK_PATH": str(restored), "IMPORT_INDEX": "1"}
    assert probe.os("import", env, stdin=done.stdout).returncode == 0
    assert restored.read_bytes() == data.read_bytes()
    assert probe.os("import", env, stdin=done.stdout[:-9]).returncode != 0


@pytest.mark.parametrize("crashed", [False, True])
def test_a_renamed_guest_has_the_instances_name_and_address(
    probe: Probe, disk: Path, tmp_path: Path, *, crashed: bool
) -> None:
    if crashed:
        dirty(disk, tmp_path)
    env = ADDRESS | NETWORK | {"NIC_0_IP": "192.0.2.8", "DISK_0_PATH": str(disk)}
    env |= {"INSTANCE_NAME": "new.gnt.example", "OLD_INSTANCE_NAME": "vm.gnt.example"}
    before = content(disk, "/canary/MANIFEST")
    assert probe.os("rename", env).returncode == 0
    assert content(disk, "/etc/hostname") == b"new.gnt.example\n"
    assert b"address 192.0.2.8/24\n" in content(disk, "/etc/network")
    assert content(disk, "/canary/MANIFEST") == before
    assert probe.tool("check-disk", disk)[0] == 0


def test_a_disk_that_import_refused_cannot_be_renamed(probe: Probe, disk: Path) -> None:
    assert not probe.restore(b"", disk)
    assert probe.os("rename", {"DISK_0_PATH": str(disk)}).returncode != 0


@pytest.mark.parametrize(
    ("variables", "want"),
    [
        ({}, b""),
        ({"OSP_ADDRESS": "192.0.2.9/25"}, b"address 192.0.2.9/25\n"),
        (ADDRESS | {"NIC_0_MODE": "routed"}, b"address 192.0.2.7/32\n"),
        (ADDRESS | {"NIC_0_IP": "127.0.0.9", "NIC_0_LINK": "lo"}, b"address 127.0.0.9/8\n"),
        (ADDRESS | {"OSP_ADDRESS": "192.0.2.9/25"}, b"address 192.0.2.9/25\n"),
    ],
)
def test_the_address_comes_from_parameter_network_or_link(
    probe: Probe, tmp_path: Path, variables: dict[str, str], want: bytes
) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(SIZE))
    assert probe.os("create", {"DISK_0_PATH": str(disk)} | variables).returncode == 0
    assert content(disk, "/etc/network") == want


def test_an_address_of_unknown_length_is_refused_in_a_sentence(
    probe: Probe, tmp_path: Path
) -> None:
    done = probe.os("create", {"DISK_0_PATH": str(tmp_path / "disk")} | ADDRESS)
    assert done.returncode == 1
    assert b"say '-O address=192.0.2.7/LENGTH'." in done.stderr


@pytest.mark.parametrize(
    ("variables", "status"),
    [
        ({}, 0),
        ({"OSP_ADDRESS": "192.0.2.7/24", "OSP_GATEWAY": "192.0.2.1"}, 0),
        ({"OSP_ADDRESS": "192.0.2.7"}, 1),
        ({"OSP_ADDRESS": "192.0.2.256/24"}, 1),
        ({"OSP_ADDRESS": "192.0.2.7/33"}, 1),
        ({"OSP_GATEWAY": "gateway"}, 1),
    ],
)
def test_parameters_are_verified(probe: Probe, variables: dict[str, str], status: int) -> None:
    assert probe.os("verify", variables, "parameters").returncode == status
