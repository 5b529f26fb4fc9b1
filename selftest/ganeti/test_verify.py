from collections.abc import Callable
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import CommandFailed, CommandTimeout, ParseError
from gntverify.evidence import Answer
from gntverify.ganeti import verify
from gntverify.transport.replay import Replay

HEAD = (
    "Submitted jobs 1, 2\nTue Nov  3 16:29:28 2026 * Verifying cluster config\n"
    "Tue Nov 24 16:29:42 2026 * Verifying group 'default'\n"
)
STAMP = "Tue Nov  3 16:30:31 2026 "
ERROR = "Tue Nov 24 16:30:31 2026   - ERROR:ENODEHV:node:node2:hypervisor kvm: not there\n"
WARNING = "Tue Nov 24 16:30:31 2026   - WARNING:ENODEN1:node:node2:not enough memory\n"
FAILED = "1 job(s) failed while verifying the cluster.\n"
FINDINGS = st.builds(
    verify.Finding,
    level=st.sampled_from(["ERROR", "WARNING"]),
    code=st.sampled_from(["ENODEN1", "ECLUSTERCFG", "EINSTANCEDOWN", "ENODEDRBD"]),
    domain=st.sampled_from(["cluster", "group", "node", "instance"]),
    name=st.sampled_from(["", "node1.gnt.example", "default"]),
    message=st.text("abc:- '()\u00e9,ERROR", max_size=30).map(str.strip),
)


def test_the_recorded_cluster_is_sound(master: Replay) -> None:
    have = verify.read_report(master)
    have.complete()
    assert have.errors == ()
    assert {finding.level for finding in have.findings} <= {"WARNING"}


def test_findings_keep_names_and_messages_apart(samples: SimpleNamespace) -> None:
    have = verify.parse_report(samples.VERIFY)
    assert [(f.code, f.domain, f.name) for f in have.errors] == [
        ("ENODENET", "node", "node2.gnt.example"),
        ("EINSTANCEDOWN", "instance", "vm1.gnt.example"),
    ]
    assert have.errors[0].message == (
        "tcp communication with node 'node3.gnt.example': failure using the primary interface: "
        "connection refused"
    )
    assert have.failed_jobs == 1
    (warning,) = have.warnings
    assert warning.name == ""
    assert str(warning).startswith("ECLUSTERCERT (cluster): Certificate /var/lib/")
    assert str(have.errors[1]).startswith("EINSTANCEDOWN (instance vm1.gnt.example): instance")


def test_a_failed_hook_is_one_finding() -> None:
    """The job tells of it as well, in words that look like a finding and have no code."""
    script = "cluster-verify-post.d/50-fail failed, output:"
    have = verify.parse_report(
        f"{HEAD}Wed Nov 25 03:55:45 2026  - WARNING: On 48ba6b5d script {script} no\n"
        "Wed Nov 25 03:55:45 2026 * Hooks Results\n"
        f"Wed Nov 25 03:55:45 2026   - ERROR:ENODEHOOKS:node:48ba6b5d:Script {script}\n"
        "Wed Nov 25 03:55:45 2026       no\n"
    )
    assert [str(f) for f in have.findings] == [f"ENODEHOOKS (node 48ba6b5d): Script {script}"]


def test_a_node_without_an_answer_is_a_finding_and_nothing_is_complete() -> None:
    """As the lab printed it, noded stopped; C04 was unknown, when it should have been red."""
    uuid, cause = "8e3712ca-812b-4837-95a8-e95191a68d8d", "Error 7: Failed to connect"
    have = verify.parse_report(
        f"{HEAD}Wed Nov 25 07:25:25 2026   - ERROR:ENODERPC:node:node3:while contacting: {cause}\n"
        f"Wed Nov 25 07:25:26 2026  - WARNING: Communication failure to node {uuid}: {cause}\n"
        f"Wed Nov 25 07:25:26 2026   - ERROR:ENODEHOOKS:node:{uuid}:Communication failure\n"
    )
    assert [f.code for f in have.findings] == ["ENODERPC", "ENODEHOOKS"]
    with pytest.raises(CommandFailed, match="no answer from 'node3'"):
        have.complete()


def test_of_drbd_only_what_is_unallocated_is_left_over(samples: SimpleNamespace) -> None:
    lines = [
        "ERROR:ENODEORPHANINSTANCE:node:n:node is running unknown instance vm9",
        "WARNING:ENODEORPHANLV:node:n:volume xenvg/left is unknown",
        "ERROR:ENODEDRBD:node:n:unallocated drbd minor 7 is in use",
        "ERROR:ENODEDRBD:node:n:drbd minor 0 of disk d (detached) is not active",
    ]
    stamp = "Tue Nov 24 16:29:28 2026"
    have = verify.parse_report(samples.VERIFY + "".join(f"{stamp}   - {line}\n" for line in lines))
    assert [f.message.split()[0] for f in have.leftovers] == ["node", "volume", "unallocated"]


@pytest.mark.parametrize(
    ("code", "end"),
    [
        ("ENODETIME", "diverges (see N14)"),
        ("ENODENET", "diverges (see C02, W02, W11)"),
        ("ECLUSTERCFG", "diverges"),
        ("EFUTURE", "diverges (a code that gntverify does not know: is this Ganeti newer?)"),
    ],
)
def test_a_finding_points_to_the_controls_that_look_themselves(code: str, end: str) -> None:
    text = f"{HEAD}{STAMP}  - ERROR:{code}:node:node2:diverges\n"
    (finding,) = verify.parse_report(text).errors
    assert str(finding) == f"{code} (node node2): {end}"


@pytest.mark.parametrize(
    "line",
    [
        "Tue Nov 24 16:30:31 2026   - ERROR: node node2: no codes were asked for",
        "Tue Nov 24 16:30:31 2026   - ERROR:ENODEHV:rack:r1:hot",
        "Tue Nov 24 16:30:31 2026   - ERROR:ENODEHV:node:node2",
        "2026-11-24 16:30:31   - WARNING:ENODEHV:node:node2:hot",
        "  - ERROR:ENODEHV:node:node2:hot",
        "Tue Nov 24 16:30:31 2026   - CRITICAL:ENODEHV:node:node2:a level of the future",
    ],
)
def test_a_finding_that_is_written_otherwise_is_refused(line: str) -> None:
    with pytest.raises(ParseError):
        verify.parse_report(f"{HEAD}{line}\n")


@pytest.mark.parametrize(
    "text",
    [
        HEAD.replace("* Verifying group", "* Looking at group"),
        HEAD.replace("* Verifying cluster config", "* Looking"),
        FAILED,
    ],
)
def test_a_verification_that_did_not_look_is_none(text: str) -> None:
    with pytest.raises(ParseError):
        verify.parse_report(text)


def test_a_group_may_be_missing_where_its_job_failed(said: Callable[..., Answer]) -> None:
    text = HEAD.replace("* Verifying group", "* Looking at group") + FAILED
    have = verify.judged(said(1, text))
    assert (have.findings, have.failed_jobs) == ((), 1)
    with pytest.raises(CommandFailed, match="did not look at everything"):
        have.complete()


@pytest.mark.parametrize(
    ("rc", "text"), [(0, ERROR), (0, FAILED), (1, ""), (1, WARNING), (0, WARNING + ERROR)]
)
def test_status_and_findings_must_not_contradict(
    said: Callable[..., Answer], rc: int, text: str
) -> None:
    with pytest.raises(ParseError, match=f"status {rc}"):
        verify.judged(said(rc, HEAD + text))


@pytest.mark.parametrize(
    ("rc", "text", "errors"), [(0, "", 0), (0, WARNING, 0), (1, ERROR, 1), (1, ERROR + FAILED, 1)]
)
def test_status_and_findings_agree(
    said: Callable[..., Answer], rc: int, text: str, errors: int
) -> None:
    assert len(verify.judged(said(rc, HEAD + text)).errors) == errors


def test_no_answer_is_not_taken_for_no_finding(said: Callable[..., Answer]) -> None:
    with pytest.raises(CommandFailed, match="not the master"):
        verify.judged(said(1, "", "This is not the master node, not the master\n"))
    with pytest.raises(CommandFailed, match="status 2"):
        verify.judged(said(2, HEAD))
    with pytest.raises(CommandFailed, match="was cut"):
        verify.judged(said(0, HEAD, problem="its output was cut at 9 bytes"))
    with pytest.raises(CommandTimeout):
        verify.judged(said(None, HEAD))
    with pytest.raises(ParseError, match="nothing"):
        verify.judged(said(0, ""))


@given(st.lists(FINDINGS), st.integers(0, 3))
def test_every_finding_written_is_read(findings: list[verify.Finding], failed: int) -> None:
    text = HEAD + "".join(
        f"{STAMP}  - {f.level}:{f.code}:{f.domain}:{f.name or None}:{f.message}\n"
        for f in findings
    )
    text += f"{failed} job(s) failed while verifying the cluster.\n" if failed else ""
    have = verify.parse_report(text)
    assert have == verify.Report(tuple(findings), failed)
    assert sorted(map(str, have.errors + have.warnings)) == sorted(map(str, findings))
