"""What is measured of guests: the scripts, on files like a node's."""

import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import CommandFailed, ParseError
from gntverify.facts.hardware import Cpu
from gntverify.ganeti.kvm import RUN_DIR
from gntverify.perf.guests import _MIGRATION, _RESYNC, _TICKS, emulated, lacking, rate

SYNC = """\
version: 8.4.11 (api:1/proto:86-101)
srcversion: 1234

 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----
    ns:0 nr:0 dw:0 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
 1: cs:{state} ro:Primary/Secondary ds:UpToDate/Inconsistent C r-----
    ns:0 nr:0 dw:0 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:{oos}
\t[>....................] sync'ed:  5.1% (996/1024)M
"""


def test_a_resync_is_seen_from_its_begin_to_its_end(tmp_path: Path) -> None:
    proc, fresh = tmp_path / "drbd", tmp_path / "new"
    text = _RESYNC.replace("/proc/drbd", str(proc))
    proc.write_text(SYNC.format(state="SyncSource", oos=524288))
    argv = [sys.executable, "-c", text, "1", "10", "20"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(1.5)
        fresh.write_text(SYNC.format(state="Connected", oos=0))
        fresh.replace(proc)
        out, _ = child.communicate(timeout=10)
    assert 512 / 10 < rate(out) < 512 / 0.5


def test_a_resync_that_never_begins_is_no_rate(tmp_path: Path) -> None:
    proc = tmp_path / "drbd"
    proc.write_text(SYNC.format(state="Connected", oos=0))
    argv = [sys.executable, "-c", _RESYNC.replace("/proc/drbd", str(proc)), "1", "0.3", "9"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no resync of minor 1" in done.stderr


SENDER = """\
import socket, sys, time
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as peer:
    for _ in range(10):
        peer.sendall(bytes(1 << 20))
        time.sleep(0.1)
    time.sleep(1)
"""


def test_a_migration_is_what_the_instances_process_sends(tmp_path: Path) -> None:
    """Ten MiB in a second; that it is silent for another one before its end slows down nothing."""
    (tmp_path / "pid").mkdir()
    looking = [sys.executable, "-c", _MIGRATION.replace(RUN_DIR, str(tmp_path))]
    with socket.create_server(("127.0.0.1", 0)) as server:
        sending = [sys.executable, "-c", SENDER, str(server.getsockname()[1])]
        with subprocess.Popen(sending) as sender:
            (tmp_path / "pid" / "vm1").write_text(f"{sender.pid}\n")
            argv = [*looking, "vm1", "127.0.0.1", "20"]
            with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as look:
                peer, _ = server.accept()
                with peer:
                    while peer.recv(1 << 20):
                        pass
                out, _ = look.communicate(timeout=20)
    assert 4 < rate(out) < 20


def test_a_migration_that_never_begins_is_no_rate(tmp_path: Path) -> None:
    (tmp_path / "pid").mkdir()
    (tmp_path / "pid" / "vm1").write_text("1\n")
    text = _MIGRATION.replace(RUN_DIR, str(tmp_path))
    argv = [sys.executable, "-c", text, "vm1", "127.0.0.1", "0.3"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "nothing was seen on its way from vm1 to 127.0.0.1" in done.stderr


@given(st.text())
def test_whatever_is_printed_is_a_rate_or_refused(text: str) -> None:
    try:
        found = rate(text)
    except ParseError:
        return
    assert found > 0


def test_cpu_time_is_that_of_the_instance_and_of_no_other(tmp_path: Path) -> None:
    """A process that spins, and one whose command line has another name."""
    pids = tmp_path / "pid"
    pids.mkdir()
    text = _TICKS.replace(RUN_DIR, str(tmp_path))
    argv = [sys.executable, "-c", "while True: pass", "-name", "vm1,debug-threads=on"]
    with subprocess.Popen(argv) as child:
        try:
            for name in ("vm1", "vm2"):
                (pids / name).write_text(f"{child.pid}\n")
            asked = [sys.executable, "-c", text]
            good = subprocess.run([*asked, "vm1", "1"], capture_output=True, text=True, check=True)
            other = subprocess.run([*asked, "vm2", "1"], capture_output=True, check=False)
        finally:
            child.kill()
    assert float(good.stdout) > 1
    assert b"not that of the instance" in other.stderr


def test_a_guest_lacks_what_programs_use_and_nothing_else() -> None:
    own = Cpu("EPYC", frozenset({"aes", "avx2", "svm", "monitor", "ht"}))
    assert lacking(own, Cpu("EPYC", frozenset({"aes", "avx2", "hypervisor"}))) == []
    (wrong,) = lacking(own, Cpu("EPYC", frozenset({"avx2"})))
    assert wrong == "it lacks aes"
    assert len(lacking(own, Cpu("QEMU Virtual CPU", frozenset()))) == 2


@pytest.mark.parametrize(
    ("told", "want"),
    [("kvm", []), ("emulated", ["vm1 is emulated, not run by KVM"]), ("unseen", None), ("", None)],
)
def test_a_guest_that_lost_kvm_is_told(told: str, want: list[str] | None) -> None:
    text = f"> vm1 7 {told}\n| -name vm1,debug-threads=on\n" if told else ""
    source = SimpleNamespace(name="node1", ask=lambda *_, **__: SimpleNamespace(text=lambda: text))
    guest: Any = SimpleNamespace(name="vm1", primary=SimpleNamespace(short="node1", source=source))
    if want is None:
        with pytest.raises(CommandFailed):
            emulated(guest)
    else:
        assert emulated(guest) == want
