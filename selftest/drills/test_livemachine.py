"""What the walk's machine takes from a cluster's answers."""

import json
import shlex
import subprocess
import sys
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.drills.livemachine import _FOREIGN, drainable, masters, refused
from gntverify.errors import ParseError
from gntverify.ganeti.jobs import Job
from gntverify.ganeti.nodes import NodeState, Role

M, N = "node1.gnt.example", "node2.gnt.example"
HAS = "2: xen-br0    inet 192.168.1.1/16 scope global secondary xen-br0:0\n"


@pytest.mark.parametrize(
    ("status", "error", "want"),
    [
        ("error", "Can't use drained node node2.gnt.example wrong_state", True),
        ("error", "The specified node is the primary node of the instance wrong_input", True),
        ("error", "Can't migrate, please use failover: Instance is not running wrong_state", True),
        ("error", "Could not start instance 'x': exit code 1", False),
        ("error", "Not enough memory insufficient_resources", False),
        ("success", "", False),
        ("canceled", "wrong_state", False),
    ],
)
def test_a_refusal_is_no_failure(status: str, error: str, want: bool) -> None:
    assert refused(Job(1, status, (), error)) is want


def test_one_master_with_its_address_is_right() -> None:
    assert masters({M: f"{M}\n{HAS}", N: f"{M}\n"}, M) == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({M: f"{M}\n{HAS}", N: f"{N}\n"}, f"{N} takes {N} for the master, not {M}"),
        ({M: f"{M}\n{HAS}", N: f"{M}\n{HAS}"}, f"{N} has the cluster address"),
        ({M: f"{M}\n", N: f"{M}\n"}, f"{M} lacks the cluster address"),
    ],
)
def test_two_masters_or_none_are_told(said: dict[str, str], words: str) -> None:
    (wrong,) = masters(said, M)
    assert wrong.startswith(words)


@given(st.text(max_size=40))
def test_an_answer_without_a_master_is_refused(text: str) -> None:
    if text.partition("\n")[0].strip():
        masters({M: text}, M)
    else:
        with pytest.raises(ParseError):
            masters({M: text}, M)


def _node(role: Role) -> NodeState:
    address = IPv4Address("192.168.0.1")
    return NodeState(role, address, address, "u", master_capable=True, vm_capable=True)


def test_nobody_is_promoted_by_a_drain() -> None:
    small = {"a": _node("M"), "b": _node("C")}
    assert [name for name in small if drainable(name, small)] == ["b"]
    large = small | {"c": _node("R"), "d": _node("D")}
    assert [name for name in large if drainable(name, large)] == ["c"]
    never = large | {"c": replace(large["c"], master_capable=False)}
    assert [name for name in never if drainable(name, never)] == ["b"]


def _config(**change: Any) -> dict[str, Any]:
    node = {"name": M, "drained": False, "master_candidate": True, "serial_no": 1}
    ours = {"name": "ours", "disks": ["d1"], "mtime": 1}
    other = {"name": "other", "disks": ["d2"], "nics": [{"mac": "a"}]} | change
    disks = {"d1": {"size": 1}, "d2": {"size": 2}}
    return {"nodes": {"n": node}, "instances": {"i": ours, "j": other}, "disks": disks}


def _digests(config: dict[str, Any], folder: Path) -> dict[str, str]:
    file = folder / "config.data"
    file.write_text(json.dumps(config))
    text = _FOREIGN.replace("/var/lib/ganeti/config.data", str(file))
    done = subprocess.run([sys.executable, "-c", text, "ours"], capture_output=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_what_is_foreign_is_seen_to_change_and_what_is_ours_is_not(tmp_path: Path) -> None:
    before = _digests(_config(), tmp_path)
    assert set(before) == {f"node {M}", "instance other"}
    ours = _config()
    ours["nodes"]["n"] |= {"drained": True, "master_candidate": False, "serial_no": 7}
    ours["disks"]["d1"]["size"] = 9
    assert _digests(ours, tmp_path) == before
    assert _digests(_config(nics=[]), tmp_path) != before
    grown = _config()
    grown["disks"]["d2"]["size"] = 3
    assert _digests(grown, tmp_path) != before


def test_the_script_for_foreign_things_can_be_quoted() -> None:
    assert shlex.split(shlex.quote(_FOREIGN)) == [_FOREIGN]
