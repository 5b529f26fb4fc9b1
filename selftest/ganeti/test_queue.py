import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from gntverify.errors import ParseError
from gntverify.ganeti import queue


def test_open_jobs_have_their_age(samples: SimpleNamespace) -> None:
    young, old = queue.parse_jobs(samples.JOBS)
    assert (young.number, young.status, young.summary) == (24, "running", "OS_DIAGNOSE")
    assert young.age_min < 1
    assert old.age_min == 60
    assert str(old).startswith("job 25 GROUP_VERIFY_DISKS(678e88f9-")
    assert str(old).endswith(" is queued for 60 min")


def test_an_empty_queue_is_an_answer() -> None:
    assert queue.parse_jobs("now 1795575239\n") == ()


def test_a_summary_may_hold_what_separates() -> None:
    (job,) = queue.parse_jobs("now 10\n1|waiting|[10, 0]|DELAY(a|b)\n")
    assert job.summary == "DELAY(a|b)"


@pytest.mark.parametrize(
    "row",
    [
        "24|success|[10, 0]|OS_DIAGNOSE",
        "24|running|10|OS_DIAGNOSE",
        "24|running|N/A|OS_DIAGNOSE",
        "24|running|[10, 0]",
        "24 running OS_DIAGNOSE",
        "Failure: prerequisites not met for this operation:",
        "",
    ],
)
def test_other_rows_are_refused(row: str) -> None:
    with pytest.raises(ParseError):
        queue.parse_jobs(f"now 10\n{row}\n")


@pytest.mark.parametrize("head", ["now", "now soon", "24|running|[10, 0]|OS_DIAGNOSE"])
def test_the_clock_is_needed(head: str) -> None:
    with pytest.raises(ParseError):
        queue.parse_jobs(f"{head}\n")


@pytest.mark.parametrize(("word", "drained"), [("set", True), ("unset", False)])
def test_the_flag_is_set_or_unset(word: str, drained: bool) -> None:
    assert queue.parse_drained(f"The drain flag is {word}\n") is drained


@pytest.mark.parametrize("text", ["set\n", "The drain flag is maybe\n", "The drain flag is\n"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        queue.parse_drained(text)


def test_the_command_asks_for_open_jobs_only(tmp_path: Path) -> None:
    tool = tmp_path / "gnt-job"
    tool.write_text('#!/bin/sh\nfor word; do echo "$word" >&2; done\n', encoding="utf-8")
    tool.chmod(0o755)
    ran = subprocess.run(
        queue.JOBS,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
    )
    assert queue.parse_jobs(ran.stdout) == ()
    assert ran.stderr.splitlines()[1:] == [
        "--no-headers",
        "--separator=|",
        "--output=id,status,received_ts,summary",
        "--filter",
        " or ".join(f'status == "{status}"' for status in queue.OPEN),
    ]
