"""Sessions against a real sshd: answers, limits, refusals, loss."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from pathlib import Path

import pytest

from gntverify import evidence
from gntverify.errors import CommandFailed, CommandTimeout, Unreachable
from gntverify.evidence import Answer, Evidence, fact, scrubbed, tracing
from gntverify.transport import agent, learned
from gntverify.transport.backend import testinfra_host as host_on
from gntverify.transport.fleet import Fleet
from gntverify.transport.replay import Replay
from gntverify.transport.session import Session
from gntverify.transport.ssh import Options, unreachable
from selftest.sshd import Sshd, keygen, running_sshd


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """One server for the tests that do not break it."""
    with running_sshd(tmp_path_factory.mktemp("sshd"), "target") as server:
        yield server


@pytest.fixture
def session(sshd: Sshd) -> Iterator[Session]:
    """An open session."""
    made = Session(sshd.name, Options(config=str(sshd.config)))
    made.open()
    yield made
    made.close()


def test_an_answer_has_status_and_both_outputs(session: Session) -> None:
    answer = session.ask(("sh", "-c", "echo out; echo err >&2; exit 3"))
    assert (answer.rc, answer.stdout, answer.stderr) == (3, "out\n", "err\n")
    with pytest.raises(CommandFailed, match=r"On 'target', `echo out.*status 3: err"):
        answer.text()


def test_a_question_is_asked_once_a_run_unless_fresh(session: Session) -> None:
    now = ("date", "+%s.%N")
    first = session.ask(now)
    assert session.ask(now) == first
    fresh = session.ask(now, fresh=True)
    assert fresh.stdout != first.stdout
    assert fresh in session.answers  # evidence, as all the others


def test_a_batch_runs_at_once_and_keeps_its_order(session: Session) -> None:
    began = time.monotonic()
    commands = [("sh", "-c", f"sleep 0.5; echo {i}") for i in range(6)]
    for command in commands:
        session.begin(command)
    answers = [session.ask(command) for command in commands]
    assert [answer.stdout for answer in answers] == [f"{i}\n" for i in range(6)]
    assert time.monotonic() - began < 2.5


def test_a_command_is_ended_at_its_limit_with_its_children(session: Session) -> None:
    answer = session.ask(("sh", "-c", "sleep 77.5 & sleep 77.5"), timeout_s=0.3)
    assert answer.rc is None
    with pytest.raises(CommandTimeout, match="was ended after"):
        answer.text()
    left = subprocess.run(["/usr/bin/pgrep", "-f", "^sleep 77.5$"], capture_output=True, timeout=5)
    assert left.stdout == b""


def test_a_missing_program_is_status_127(session: Session) -> None:
    assert session.ask(("no-such-program-here",)).rc == 127


def test_bytes_that_are_no_text_survive(session: Session) -> None:
    answer = session.ask(("printf", r"\377ok"))
    assert answer.stdout.encode("utf-8", "surrogateescape") == b"\xffok"


def test_standard_input_is_closed(session: Session) -> None:
    assert session.ask(("cat",), timeout_s=3).rc == 0


def test_testinfra_reads_the_same_host(session: Session) -> None:
    host = host_on(session)
    assert host.file("/etc/passwd").user == "root"
    assert host.run("echo %s", "it's").stdout == "it's\n"


def test_a_lost_host_is_told_once_and_at_once(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "s", "lost") as server:
        session = Session(server.name, Options(config=str(server.config)))
        session.open()
        number = session.ask(("sh", "-c", "echo $PPID")).stdout.strip()
        killer = threading.Timer(0.5, os.kill, (int(number), signal.SIGKILL))
        killer.start()
        with pytest.raises(Unreachable, match="'lost' was lost in the middle") as first:
            session.ask(("sleep", "20"), timeout_s=30)
        began = time.monotonic()
        with pytest.raises(Unreachable) as second:
            session.ask(("true",))
        assert second.value is first.value
        assert time.monotonic() - began < 0.5
        session.reopen()
        assert session.ask(("echo", "back"), fresh=True).text() == "back\n"
        server.process.terminate()
        server.process.wait(timeout=5)
        for _ in "twice":
            with pytest.raises(Unreachable, match="refuses the connection"):
                session.reopen()


def test_a_changed_host_key_is_refused(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "s", "changed") as server:
        keygen(tmp_path / "other")
        other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
        server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {other}\n")
        session = Session(server.name, Options(config=str(server.config)))
        with pytest.raises(Unreachable, match="shows another host key than the one known"):
            session.open()


def test_an_unknown_host_key_is_refused(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "s", "stranger") as server:
        server.known_hosts.write_text("")
        session = Session(server.name, Options(config=str(server.config)))
        with pytest.raises(Unreachable, match="a host key that is not known here"):
            session.open()


def test_a_login_that_is_refused_is_told(tmp_path: Path) -> None:
    with running_sshd(tmp_path / "s", "closed") as server:
        (server.directory / "authorized_keys").write_text("")
        session = Session(server.name, Options(config=str(server.config)))
        with pytest.raises(Unreachable, match="does not let us log in"):
            session.open()


def test_a_host_without_python_is_told(tmp_path: Path) -> None:
    extra = "ForceCommand PATH=/nonexistent python3"
    with running_sshd(tmp_path / "s", "bare", extra) as server:
        session = Session(server.name, Options(config=str(server.config)))
        with pytest.raises(Unreachable, match="has no python3"):
            session.open()


def test_a_host_that_hangs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gntverify.transport.session.HELLO_LIMIT_S", -8.0)
    with running_sshd(tmp_path / "s", "slow", "ForceCommand sleep 30") as server:
        session = Session(server.name, Options(config=str(server.config)))
        with pytest.raises(Unreachable, match="took the connection and then said nothing"):
            session.open()


def test_what_a_login_script_prints_is_no_answer(tmp_path: Path) -> None:
    script = tmp_path / "noise"
    script.write_text(
        r"""printf '42\n[]\n\377\n{}\n'; exec sh -c "$SSH_ORIGINAL_COMMAND" """, encoding="utf-8"
    )
    with running_sshd(tmp_path / "s", "chatty", f"ForceCommand sh {script}") as server:
        session = Session(server.name, Options(config=str(server.config)))
        session.open()
        assert session.ask(("echo", "heard")).stdout == "heard\n"
        session.close()


def test_a_host_that_falls_silent_is_lost_and_a_busy_one_is_not(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gntverify.transport.session.GRACE_S", 0.0)
    queue = [("sh", "-c", f"sleep 0.6; : {i}") for i in range(6 * agent.WORKERS)]
    for argv in queue:
        session.begin(argv, 2.5)
    assert session.ask(queue[-1], timeout_s=2.5).rc == 0
    monkeypatch.setattr("gntverify.transport.session.GRACE_S", -4.5)
    with pytest.raises(Unreachable, match="stopped answering"):
        session.ask(("sleep", "5"), timeout_s=5)
    with pytest.raises(Unreachable, match="stopped answering"):
        session.ask(("true",))


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("ssh: Could not resolve hostname x: Name or service not known", "does not resolve"),
        ("ssh: connect to host x port 22: Connection refused", "refuses the connection"),
        ("ssh: connect to host x port 22: Connection timed out", "does not answer within"),
        ("sudo: a password is required", "wants a password for sudo"),
        ("something new", "ssh said: something new"),
    ],
)
def test_what_ssh_says_becomes_a_sentence(said: str, meaning: str) -> None:
    sentence = str(unreachable("x", said, hung=False))
    assert meaning in sentence
    assert sentence.startswith("Host 'x' ")


def test_a_fleet_tells_who_answers_and_who_does_not(sshd: Sshd) -> None:
    fleet = Fleet([sshd.name, "no-such-host.invalid"], Options(config=str(sshd.config)))
    fleet.open()
    assert list(fleet.sources) == ["target"]
    assert "does not resolve" in str(fleet.unreachable["no-such-host.invalid"])
    fleet.prefetch({"target": [(["echo", "ahead"], 5.0), (["echo", "in vain"], 5.0)]})
    assert fleet.sources["target"].ask(("echo", "ahead")).stdout == "ahead\n"
    assert fleet.asked()["target"] == [(["echo", "ahead"], 5.0)]
    fleet.close()


def test_what_was_learned_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert learned.recall(["b", "a"]) == {}
    learned.keep(["a", "b"], {"a": [(["true"], 5.0)]})
    assert learned.recall(["b", "a"]) == {"a": [(["true"], 5.0)]}
    assert learned.recall(["b", "a"], "-k K02") == {}
    next(tmp_path.rglob("*.json")).write_text("[")
    assert learned.recall(["a", "b"]) == {}


def test_the_agent_says_when_output_was_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent, "MOST_BYTES", 4)
    assert agent.run(["echo", "much too long"], 5)["cut"] is True
    cut = Answer("h", ("echo",), 0, "much", "", 0.0, 0.0, "its output was cut at 4 bytes")
    with pytest.raises(CommandFailed, match="was cut at 4 bytes"):
        cut.text()


def made(stdout: str, argv: tuple[str, ...] = ("cat", "x")) -> Answer:
    return Answer("h", argv, 0, stdout, "", 1.0, 0.1)


def test_a_recording_answers_as_the_host_did(tmp_path: Path) -> None:
    Replay("h", [made("\udcff text"), made("b", ("b",))]).save(tmp_path / "h.jsonl")
    again = Replay.load(tmp_path / "h.jsonl")
    assert again.ask(("cat", "x")) == made("\udcff text")
    with pytest.raises(CommandFailed, match=r"recording of 'h' has no answer to `ls`"):
        again.ask(("ls",))


def test_no_secret_goes_into_evidence(tmp_path: Path) -> None:
    pem = "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----"
    text = f"{pem}\nadmin {{CLEARTEXT}}hunter2 write\nuser {{HA1}}{'0f' * 16} read\n"
    text += "//nas/b /mnt cifs username=b,password=pa55,ro 0 0\n| wpa-psk pa55phrase\n"
    assert "abc" not in scrubbed(text)
    Evidence(tmp_path).keep(made(text))
    kept = json.loads((tmp_path / "h.jsonl").read_text())
    for secret in ("abc", "hunter2", "0f0f", "pa55"):
        assert secret not in kept["stdout"]
    assert "username=b,password=[secret],ro" in kept["stdout"]
    assert kept["key"] == made(text).key


def test_what_is_answered_otherwise_later_is_kept_as_well(tmp_path: Path) -> None:
    """A verdict stands on the end of a job, not on its beginning."""
    evidence = Evidence(tmp_path)
    polls = [replace(made(text), started=at) for at, text in enumerate(("runs", "runs", "ended"))]
    for answer in (*polls, *polls):
        evidence.keep(answer)
    lines = (tmp_path / "h.jsonl").read_text().splitlines()
    assert [json.loads(line)["stdout"] for line in lines] == ["runs", "ended"]


class Subject:
    """Something with a fact."""

    reads = 0

    @fact
    def value(self) -> int:
        """Counted."""
        self.reads += 1
        evidence.note("answer")
        return 7


def test_a_fact_is_read_once_and_traced_each_time() -> None:
    subject = Subject()
    for _ in range(2):
        with tracing() as keys:
            assert subject.value == 7
        assert keys == ["answer"]
    assert subject.reads == 1


def test_a_thread_traces_in_a_copy_of_the_context_only() -> None:
    with tracing() as keys, ThreadPoolExecutor(1) as pool:
        pool.submit(evidence.note, "of nobody").result()
        pool.submit(copy_context().run, evidence.note, "of the verdict").result()
    assert keys == ["of the verdict"]
