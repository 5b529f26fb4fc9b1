"""How a run ends: verdicts from exceptions, statuses from verdicts, sentences for bad input."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from gntverify.controls import NotApplicable
from gntverify.errors import CommandTimeout, Unreachable
from gntverify.judge import verdict_of, want_and_have
from gntverify.run import Run

if TYPE_CHECKING:
    from gntverify.target import Target

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        (None, "pass"),
        (AssertionError("node1: off\nassert 0 == 1"), "fail"),
        (NotApplicable("no VLAN"), "not-applicable"),
        (CommandTimeout("too long"), "unknown"),
        (Unreachable("h", "gone"), "unknown"),
        (KeyError("x"), "unknown"),
    ],
)
def test_every_exception_is_one_verdict(raised: BaseException | None, outcome: str) -> None:
    assert verdict_of(raised)[0] == outcome


def test_a_message_ends_where_pytest_begins_to_explain() -> None:
    assert verdict_of(AssertionError("node1: off\nassert 0 == 1")) == ("fail", "node1: off")


def test_a_fault_of_ours_says_so() -> None:
    assert "a fault of gntverify" in verdict_of(KeyError("x"))[1]


def failing() -> None:
    want, have = {1}, frozenset({2})
    assert have == want


def test_expected_and_seen_are_read_from_the_control() -> None:
    with pytest.raises(AssertionError) as caught:
        failing()
    assert want_and_have(failing, caught.value) == ("1", "2")
    assert want_and_have(failing, CommandTimeout("x")) == ("", "")


@pytest.mark.parametrize(
    ("outcomes", "pytests", "status"),
    [
        (["pass", "not-applicable"], 0, 0),
        (["pass", "fail", "unknown"], 1, 1),
        (["stale-waiver"], 0, 1),
        (["pass", "unknown"], 1, 6),
        (["pass", "fail"], 2, 2),
        (["pass"], 3, 3),
        ([], 5, 5),
        (["pass"], 1, 1),
    ],
)
def test_the_exit_status_follows_the_verdicts(
    outcomes: list[str], pytests: int, status: int, tmp_path: Path
) -> None:
    target = cast("Target", SimpleNamespace(unreachable={}))
    run = Run(target, tmp_path / "run")
    run.verdicts = cast("Any", [SimpleNamespace(outcome=outcome) for outcome in outcomes])
    assert run.counts == Counter(outcomes)
    assert run.status(pytests) == status


def suites(*options: str, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(
        argv, cwd=cwd, capture_output=True, text=True, timeout=60, env=os.environ.copy()
    )


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "no hosts were given"),
        (("tests/node",), "no hosts were given"),
        (("--hosts=",), "no hosts were given"),
        (("--site=sites/lab.toml",), "no hosts were given"),
        (("--hosts=a,b,a",), "--hosts names a more than once"),
        (("--hosts=a", "--replay=b"), "exclude each other"),
        (("--hosts=a", "--connection=local"), "--connection=local is testinfra's"),
        (("--hosts=no-such-host.invalid",), "'no-such-host.invalid' does not resolve"),
        (("--hosts=x", "--site=missing.toml"), "'missing.toml' cannot be read"),
        (("--replay=missing",), "There is no recording in 'missing'"),
    ],
)
def test_bad_input_gets_one_sentence_and_status_4(
    options: tuple[str, ...], sentence: str, tmp_path: Path
) -> None:
    done = suites(f"--out={tmp_path}", *options)
    assert done.returncode == 4, done.stdout + done.stderr
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
