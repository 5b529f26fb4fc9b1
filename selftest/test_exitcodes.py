"""Whole runs of pytest against hosts of our own: what is said, written, and returned."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from gntverify.deadline import wait_for
from selftest import nodes
from selftest.sshd import Sshd, keygen, running_sshd
from selftest.suite import RUN_LIMIT_S, Suite

MEMBERS = {"n1.gnt.example": "192.0.2.1", "n2.gnt.example": "192.0.2.2"}
ALONE = {"n1.gnt.example": "192.0.2.1"}
PASS = ("T1", "assert node.source.ask(('true',)).rc == 0")
FAIL = ("T2", "assert node.short == 'nX', f'{node.name}: expected nX, got {node.short}'")
UNKNOWN = ("T3", "node.source.ask(('sleep', '60'), timeout_s=0.2).text()")
APPLIES_NOT = ("T4", "need(None, 'the site declares none')")
BROKEN = ("T5", "{}['x']")
SLOW = ("T6", "open('slow', 'w').close(); time.sleep(60)")
LOSES = ("T0", "node.source.ask(('sh', '-c', 'kill -9 $PPID; sleep 9'), timeout_s=20)")


@dataclass(frozen=True)
class Hosts:
    """The hosts that stand for all tests, and one ssh configuration for them."""

    config: Path
    servers: dict[str, Sshd]


def _host(name: str, cluster: str = "c1.gnt.example") -> dict[str, str]:
    return nodes.ssconf(name, MEMBERS, cluster, "n1.gnt.example")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """A cluster of one, two nodes of another, one of a third, no node, one not root."""
    home = tmp_path_factory.mktemp("hosts")
    made: dict[str, tuple[dict[str, str] | None, str]] = {
        "solo": (nodes.ssconf("n1.gnt.example", ALONE, "c3.gnt.example", "n1.gnt.example"), ""),
        "n1": (_host("n1.gnt.example"), ""),
        "n2": (_host("n2.gnt.example"), ""),
        "other": (_host("n2.gnt.example", "c2.gnt.example"), ""),
        "plain": (None, ""),
        "strict": (_host("n1.gnt.example"), nodes.NOBODY if os.geteuid() == 0 else ""),
    }
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(nodes.host(home / name, name, files, become=become))
            for name, (files, become) in made.items()
        }
        servers["changed"] = stack.enter_context(running_sshd(home / "changed", "changed"))
        _change_key(servers["changed"])
        silent = stack.enter_context(socket.socket())
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        config = home / "ssh_config"
        text = [server.config.read_text() for server in servers.values()]
        text.append(f"Host silent\n  HostName 127.0.0.1\n  Port {silent.getsockname()[1]}\n")
        text.append("Host refuses\n  HostName 127.0.0.1\n  Port 1\n")
        config.write_text("".join(text))
        yield Hosts(config, servers)


def _change_key(server: Sshd) -> None:
    keygen(server.directory / "other")
    other = " ".join((server.directory / "other.pub").read_text().split()[:2])
    server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {other}\n")


@pytest.fixture
def suite(tmp_path: Path, hosts: Hosts) -> Suite:
    """An empty one."""
    return Suite(tmp_path, hosts.config)


@pytest.mark.parametrize(
    ("bodies", "status", "outcomes"),
    [
        ((PASS, APPLIES_NOT), 0, ["pass", "not-applicable"]),
        ((PASS, FAIL, UNKNOWN), 1, ["pass", "fail", "unknown"]),
        ((PASS, UNKNOWN), 6, ["pass", "unknown"]),
        ((FAIL, BROKEN), 3, ["fail", "unknown"]),
    ],
)
def test_the_status_is_that_of_the_verdicts(
    suite: Suite, bodies: tuple[tuple[str, str], ...], status: int, outcomes: list[str]
) -> None:
    suite.write(*bodies)
    code, out, err = suite.run("--hosts=solo")
    assert code == status, out + err
    assert [outcome for _, _, outcome in suite.outcomes] == outcomes
    assert suite.meta["exit_status"] == status
    assert (suite.directory / "report.html").exists()
    assert {"pytest.html", "junit.xml", "evidence"} <= {p.name for p in suite.directory.iterdir()}
    assert ("Traceback" in out or "KeyError" in out) == (status == 3)
    assert ("UNKNOWN" in out) == ("unknown" in outcomes)


def test_a_fail_is_told_with_its_fix_and_the_report(suite: Suite) -> None:
    suite.write(FAIL)
    code, out, _ = suite.run("--hosts=n1,n2")
    assert code == 1
    assert "FAIL T2 n2.gnt.example: expected nX, got n2" in out
    assert "fix: mend T2." in out
    assert "1 controls, 2 verdicts: 2 fail" in out
    assert f"report: {suite.directory.relative_to(suite.home)}/report.html" in out


def test_nothing_selected_is_5(suite: Suite) -> None:
    suite.write(PASS)
    code, out, err = suite.run("--hosts=solo", "-k", "no_such_control")
    assert code == 5, out + err
    assert suite.meta["exit_status"] == 5


def test_hosts_that_do_not_answer_are_one_event_each(suite: Suite) -> None:
    suite.write(PASS)
    away = {
        "changed": "shows another host key than the one known",
        "no-such.invalid": "does not resolve",
        "refuses": "refuses the connection",
        "silent": "does not answer within the limit",
    }
    code, out, err = suite.run(f"--hosts=solo,{','.join(away)}")
    assert code == 6, out + err
    events = [("", host.split(".")[0], "unknown") for host in away]
    assert sorted(suite.outcomes) == [*events, ("T1", "n1", "pass")]
    for host, sentence in away.items():
        assert sentence in suite.meta["unreachable"][host]


def test_a_member_that_nobody_asked_for_is_one_event(suite: Suite) -> None:
    suite.write(PASS)
    code, out, err = suite.run("--hosts=n1")
    assert code == 6, out + err
    assert suite.outcomes == [("", "n2", "unknown"), ("T1", "n1", "pass")]
    assert "'n2.gnt.example' belongs to the cluster and is not in --hosts" in out
    junit = (suite.directory / "junit.xml").read_text()
    assert 'tests="2"' in junit
    assert 'errors="1"' in junit


def test_what_is_skipped_is_unknown(suite: Suite) -> None:
    suite.write(PASS, ("T7", "pytest.skip('no time')"))
    code, out, err = suite.run("--hosts=solo")
    assert code == 6, out + err
    assert suite.outcomes == [("T1", "n1", "pass"), ("T7", "n1", "unknown")]
    assert "It was skipped, which tells nothing: no time" in out


def test_a_run_that_was_cut_short_says_so(suite: Suite) -> None:
    suite.write(FAIL, UNKNOWN)
    code, out, err = suite.run("--hosts=solo", "-x")
    assert code == 1, out + err
    assert suite.meta["not_reached"] == 1
    suite.write(PASS, UNKNOWN)
    assert suite.run("--hosts=solo", "-k", "T1", "--out=part")[0] == 0
    (part,) = (suite.home / "part").iterdir()
    meta = json.loads((part / "meta.json").read_text())
    assert (meta["selection"], meta["not_reached"]) == ("-k T1", 0)


@pytest.mark.parametrize("option", ["--collect-only", "--setup-plan"])
def test_who_only_asks_what_would_be_done_gets_no_run(suite: Suite, option: str) -> None:
    suite.write(PASS)
    code, out, err = suite.run("--hosts=solo", option)
    assert code == 0, out + err
    assert not (suite.home / "out").exists()


def test_suites_that_cannot_be_collected_are_3(suite: Suite) -> None:
    suite.write(PASS)
    (suite.home / "node" / "test_broken.py").write_text("import no_such_module\n")
    code, out, err = suite.run("--hosts=solo")
    assert code == 3, out + err


def test_controls_without_hosts_are_refused(suite: Suite) -> None:
    suite.write(PASS)
    _refused(suite, "no hosts were given")


def test_a_folder_that_cannot_be_made_is_refused(suite: Suite) -> None:
    suite.write(PASS)
    (suite.home / "taken").touch()
    _refused(suite, "cannot be made", "--hosts=solo", "--out=taken")


def test_a_file_that_pytest_takes_for_a_place_of_tests_is_refused(suite: Suite) -> None:
    suite.write(PASS)
    (suite.home / "site.toml").touch()
    _refused(suite, "Write --site=site.toml", "--hosts=solo", "--site", "site.toml")


def test_a_host_that_is_lost_is_one_event(suite: Suite) -> None:
    suite.write(LOSES, PASS, APPLIES_NOT)
    code, out, err = suite.run("--hosts=solo", "-v")
    assert code == 6, out + err
    assert suite.outcomes == [("", "solo", "unknown")]
    assert "was lost in the middle" in suite.meta["unreachable"]["solo"]


def test_ctrl_c_leaves_the_report_of_what_was_done(suite: Suite) -> None:
    suite.write(PASS, SLOW)
    marker = suite.home / "slow"
    with suite.start("--hosts=solo") as child:
        wait_for("The slow control", lambda: (marker.exists() or None, "not yet"), 60)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=RUN_LIMIT_S)
    assert child.returncode == 2, out + err
    assert suite.outcomes == [("T1", "n1", "pass")]
    assert suite.meta["interrupted"] is True
    assert (suite.directory / "report.html").exists()


def test_what_is_asked_is_learned_for_each_selection(suite: Suite) -> None:
    suite.write(PASS, FAIL)
    learned = suite.home / "cache" / "gntverify" / "learned"
    assert suite.run("--hosts=solo")[0] == 1
    (whole,) = learned.iterdir()
    assert [["true"], 30.0] in json.loads(whole.read_text())["solo"]
    assert suite.run("--hosts=solo", "-k", "T2")[0] == 1
    (part,) = set(learned.iterdir()) - {whole}
    assert [["true"], 30.0] not in json.loads(part.read_text())["solo"]


def test_evidence_is_judged_again_with_no_host_at_all(suite: Suite) -> None:
    suite.write(PASS, FAIL, UNKNOWN)
    assert suite.run("--hosts=solo")[0] == 1
    live, evidence = suite.outcomes, suite.directory / "evidence"
    suite.write(PASS, FAIL, UNKNOWN, ("T8", "node.source.ask(('never', 'asked'))"))
    code, out, err = suite.run(f"--replay={evidence.relative_to(suite.home)}", "--out=again")
    assert code == 1, out + err
    assert "The recording of 'solo' has no answer to `never asked`." in out
    (again,) = (suite.home / "again").iterdir()
    assert suite.outcomes_of(again) == [*live, ("T8", "n1", "unknown")]


def test_a_report_that_breaks_is_3_and_the_verdicts_stay(suite: Suite) -> None:
    suite.write(PASS, report="raise ValueError('no paper')")
    code, out, err = suite.run("--hosts=solo")
    assert code == 3, out + err
    assert "no paper" in out + err
    assert suite.outcomes == [("T1", "n1", "pass")]
    assert suite.meta["exit_status"] == 3


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("plain", "'plain' is no Ganeti node"),
        ("n1,other", "The hosts belong to 2 clusters"),
        ("n2", "The master 'n1.gnt.example' is not among the hosts that answered (n2)"),
        ("n1,strict", "Add --sudo"),
        ("changed", "shows another host key"),
        ("refuses", "None of the hosts can be asked. Host 'refuses' refuses the connection"),
    ],
)
def test_what_is_no_target_is_refused(suite: Suite, given: str, sentence: str) -> None:
    if given.endswith("strict"):
        if os.geteuid() != 0:
            pytest.skip("only root can be somebody else")
        sentence = "The login on 'strict' is not root's"
    suite.write(PASS)
    _refused(suite, sentence, f"--hosts={given}")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("nonsense = 1", "nonsense"),
        ("[limits]\nwatcher_age_min = 'soon'", "watcher_age_min"),
        ("[network.private]\nnetwork = '300.1.0.0/16'", "network.private.network"),
        ("[network.private]\nstp = true", "no forward_delay_s under 2"),
        ("name = ", "line 2"),
    ],
)
def test_a_wrong_site_file_troubles_no_host(suite: Suite, line: str, sentence: str) -> None:
    suite.write(PASS)
    (suite.home / "wrong.toml").write_text(f"profile = 'notes'\n{line}\n")
    _refused(suite, sentence, "--hosts=silent", "--site=wrong.toml")


def _refused(suite: Suite, sentence: str, *options: str) -> None:
    code, out, err = suite.run(*options)
    assert code == 4, out + err
    assert sentence in err
    assert len(err.strip().splitlines()) == 1, err
    assert not (suite.home / "out").exists()
