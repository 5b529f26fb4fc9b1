import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify import copies
from gntverify.cluster import Node
from gntverify.errors import CommandFailed, DeadlinePassed, ParseError
from gntverify.evidence import Answer
from gntverify.ganeti import files
from gntverify.ganeti.ssconf import DATA_DIR, Ssconf
from gntverify.transport.replay import Replay
from selftest.turning import Turning


def _node(name: str, first: str, then: str = "") -> Node:
    return Node(name, name, Turning(name, first, then or first), Ssconf({}))


def test_the_recorded_nodes_hold_the_same_files(master: Replay, other: Replay) -> None:
    one, two = files.read_copies(master), files.read_copies(other)
    assert {*files.NEEDED, files.CONFIG, files.USERS, "ssconf_master_node"} <= one.keys()
    assert {name: copy.sha256 for name, copy in one.items()} == {
        name: copy.sha256 for name, copy in two.items()
    }
    assert all(copy.age_s >= 0 for copy in one.values())


def test_a_file_may_be_absent(samples: SimpleNamespace) -> None:
    have = files.parse_copies(samples.COPIES)
    assert have["hmac.key"] == files.Copy("ab" * 32, 100)
    assert have["hmac.key"].short == "abababababab"
    assert files.USERS in have
    assert "spice.pem" not in have


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("now 1795575480\n", ""),
        ("changed 1795575380 hmac.key\n", ""),
        (f"{'ab' * 32}  hmac.key\n", ""),
        ("spice.pem: No such file or directory", "spice.pem: Permission denied"),
        ("sha256sum: spice.pem: No such file or directory\n", ""),
        (f"{'ab' * 32}  hmac.key", f"{'ab' * 31}  hmac.key"),
    ],
)
def test_an_answer_with_a_hole_is_refused(
    line: str, instead: str, samples: SimpleNamespace
) -> None:
    assert line in samples.COPIES
    with pytest.raises(ParseError):
        files.parse_copies(samples.COPIES.replace(line, instead))


def _ran(directory: Path) -> Mapping[str, files.Copy]:
    text = files.COMMAND[2].replace(DATA_DIR, str(directory))
    ran = subprocess.run(["/bin/sh", "-c", text], capture_output=True, text=True, timeout=30)
    answer = Answer("n", tuple(files.COMMAND), ran.returncode, ran.stdout, ran.stderr, 0.0, 0.1)
    return files.parse_copies(answer.text())


def test_passwords_are_not_hashed_alone(tmp_path: Path) -> None:
    (tmp_path / "rapi").mkdir()
    found = []
    for key in ("one", "two"):
        (tmp_path / "hmac.key").write_text(key, encoding="utf-8")
        (tmp_path / "rapi" / "users").write_text("alice secret\n", encoding="utf-8")
        found.append(_ran(tmp_path)[files.USERS].sha256)
    assert found[0] != found[1]


def test_a_node_without_anything_has_no_files(tmp_path: Path) -> None:
    assert _ran(tmp_path) == {}
    with pytest.raises(CommandFailed):
        _ran(tmp_path / "nowhere")


def _told(sha256: str, age_s: int, samples: SimpleNamespace) -> str:
    told: str = samples.COPIES.replace("ab" * 32, sha256)
    return told.replace("changed 1795575380 hmac.key", f"changed {1795575480 - age_s} hmac.key")


def test_files_under_way_are_asked_for_again(samples: SimpleNamespace) -> None:
    one = _node("n1", _told("ab" * 32, 3, samples))
    two = _node("n2", _told("cd" * 32, 500, samples), _told("ab" * 32, 0, samples))
    have = copies.shared([one, two])
    assert have["n1"] == have["n2"]


def test_what_differs_at_rest_is_told_at_once(samples: SimpleNamespace) -> None:
    one = _node("n1", _told("ab" * 32, 500, samples))
    two = _node("n2", _told("cd" * 32, 10, samples))
    have = copies.shared([one, two])
    assert (have["n1"]["hmac.key"], have["n2"]["hmac.key"]) == ("ab" * 6, "cd" * 6)
    assert files.CONFIG not in have["n1"]
    assert copies.configuration([one, two])["n2"] == {files.CONFIG: "01" * 6}


def test_what_never_comes_to_rest_tells_nothing(
    samples: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "LIMIT_S", 0.0)
    one = _node("n1", _told("ab" * 32, 500, samples))
    two = _node("n2", _told("cd" * 32, 2, samples))
    with pytest.raises(DeadlinePassed, match=r"do jobs run.*last seen: hmac\.key just changed"):
        copies.shared([one, two])


COPY = st.builds(files.Copy, st.sampled_from(["aa" * 32, "bb" * 32]), st.integers(-5, 20))
TABLES = st.dictionaries(
    st.sampled_from(["n1", "n2", "n3"]),
    st.dictionaries(st.sampled_from(["hmac.key", files.CONFIG]), COPY),
)


@given(TABLES)
def test_only_what_differs_and_is_young_is_restless(
    tables: dict[str, dict[str, files.Copy]],
) -> None:
    for name in ("hmac.key", files.CONFIG):
        held = [table[name] for table in tables.values() if name in table]
        same = len(held) in (0, len(tables)) and len({copy.sha256 for copy in held}) <= 1
        young = any(0 <= copy.age_s < copies.REST_S for copy in held)
        assert (name in copies.restless(tables)) == (young and not same)
