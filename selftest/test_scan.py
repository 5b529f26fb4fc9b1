"""nmap as it is run here, and as its XML is read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gntverify.deadline import wait_for
from gntverify.errors import CommandFailed
from gntverify.scan import MORTAL, Nmap, parse_scan, scans_of

ARGV = ("nmap", "-oX", "-", "-n", "-sT", "-p", "1", "127.0.0.1")
SLOW_ARGV = (*ARGV[:5], "-Pn", "--scan-delay", "20s", "-p", "1-9", "127.0.0.1")
SLOW = f"from gntverify.scan import Nmap; Nmap().ask({SLOW_ARGV}, timeout_s=60)"


def test_a_scan_is_an_answer() -> None:
    answer = Nmap().ask(ARGV, timeout_s=30)
    (seen,) = parse_scan(answer.text()).values()
    assert seen.answered
    assert seen.whole
    with pytest.raises(CommandFailed, match="UDP scan takes root's rights"):
        seen.state("udp", 1814)


def test_a_scan_that_fails_is_an_answer_too() -> None:
    answer = Nmap().ask((*ARGV[:4], "--no-such-option", *ARGV[5:]), timeout_s=9)
    with pytest.raises(CommandFailed, match="no-such-option"):
        answer.text()


def test_a_killed_run_leaves_no_scan() -> None:
    child = subprocess.Popen([sys.executable, "-c", SLOW])
    scan = wait_for("The scan", lambda: (next(scans_of(child.pid), None), "no nmap yet"), 20)
    child.kill()
    child.wait(timeout=5)
    wait_for("The end of the scan", lambda: (_gone(scan) or None, "still there"), 5)


def test_a_thread_that_ends_meanwhile_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = Path.glob

    def with_a_vanished_one(self: Path, pattern: str) -> list[Path]:
        return [self / "0" / "children", *tasks(self, pattern)]

    monkeypatch.setattr(Path, "glob", with_a_vanished_one)
    assert not Path("/proc/self/task/0/children").exists()
    with subprocess.Popen([sys.executable, "-c", SLOW]) as child:
        wait_for("The scan", lambda: (next(scans_of(child.pid), None), "no nmap yet"), 20)
        child.kill()
    Nmap().close()


def test_a_missing_nmap_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert os.access(MORTAL, os.X_OK)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CommandFailed, match="apt-get install nmap"):
        Nmap().ask(ARGV, timeout_s=9).text()


def _gone(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
