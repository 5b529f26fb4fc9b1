"""The agent by itself: what a command can do to it, and what it leaves behind."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gntverify.deadline import wait_for
from gntverify.transport import agent

LIMIT_S = 20


def test_a_child_that_left_its_group_cannot_hold_the_agent() -> None:
    began = time.monotonic()
    answer = agent.run(["sh", "-c", "setsid sleep 8 & echo said; exit 0"], 0.4)
    assert time.monotonic() - began < 5
    assert answer["rc"] is None
    assert answer["out"] == "said\n"


def test_endless_output_is_cut_and_costs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "MOST_BYTES", 1000)
    answer = agent.run(["sh", "-c", "yes | head -c 50000000; exit 0"], LIMIT_S)
    assert answer["rc"] == 0
    assert answer["cut"] is True
    assert answer["out"] == "y\n" * 500


def test_output_that_just_fits_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "MOST_BYTES", 4)
    answer = agent.run(["printf", "four"], LIMIT_S)
    assert (answer["out"], answer["cut"]) == ("four", False)


def test_a_word_with_a_zero_byte_is_an_answer_too() -> None:
    assert agent.run(["echo", "a\0b"], LIMIT_S)["rc"] == 126


def test_what_is_asked_for_now_does_not_wait_its_turn() -> None:
    slow = [
        {"id": number, "argv": ["sleep", "5"], "limit": 20.0} for number in range(agent.WORKERS)
    ]
    now = {"id": 99, "argv": ["date"], "limit": 20.0, "now": True}
    with subprocess.Popen(
        [sys.executable, agent.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin
        assert child.stdout
        child.stdin.writelines(json.dumps(question) + "\n" for question in [*slow, now])
        child.stdin.flush()
        child.stdout.readline()  # who we are
        assert json.loads(child.stdout.readline())["id"] == now["id"]
        child.stdin.close()


def test_what_runs_ends_with_the_connection(tmp_path: Path) -> None:
    started = tmp_path / "pid"
    with subprocess.Popen(
        [sys.executable, agent.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin
        script = f"echo $$ > {started}.new; mv {started}.new {started}; exec sleep 300"
        question = {"id": 1, "argv": ["sh", "-c", script], "limit": 300}
        child.stdin.write(json.dumps(question) + "\n")
        child.stdin.flush()
        wait_for("The command", lambda: (started.exists() or None, "not there"), 10, every_s=0.05)
        child.stdin.close()
        assert child.wait(timeout=10) == 0
    pid = int(started.read_text())
    wait_for("The end of the command", lambda: (_gone(pid), "still there"), 10, every_s=0.05)


def _gone(pid: int) -> bool | None:
    """Whether no such process runs; one that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return True if state == "Z" and os.getpid() != pid else None
