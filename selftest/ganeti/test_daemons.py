import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import CommandFailed, ParseError
from gntverify.evidence import Answer
from gntverify.ganeti import daemons
from gntverify.transport.replay import Replay

STARTS = re.compile(rf"(?:^|[;&|({{]\s*)(?:\S*/)?ganeti-(?:{'|'.join(daemons.NAMES)})\b")
PIDS = st.integers(2, 4_000_000)
WORDS = st.text("abc-=.:/019", min_size=1, max_size=8)
ARGUMENTS = st.lists(WORDS, max_size=4).map(tuple)
PROGRAMS = st.text("abcxyz-_( )\"',=", min_size=1, max_size=15)
HOLDERS = st.dictionaries(PIDS, PROGRAMS.filter(lambda name: '",' not in name), max_size=3)


def test_the_recorded_nodes_run_what_their_roles_ask_for(master: Replay, other: Replay) -> None:
    for source, is_master in ((master, True), (other, False)):
        started = daemons.read_started(source)
        assert started == frozenset(daemons.NAMES) - {"metad"}
        want = daemons.expected(started, is_master=is_master, user_shutdown=False)
        have = {daemon.name: daemon.arguments for daemon in daemons.read_running(source)}
        assert have.keys() - {"metad"} == want
        assert have["noded"][0] == "-b"


def test_no_question_starts_what_another_one_counts(master: Replay, other: Replay) -> None:
    """C11 and X11 were red on a healthy node: `ganeti-confd --version` was a second confd."""
    assert STARTS.search("set -e; v=$(ganeti-confd --version)")
    asked = {answer.command for source in (master, other) for answer in source.answers}
    assert {command for command in asked if STARTS.search(command)} == set()


def test_the_recorded_listeners_are_held_by_their_daemons(master: Replay) -> None:
    have = daemons.read_listeners(master)
    places = {
        (one.protocol, str(one.address), one.port): one.programs
        for one in have
        if one.port in (1811, 1814, 1815, 5080, 22)
    }
    assert places == {
        ("tcp", "192.168.0.1", 1811): {"ganeti-noded"},
        ("udp", "192.168.0.1", 1814): {"ganeti-confd"},
        ("tcp", "192.168.0.1", 1815): {"ganeti-mond"},
        ("tcp", "192.168.1.1", 5080): {"ganeti-rapi"},
        ("tcp", "0.0.0.0", 22): {"sshd"},  # noqa: S104 - sshd's, recorded
        ("tcp", "::", 22): {"sshd"},
    }
    pids = {daemon.pid for daemon in daemons.read_running(master)}
    assert all(one.pids <= pids for one in have if "ganeti-noded" in one.programs)


def test_forks_of_a_daemon_are_not_counted(samples: SimpleNamespace) -> None:
    have = daemons.parse_processes(samples.PROCESSES)
    assert [(daemon.name, daemon.pid, daemon.parent) for daemon in have] == [
        ("wconfd", 2165, 1),
        ("confd", 2428, 1),
        ("noded", 2475, 1),
        ("rapi", 2495, 1),
    ]
    assert have[0].arguments == ()
    assert have[2].arguments == ("-b", "192.168.0.1")


def test_a_daemon_under_another_daemon_is_counted() -> None:
    text = "7 1 ganeti-luxid /usr/sbin/ganeti-luxid\n8 7 ganeti-confd /usr/sbin/ganeti-confd\n"
    assert [daemon.name for daemon in daemons.parse_processes(text)] == ["luxid", "confd"]


def test_what_has_ended_does_not_run() -> None:
    assert daemons.parse_processes("7 1 ganeti-noded [ganeti-noded] <defunct>\n") == ()


@pytest.mark.parametrize(
    "line",
    [
        "x 1 ganeti-noded /usr/sbin/ganeti-noded",
        "7 1 ganeti-noded",
        "7 1 sshd /usr/sbin/sshd -D",
        "7 1 ganeti-noded /usr/bin/python3 /usr/sbin/ganeti-confd",
    ],
)
def test_other_processes_are_refused(line: str) -> None:
    with pytest.raises(ParseError):
        daemons.parse_processes(f"9 1 ganeti-mond /usr/sbin/ganeti-mond\n{line}\n")


@given(st.dictionaries(PIDS, st.tuples(st.sampled_from(daemons.NAMES), ARGUMENTS), min_size=1))
def test_every_daemon_written_is_read(found: dict[int, tuple[str, tuple[str, ...]]]) -> None:
    text = "".join(
        f"{pid:7}       1 ganeti-{name:8} /usr/bin/python3 /usr/sbin/ganeti-{name} "
        f"{' '.join(arguments)}\n"
        for pid, (name, arguments) in found.items()
    )
    have = daemons.parse_processes(text)
    assert {one.pid: (one.name, one.arguments) for one in have} == found


def test_only_a_silent_ps_says_that_nothing_runs(said: Callable[..., Answer]) -> None:
    assert daemons.running(said(1)) == ()
    with pytest.raises(CommandFailed, match="unsupported"):
        daemons.running(said(1, stderr="error: unsupported option\n"))
    with pytest.raises(CommandFailed, match="was cut"):
        daemons.running(said(1, problem="its output was cut at 0 bytes"))


def test_a_daemon_that_nobody_knows_is_refused() -> None:
    assert daemons.parse_started("ganeti-noded\nganeti-confd\n") == {"noded", "confd"}
    for bad in ("ganeti-confd\n", "ganeti-noded\nganeti-masterd\n"):
        with pytest.raises(ParseError):
            daemons.parse_started(bad)


def test_kvmd_runs_where_users_may_shut_down() -> None:
    started = frozenset(daemons.NAMES)
    have = daemons.expected(started, is_master=True, user_shutdown=True)
    assert have == started
    have = daemons.expected(started, is_master=False, user_shutdown=True)
    assert have == {"noded", "confd", "mond", "kvmd", "metad"}


def test_listeners_have_addresses_of_both_families(samples: SimpleNamespace) -> None:
    have = {one.port: one for one in daemons.parse_listeners(samples.LISTENERS)}
    assert {port: one.address for port, one in have.items()} == {
        1814: IPv4Address("192.168.0.1"),
        323: IPv6Address("::1"),
        68: IPv4Address("192.168.0.1"),
        1811: IPv4Address("192.168.0.1"),
        9100: IPv4Address("0.0.0.0"),  # noqa: S104 - ss writes it "*"
        22: IPv6Address("::"),
    }
    assert have[1814].protocol == "udp"
    assert have[68].programs == frozenset()
    assert have[22].programs == {"sshd", "(in it)"}
    assert have[22].pids == {519, 1}


@pytest.mark.parametrize(
    "line",
    [
        "tcp LISTEN 0 128 0.0.0.0:22",
        "unix LISTEN 0 128 0.0.0.0:22 0.0.0.0:*",
        "tcp LISTEN 0 128 localhost:22 0.0.0.0:*",
        "tcp LISTEN 0 128 0.0.0.0:ssh 0.0.0.0:*",
        'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=519',
        'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=519,fd=4),("init",pid=1',
    ],
)
def test_a_listener_that_is_not_understood_is_refused(line: str) -> None:
    with pytest.raises(ParseError):
        daemons.parse_listeners(f"{line}\n")


@given(
    st.sampled_from(["tcp", "udp"]),
    st.ip_addresses(),
    st.integers(1, 65535),
    HOLDERS,
)
def test_every_listener_written_is_read(
    protocol: str, ip: IPv4Address | IPv6Address, port: int, holders: dict[int, str]
) -> None:
    place = f"[{ip}]" if ip.version == 6 else str(ip)
    users = ",".join(f'("{name}",pid={pid},fd=7)' for pid, name in holders.items())
    text = f"{protocol} LISTEN 0      128    {place}:{port}   *:* " + (
        f"users:({users}) \n" if users else "\n"
    )
    want = daemons.Listener(
        protocol, ip_address(str(ip)), port, frozenset(holders.values()), frozenset(holders)
    )
    assert daemons.parse_listeners(text) == (want,)
