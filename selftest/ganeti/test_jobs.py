import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import ParseError
from gntverify.ganeti import jobs
from selftest.hostile import RELAXED, damaged, parses_or_refuses
from selftest.turning import Turning

# as the lab printed it, log shortened
CREATED = json.dumps(
    [
        {
            "name": "OP_INSTANCE_CREATE",
            "status": "success",
            "result": ["node1.gnt.example", "node2.gnt.example"],
            "log": [
                [1795585750, " - INFO: No-installation mode selected, disabling startup"],
                [1795585753, "* creating instance disks..."],
            ],
        }
    ]
)
# as a lab of three printed it under load
NEVER_BEGAN = (
    "Failure: command execution error:\n"
    'job 10 failed to start: GenericError "[start:job-10,pid=3403] '
    'Getting the lockfile of the client: user error (Timeout in reading a response)"\n'
)
HALF = " - WARNING: Some disks for instance vm3 were not imported successfully"


def with_(**changes: Any) -> str:
    (op,) = json.loads(CREATED)
    return json.dumps([op | changes])


def test_a_job_that_succeeded_has_no_trouble() -> None:
    job = jobs.parse_job(4, CREATED)
    assert (job.status, job.ended, job.trouble, job.warnings) == ("success", True, "", ())
    assert job.log[1] == "* creating instance disks..."


def test_a_success_with_a_warning_is_none() -> None:
    job = jobs.parse_job(4, with_(log=[[1, HALF]]))
    assert job.status == "success"
    assert job.trouble == (
        "job 4 warned: WARNING: Some disks for instance vm3 were not imported successfully"
    )


def test_a_node_that_never_had_an_export_is_no_warning() -> None:
    """As burn-in's export of three nodes said it; another reason of the same node is one."""
    said = " - WARNING: Failed to query node node1.gnt.example (continuing): "
    log = [[1, f"{said}No exports directory"], [2, f"{said}Connection failed"]]
    job = jobs.parse_job(47, with_(log=log))
    assert job.warnings == (f"{said}Connection failed".removeprefix(" - "),)
    assert job.log[0].endswith("No exports directory")


def test_why_an_import_died_is_told_with_it() -> None:
    why = "disk/0 failed to receive data: Exited with status 1 (recent output: grub: no such file)"
    job = jobs.parse_job(4, with_(log=[[1, "disk/0 finished sending data"], [2, why], [3, HALF]]))
    assert job.warnings == (why, HALF.removeprefix(" - "))


def test_a_failed_job_tells_why() -> None:
    result = ["OpPrereqError", ["Not enough disk space on node1", "insufficient_resources"]]
    job = jobs.parse_job(9, with_(status="error", result=result))
    assert job.ended
    assert "Not enough disk space on node1" in job.trouble


def test_what_a_failed_job_warned_of_is_told_too() -> None:
    result = ["OpExecError", ["Export failed, errors in disk export: disk(s) 0"]]
    late = " - WARNING: import on node2 failed: Didn't become ready after 10 seconds"
    job = jobs.parse_job(91, with_(status="error", result=result, log=[[1, late]]))
    assert "Export failed" in job.trouble
    assert job.trouble.endswith("Didn't become ready after 10 seconds")


@pytest.mark.parametrize("status", ["queued", "waiting", "canceling", "running"])
def test_a_job_under_way_has_not_ended(status: str) -> None:
    assert not jobs.parse_job(1, with_(status=status)).ended


@pytest.mark.parametrize(
    ("printed", "numbers"),
    [("JobID: 12\n", (12,)), ("12: node1.gnt.example\n13: node2\n", (12, 13)), ("7\n", (7,))],
)
def test_the_ids_of_submitted_jobs(printed: str, numbers: tuple[int, ...]) -> None:
    assert jobs.parse_submitted(printed) == numbers


@pytest.mark.parametrize("bad", ["", "Failure: prerequisites not met", "JobID: x"])
def test_no_job_is_no_answer(bad: str) -> None:
    with pytest.raises(ParseError):
        jobs.parse_submitted(bad)


@pytest.mark.parametrize("bad", ["", "{}", "[]", "null", "[{}]", '[{"status": 1}]', "[1]"])
def test_anything_else_is_refused(bad: str) -> None:
    with pytest.raises(ParseError):
        jobs.parse_job(1, bad)


@given(st.data())
@RELAXED
def test_a_damaged_file_is_refused_or_read(data: st.DataObject) -> None:
    parses_or_refuses(lambda text: jobs.parse_job(1, text), damaged(data, CREATED))


def test_what_never_began_is_asked_once_more() -> None:
    def asked(first: str, then: str) -> str:
        host = Turning("n", first, then, rc=1)
        answer = jobs.ask_job(host, ("gnt-os", "diagnose"), timeout_s=9)
        return answer.stdout + answer.stderr

    assert asked(NEVER_BEGAN, "OS: noop") == "OS: noop"
    assert asked(NEVER_BEGAN, NEVER_BEGAN) == NEVER_BEGAN
    assert asked("no such command", "OS: noop") == "no such command"
