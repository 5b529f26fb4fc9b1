"""What the tests share: samples, the recorded lab, and answers made up."""

import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from gntverify.evidence import Answer
from gntverify.ganeti import nodes
from gntverify.transport.replay import Replay

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def samples() -> SimpleNamespace:
    """What the tools print, by name."""
    found = runpy.run_path(str(HERE / "samples.py"))
    return SimpleNamespace(**{name: text for name, text in found.items() if name.isupper()})


@pytest.fixture(scope="session")
def master() -> Replay:
    """The master of the recorded lab: node1, 192.168.0.1."""
    return Replay.load(HERE.parent / "recordings" / "good" / "node1.jsonl")


@pytest.fixture(scope="session")
def other() -> Replay:
    """A node of the recorded lab that is not the master: node2, 192.168.0.2."""
    return Replay.load(HERE.parent / "recordings" / "good" / "node2.jsonl")


@pytest.fixture(scope="session")
def told() -> Callable[[Replay, str], str]:
    """Finds what was recorded of the one command that holds some words, however it is put."""

    def find(recording: Replay, words: str) -> str:
        (answer,) = [answer for answer in recording.answers if words in answer.command]
        return answer.text()

    return find


@pytest.fixture(scope="session")
def said() -> Callable[..., Answer]:
    """Makes an answer of exit status, output, complaint, and why the output is not whole."""

    def make(rc: int | None, stdout: str = "", stderr: str = "", problem: str = "") -> Answer:
        return Answer("node1", ("true",), rc, stdout, stderr, 0.0, 0.1, problem)

    return make


@pytest.fixture(scope="session")
def members() -> Callable[[str], str]:
    """Makes what `gnt-node list` prints of node1, node2 … that have these roles."""

    def make(roles: str) -> str:
        columns = nodes.COMMAND[-1].removeprefix("--output=").split(",")
        rows = [
            {
                "name": f"node{place}.gnt.example",
                "role": role,
                "pip": f"192.168.0.{place}",
                "sip": f"192.168.0.{place}",
                "uuid": f"uuid-{place}",
            }
            for place, role in enumerate(roles, 1)
        ]
        lines = ["|".join(row.get(column, "Y") for column in columns) for row in rows]
        return "".join(f"{line}\n" for line in lines)

    return make
