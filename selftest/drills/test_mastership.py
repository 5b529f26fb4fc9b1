"""The shell texts of a master failover, with a gnt-cluster of ours; and what it complained of."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gntverify.drills import mastership
from gntverify.drills.mastership import awaited, given_back, parse_told
from gntverify.ganeti.ssconf import PREFIX


@pytest.fixture
def node(tmp_path: Path) -> SimpleNamespace:
    """A node: programs of ours in a PATH, its ssconf, and a log of what was called."""
    programs = tmp_path / "bin"
    programs.mkdir()
    master = tmp_path / "ssconf_master_node"
    master.write_text("node2\n")
    made = SimpleNamespace(tmp=tmp_path, programs=programs, master=master, log=tmp_path / "log")
    made.log.write_text("")
    put(made, "gnt-cluster", f'echo "$@" >> {made.log}; [ "$1" != master-failover ] || sleep 0.5')
    put(made, "daemon-util", f'echo "$@" >> {made.log}')
    return made


def put(node: SimpleNamespace, name: str, body: str) -> None:
    program = node.programs / name
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)


def sh(node: SimpleNamespace, text: str, *args: str) -> subprocess.CompletedProcess[str]:
    here = text.replace(f"{PREFIX}master_node", str(node.master))
    here = here.replace(mastership.DAEMON_UTIL, str(node.programs / "daemon-util"))
    here = here.replace("/run/gntverify-", f"{node.tmp}/said-")
    return subprocess.run(
        ["/bin/sh", "-c", here, "sh", *args],
        env={"PATH": f"{node.programs}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_the_failover_tells_its_end(node: SimpleNamespace) -> None:
    place = str(node.tmp / "place")
    put(node, "gnt-cluster", "sleep 0.5; echo 'no master IP' >&2; exit 1")
    assert sh(node, mastership._TAKE, place).returncode == 0
    assert sh(node, mastership._TOLD, place).stdout == ""
    end = time.monotonic() + 10
    while not (text := sh(node, mastership._TOLD, place).stdout):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert parse_told(text) == ("`gnt-cluster master-failover` ended with status 1: no master IP")


def test_who_undoes_waits_for_one_under_way(node: SimpleNamespace) -> None:
    place = node.tmp / "place"
    put(node, "gnt-cluster", f"sleep 1; echo done >> {node.log}")
    sh(node, mastership._TAKE, str(place))
    end = time.monotonic() + 10
    while not (place / "lock").exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    time.sleep(0.2)
    assert sh(node, awaited(str(place))).returncode == 0
    assert node.log.read_text() == "done\n"
    assert not place.exists()


def test_waiting_twice_is_no_trouble(node: SimpleNamespace) -> None:
    assert sh(node, awaited(str(node.tmp / "place"))).returncode == 0


def _home() -> SimpleNamespace:
    return SimpleNamespace(name="node1")


def test_the_role_is_given_back(node: SimpleNamespace) -> None:
    put(
        node,
        "gnt-cluster",
        f'echo "$@" >> {node.log}; [ "$1" != master-failover ] || echo node1 > {node.master}',
    )
    done = sh(node, given_back(_home(), "ab12cd"))  # type: ignore[arg-type]  # a name is enough
    assert done.returncode == 0, done.stderr
    assert node.log.read_text().splitlines()[:2] == ["master-failover", "check ganeti-wconfd"]


def test_a_master_that_is_one_takes_nothing(node: SimpleNamespace) -> None:
    node.master.write_text("node1\n")
    done = sh(node, given_back(_home(), "ab12cd"))  # type: ignore[arg-type]  # a name is enough
    assert done.returncode == 0, done.stderr
    assert "master-failover" not in node.log.read_text()


def test_a_role_that_was_not_given_back_is_told(node: SimpleNamespace) -> None:
    put(node, "gnt-cluster", "echo 'no majority' >&2; exit 1")
    done = sh(node, given_back(_home(), "ab12cd"))  # type: ignore[arg-type]  # a name is enough
    assert done.returncode == 1
    assert "no majority" in done.stderr


def test_daemons_that_did_not_start_are_started(node: SimpleNamespace) -> None:
    put(node, "daemon-util", f'echo "$@" >> {node.log}; [ "$1" = start ]')
    assert sh(node, mastership._SETTLE).returncode == 0
    assert [line for line in node.log.read_text().splitlines() if line.startswith("start")] == [
        "start ganeti-wconfd",
        "start ganeti-luxid",
        "start ganeti-rapi",
    ]


def test_a_daemon_that_does_not_start_is_told(node: SimpleNamespace) -> None:
    put(node, "daemon-util", '[ "$1 $2" = "check ganeti-luxid" ] || [ "$2" = ganeti-wconfd ]')
    put(node, "sleep", ":")
    done = sh(node, mastership._SETTLE)
    assert (done.returncode, done.stdout) == (0, "ganeti-rapi does not start\n")
    put(node, "daemon-util", "exit 1")
    assert sh(node, mastership._SETTLE).returncode != 0


class Calls:
    """An operator whose nodes change the master when they are told to."""

    def __init__(self, *, moves: bool = True) -> None:
        self.moves = moves
        self.home, self.away = (
            SimpleNamespace(name=name, short=name) for name in ("node1", "node2")
        )
        self.master = self.elected = self.home
        self.run = "ab12cd"
        self.told: list[str] = []
        self.entries: list[Any] = []
        self.ledger = self

    def undo(self, name: str, node: str, text: str) -> Any:
        """Enter something."""
        entry = SimpleNamespace(kind="undo", name=name, node=node, undo=text)
        self.entries.append(entry)
        self.told.append(f"enter {name}")
        return entry

    def done(self, entry: Any) -> None:
        """It is undone."""
        self.entries.remove(entry)

    def node(self, name: str) -> Any:
        """A node by its name."""
        return self.home if name == "node1" else self.away

    @contextmanager
    def step(self, words: str) -> Iterator[None]:
        """A step."""
        self.told.append(words)
        yield

    def follow(self) -> Any:
        """Who is master."""
        self.master = self.elected
        return self.master

    def on(self, node: Any, text: str, *_: str, limit_s: float = 0) -> str:
        """What a node prints."""
        del limit_s
        if text == mastership._TAKE:
            self.told.append(f"take {node.short}")
            self.elected = node if self.moves else self.elected
        if "is()" in text:
            self.told.append("give back")
            self.elected = self.home
        if text == mastership._TOLD:
            return "0\n" if self.moves else "1\nno majority\n"
        return ""


def test_the_role_goes_there_and_back() -> None:
    operator = Calls()
    wrong = mastership.there_and_back(cast("Any", operator), cast("Any", operator.away), 300)
    assert wrong == ""
    assert [one for one in operator.told if one.startswith(("enter the", "take", "give"))] == [
        "enter the master role belongs to node1",
        "take node2",
        "take node1",
        "give back",
    ]
    assert operator.entries == []
    assert operator.master is operator.home


def test_a_role_that_does_not_move_is_told() -> None:
    operator = Calls(moves=False)
    wrong = mastership.there_and_back(cast("Any", operator), cast("Any", operator.away), 300)
    assert "no majority; node1 is still master" in wrong
    assert "take node1" not in operator.told
    assert operator.entries == []


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        ("0\n", ""),
        ("0\nThe master IP is still reachable\n", "status 0: The master IP is still reachable"),
        ("1\n", "status 1: no word"),
        ("1\na\n\n b\n", "status 1: a; b"),
    ],
)
def test_only_a_silent_success_is_one(text: str, trouble: str) -> None:
    assert parse_told(text).removeprefix("`gnt-cluster master-failover` ended with ") == trouble
