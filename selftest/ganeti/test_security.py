import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import CommandFailed, CommandTimeout, ParseError
from gntverify.ganeti import security
from gntverify.ganeti.ssconf import DATA_DIR
from gntverify.transport.replay import Replay

NODES = ["node1.gnt.example", "node2.gnt.example", "node3.gnt.example"]
ENDS = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)).map(
    lambda end: end.replace(microsecond=0, tzinfo=UTC)
)
USERS_FILE = """\
# name password options
   # another comment

alice {HA1}0123456789abcdef0123456789abcdef write
bob\t{cleartext}hunter2 read, write
carol secret
dave {SHA}x read
erin {ha1}0123456789abcdef0123456789abcdef
frank
"""


def _ran(argv: list[str], directory: Path) -> str:
    """What the shell command prints when Ganeti's data directory is that one."""
    text = argv[2].replace(DATA_DIR, str(directory))
    ran = subprocess.run(
        ["/bin/sh", "-c", text], capture_output=True, text=True, check=True, timeout=30
    )
    return ran.stdout


def test_the_recorded_node_has_its_certificates(master: Replay) -> None:
    have = security.read_dates(master)
    assert have.keys() == set(security.CERTIFICATES)
    assert all(days is not None and 30 < days < 5 * 366 for days in have.values())


def test_the_recorded_nodes_agree_on_known_hosts(master: Replay, other: Replay) -> None:
    assert security.read_known_hosts(master) == security.read_known_hosts(other)


@pytest.mark.parametrize("word", ["sha1", "SHA1"])
def test_a_digest_is_written_as_ganeti_does(word: str, samples: SimpleNamespace) -> None:
    have = security.parse_digest(samples.DIGEST.replace("sha1", word))
    assert have == "F2:47:61:F2:F7:95:B8:E0:EC:69:3B:F1:16:3C:1E:B1:41:33:FD:22"


@pytest.mark.parametrize(
    "bad", ["sha256 Fingerprint=F2:47\n", "sha1 Fingerprint=F2:47\n", "F2:47\n"]
)
def test_another_digest_is_refused(bad: str) -> None:
    with pytest.raises(ParseError):
        security.parse_digest(bad)


def test_the_recorded_nodes_let_each_other_in(
    master: Replay, told: Callable[[Replay, str], str]
) -> None:
    have = security.parse_logins(told(master, "-oHostKeyAlias=clust1.gnt.example"), NODES)
    assert have == dict.fromkeys(NODES, 0)


def test_the_recorded_user_of_rapi_may_only_read(master: Replay) -> None:
    users = security.read_users(master)
    assert users is not None
    assert (users.mode, users.owner) == ("640", "gnt-rapi:gnt-masterd")
    assert [user.name for user in users.users] == ["reader"]
    assert not users.not_hashed
    assert not users.writers


def test_a_certificate_may_be_missing_or_past_its_date(samples: SimpleNamespace) -> None:
    have = security.parse_dates(samples.DATES)
    assert have == {
        "server": pytest.approx(5 * 365 + 1),
        "rapi": pytest.approx(1),
        "spice": None,
        "client": pytest.approx(-20),
    }


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("now 1795537873\n", ""),
        ("spice absent\n", ""),
        ("spice absent", "spice missing"),
        ("spice absent", "other absent"),
        ("Nov 24", "Nov 31"),
        ("Nov 24", "Nev 24"),
        ("2031 GMT", "2031 CET"),
        ("notAfter=Nov 24 16:31:13 2031 GMT", "notAfter=Bad time value"),
    ],
)
def test_a_date_that_is_not_understood_is_refused(
    line: str, instead: str, samples: SimpleNamespace
) -> None:
    assert line in samples.DATES
    with pytest.raises(ParseError):
        security.parse_dates(samples.DATES.replace(line, instead))


def test_a_node_without_certificates_says_so(tmp_path: Path) -> None:
    have = security.parse_dates(_ran(security.DATES, tmp_path))
    assert have == dict.fromkeys(security.CERTIFICATES)


@given(st.lists(ENDS, min_size=4, max_size=4), st.integers(0, 10**10))
def test_days_left_are_those_to_the_date(ends: list[datetime], now: int) -> None:
    named = dict(zip(security.CERTIFICATES, ends, strict=True))
    lines = [
        f"{name} notAfter={end:%b} {end.day:2} {end:%H:%M:%S} {end.year:04} GMT\n"
        for name, end in named.items()
    ]
    have = security.parse_dates(f"now {now}\n" + "".join(lines))
    for name, end in named.items():
        days = have[name]
        assert days is not None
        assert round(days * 86400) + now == end.timestamp()


def test_secrets_stay_on_the_node_and_their_kinds_come(tmp_path: Path) -> None:
    (tmp_path / "rapi").mkdir()
    (tmp_path / "rapi" / "users").write_text(USERS_FILE, encoding="utf-8")
    (tmp_path / "rapi" / "users").chmod(0o640)
    said = _ran(security.USERS, tmp_path)
    assert not [secret for secret in ("hunter2", "secret", "0123") if secret in said]
    have = security.parse_users(said)
    assert have is not None
    assert have.mode == "640"
    assert {user.name: user.kind for user in have.users} == {
        "alice": "ha1",
        "bob": "clear",
        "carol": "clear",
        "dave": "unknown",
        "erin": "ha1",
        "frank": "broken",
    }
    assert have.not_hashed == {"bob", "carol", "dave", "frank"}
    assert have.writers == {"alice", "bob"}


def test_no_users_file_is_an_answer(tmp_path: Path) -> None:
    assert security.parse_users(_ran(security.USERS, tmp_path)) is None


@pytest.mark.parametrize(
    "bad",
    [
        "absent\nuser alice ha1 write\n",
        "user alice ha1 write\n",
        "file rw-r----- gnt-rapi:gnt-masterd\n",
        "file 640 gnt-rapi\n",
        "file 640 a:b\nuser alice md5 write\n",
        "file 640 a:b\nuser alice ha1\n",
        "file 640 a:b\nuser  ha1 write\n",
        "file 640 a:b\nalice {HA1}0123 write\n",
    ],
)
def test_a_users_file_that_is_not_understood_is_refused(bad: str) -> None:
    with pytest.raises(ParseError):
        security.parse_users(bad)


@given(
    st.dictionaries(
        st.text("abc-_.{}", min_size=1, max_size=8),
        st.tuples(
            st.sampled_from(["ha1", "clear", "unknown", "broken"]),
            st.frozensets(st.sampled_from(["read", "write", "query"])),
        ),
    )
)
def test_every_user_written_is_read(users: dict[str, tuple[str, frozenset[str]]]) -> None:
    text = "file 600 root:root\n" + "".join(
        f"user {name} {kind} {','.join(sorted(options)) or '-'}\n"
        for name, (kind, options) in users.items()
    )
    have = security.parse_users(text)
    assert have is not None
    assert {user.name: (user.kind, user.options) for user in have.users} == users


def test_a_hash_is_whole_and_alone(samples: SimpleNamespace) -> None:
    assert security.parse_hash(samples.HASH) == "0123456789abcdef" * 4
    for bad in (samples.HASH[1:], samples.HASH * 2, samples.HASH.upper()):
        with pytest.raises(ParseError):
            security.parse_hash(bad)


@pytest.mark.parametrize("cut", ["node3.gnt.example 0\n", "node2.gnt.example 255\n"])
def test_a_target_that_is_missing_is_refused(cut: str, samples: SimpleNamespace) -> None:
    targets = ["node2.gnt.example", "node3.gnt.example"]
    have = security.parse_logins(samples.LOGINS, targets)
    assert have == {"node2.gnt.example": 255, "node3.gnt.example": 0}
    for bad in (samples.LOGINS.replace(cut, ""), f"{samples.LOGINS}node9 0\n"):
        with pytest.raises(ParseError):
            security.parse_logins(bad, targets)


@pytest.mark.parametrize("name", ["node1;reboot", "$(id)", "node 1", "", "node1\n"])
def test_no_name_is_given_to_a_shell_that_could_be_more(name: str) -> None:
    nobody = Replay("node1", [])
    with pytest.raises(ParseError, match="no host name"):
        security.read_logins(nobody, "clust1.gnt.example", {name: 22})
    with pytest.raises(ParseError, match="no host name"):
        security.read_logins(nobody, name, {"node1": 22})
    with pytest.raises(CommandFailed, match="has no answer"):
        security.read_logins(nobody, "clust1", {"node1": 22})


@given(st.dictionaries(st.sampled_from([*NODES, "n-4"]), st.sampled_from([0, 1, 255])))
def test_every_status_written_is_read(want: dict[str, int]) -> None:
    text = "".join(f"{name} {status}\n" for name, status in want.items())
    assert security.parse_logins(text, sorted(want)) == want


def test_a_login_that_takes_too_long_tells_nothing() -> None:
    with pytest.raises(CommandTimeout, match="login to n2 did not"):
        security.parse_logins("n1 0\nn2 124\n", ["n1", "n2"])
