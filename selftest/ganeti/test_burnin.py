"""Burn-in: its command, its phases by what it prints, and its jobs by their files."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import ParseError, SiteError
from gntverify.ganeti import burnin
from gntverify.ganeti.burnin import (
    PHASES,
    Deed,
    Line,
    Order,
    Played,
    left_out,
    of_phase,
    parse_jobs,
    parse_lines,
    progress,
)
from gntverify.ganeti.jobs import QUEUE, Job

ORDER = Order(
    template="drbd",
    names=("vm-1.example",),
    spare="vm-2.example",
    nodes=("node1.example", "node2.example"),
    os="probe+default",
    hypervisor="kvm:kernel_path=/k,initrd_path=/i",
    reason="gntverify:abc:burnin-drbd",
    release="3.0.2",
)
# As Log() of 3.0.2 prints it: headings at the margin, then `  * `, then four spaces.
WELL = """\
- Testing global parameters
- Creating instances
  * instance vm-1.example
    on node1.example, node2.example
- Stopping and starting instances
  * instance vm-1.example
- Adding and detaching disks
  * instance vm-1.example
    adding a disk with name ABCDEFGH
- Attaching and removing disks
  * instance vm-1.example
"""
FAILED = """\
- Testing global parameters
- Creating instances
  * instance vm-1.example
- Stopping and starting instances
  * instance vm-1.example
- Idempotent opcode failed, retry #1/3: Could not start
- Idempotent opcode repeated failure, aborting
- Error detected: opcode buffer follows:


- Tue Nov 25 07:11:00 2025 - WARNING: something
- Rebooting instances


"""


def kept(text: str, status: int | None = None, begin: float = 100.0) -> str:
    """What the keeper writes of an output, a second a line."""
    rows: list[list[object]] = [
        [begin + place, "out", line] for place, line in enumerate(text.splitlines())
    ]
    if status is not None:
        rows.append([begin + len(rows), "status", str(status)])
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_the_command_is_such_as_burnin_takes() -> None:
    argv = ORDER.argv()
    assert argv[0] == "/usr/lib/ganeti/tools/burnin"
    assert {"--keep-instances", "--no-name-check", "--rename=vm-2.example"} < set(argv)
    assert argv[argv.index("-n") + 1] == "node1.example,node2.example"
    assert argv[-1] == "vm-1.example"
    assert not [word for word in argv if word.startswith("--vcpu")]  # it makes 4 of 1
    assert "--parallel" not in argv


def test_what_is_left_out_comes_after_what_it_replaces() -> None:
    order = Order(**{name: getattr(ORDER, name) for name in ORDER.__slots__}
                  | {"left_out": frozenset({"grow", "memory", "rename"}), "release": "3.1.0~rc2",
                     "parallel": True})  # fmt: skip
    argv = order.argv()
    assert argv.index("--disk-growth=0m") > argv.index("--disk-growth=128m")
    assert argv.index("--minmem-size=192m") > argv.index("--minmem-size=128m")
    assert "--parallel" in argv
    assert not [w for w in argv if w.startswith(("--rename", "--no-name", "--no-ip"))]


def test_phases_that_cannot_be_played_say_why() -> None:
    why = {phase.name: ORDER.not_played(phase) for phase in PHASES}
    assert {name for name, reason in why.items() if reason} == {"move", "replace2"}
    assert why["replace2"] == "it takes 3 nodes, and there are 2"


def test_a_stranger_among_the_phases_is_refused() -> None:
    assert left_out(["grow", "reboot"]) == {"grow", "reboot"}
    with pytest.raises(SiteError, match="leaves out create"):
        left_out(["create"])
    with pytest.raises(SiteError, match="burn-in can leave out"):
        left_out(["no-reboot"])


def test_phases_have_their_times() -> None:
    made = progress(parse_lines(kept(WELL)))
    assert [(p.name, p.began, p.ended) for p in made.phases] == [
        ("", 100.0, 101.0),
        ("create", 101.0, 104.0),
        ("startstop", 104.0, 106.0),
        ("add-disks", 106.0, None),
    ]
    assert made.status is None
    assert made.last == "its phase 'add-disks'"
    assert made.beyond("startstop")
    assert made.beyond("grow")  # it will not come any more
    assert not made.beyond("add-disks")
    assert not made.beyond("rename")


def test_the_end_ends_the_last_phase() -> None:
    made = progress(parse_lines(kept(WELL, 0)))
    assert made.status == 0
    last = made.phases[-1]
    assert (last.name, last.seconds, last.passed) == ("add-disks", 5.0, True)
    assert progress(parse_lines(kept(WELL, -9))).phases[-1].passed is False


def test_a_failure_is_that_of_its_phase_alone() -> None:
    errors = [Line(120.0, "err", text) for text in ("Traceback (most recent call last):",
              '  File "x", line 1', "ganeti.errors.OpExecError: Could not start")]  # fmt: skip
    lines = [*parse_lines(kept(FAILED)), *errors, Line(121.0, "status", "1")]
    made = progress(lines)
    assert [phase.name for phase in made.phases] == ["", "create", "startstop"]
    failed = made.phases[-1]
    assert (made.phases[1].passed, failed.passed) == (True, False)
    assert failed.errors == ("ganeti.errors.OpExecError: Could not start",)
    assert failed.forgiven[0].startswith("Idempotent opcode failed, retry #1/3")
    assert failed.ended == 107.0


def test_what_burnin_skips_is_told() -> None:
    text = "- Creating instances\n- Skipping migration (hypervisor fake does not support it)\n"
    made = progress(parse_lines(kept(text)))
    assert list(made.skipped) == ["migrate"]
    assert made.beyond("migrate")


@pytest.mark.parametrize(
    "text",
    ["nothing", "{}", "[1, 2]", '[1.0, "odd", "x"]', '[1.0, "status", "well"]',
     '[1.0, "status", "0"]\n[2.0, "out", "more"]', '["x", "out", "y"]'],
)  # fmt: skip
def test_other_lines_are_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_lines(text)


LINES = st.lists(
    st.tuples(
        st.floats(0, 1e10),
        st.sampled_from(["out", "err"]),
        st.one_of(
            st.text(max_size=20),
            st.sampled_from([f"- {w}" for p in PHASES for w in p.begins] + ["- " + burnin.ERROR]),
        ),
    ),
    max_size=20,
)


@given(LINES)
def test_whatever_it_prints_is_kept_and_has_phases(rows: list[tuple[float, str, str]]) -> None:
    lines = parse_lines("".join(json.dumps(row) + "\n" for row in rows))
    assert [(line.at, line.kind, line.text) for line in lines] == rows
    made = progress(lines)
    assert len(made.phases) == 0 if not rows else made.phases[0].name == ""
    assert all(phase.ended is not None for phase in made.phases[:-1])


@given(st.text(max_size=60))
def test_any_text_parses_or_is_refused(text: str) -> None:
    for parse in (parse_lines, parse_jobs):
        try:
            parse(text)
        except ParseError:
            continue


def job(number: int, reason: str, received: float, *log: str, status: str = "success") -> str:
    """A job's file as luxid writes it."""
    op = {
        "input": {
            "OP_ID": "OP_INSTANCE_CREATE",
            "reason": [
                ["gnt:user", reason, 1],
                ["gnt:client:burnin", "--reason=x", 1],
            ],
            "osparams_secret": {"password": "hidden"},
        },
        "status": status,
        "result": None,
        "log": [[n, [int(received), 0], "message", text] for n, text in enumerate(log)],
    }
    stamp = [int(received), int(received % 1 * 1e6)]
    return json.dumps({"id": number, "ops": [op], "received_timestamp": stamp})


@pytest.fixture
def queue(tmp_path: Path) -> Callable[[], str]:
    """Prints what the script finds in a queue of ours."""
    (tmp_path / "archive" / "0").mkdir(parents=True)
    reason = ORDER.reason
    (tmp_path / "job-11").write_text(job(11, reason, 102.5, " - WARNING: it died"))
    (tmp_path / "job-12").write_text(job(12, "gntverify:abc", 103.0))
    (tmp_path / "archive" / "0" / "job-9").write_text(job(9, reason, 100.0, "well"))

    def ask() -> str:
        argv = burnin.command(reason, 50.0)
        argv = [sys.executable, *(word.replace(QUEUE, str(tmp_path)) for word in argv[1:])]
        return subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout

    return ask


def test_jobs_of_the_reason_are_found_wherever_they_lie(queue: Callable[[], str]) -> None:
    text = queue()
    assert "hidden" not in text
    deeds = parse_jobs(text)
    assert [(deed.job.number, deed.received) for deed in deeds] == [(9, 100.0), (11, 102.5)]
    assert deeds[1].job.trouble == "job 11 warned: WARNING: it died"


def test_jobs_belong_to_the_phase_that_submitted_them() -> None:
    deeds = [Deed(at, Job(number, "success")) for number, at in enumerate((9.9, 15, 19.9, 20.1))]

    def numbers(phase: Played) -> list[int]:
        return [one.number for one in of_phase(deeds, phase)]

    assert numbers(Played("create", 10.0, 20.0)) == [0, 1]
    assert numbers(Played("grow", 20.0)) == [2, 3]
    assert numbers(Played("grow", 20.0, 20.2, passed=False)) == [2, 3]


def test_jobs_out_of_their_order_are_refused() -> None:
    one = {"id": 3, "received": 1.0, "ops": [{"status": "success", "log": []}]}
    with pytest.raises(ParseError, match="order"):
        parse_jobs(json.dumps([one, one]))
