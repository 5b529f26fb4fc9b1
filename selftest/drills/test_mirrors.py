"""The mirrors of an instance, of the master's configuration."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import ParseError
from gntverify.ganeti import mirrors
from gntverify.ganeti.mirrors import Mirror, parse_mirrors

CONFIG = {
    "nodes": {"n-1": {"name": "node1"}, "n-2": {"name": "node2"}},
    "instances": {
        "i-1": {"name": "vm1", "disks": ["d-1", "d-2"]},
        "i-2": {"name": "vm2", "disks": ["d-3"]},
        "i-3": {"disks": []},
    },
    "disks": {
        "d-1": {"dev_type": "drbd", "logical_id": ["n-2", "n-1", 11005, 4, 2, "secret"]},
        "d-2": {"dev_type": "plain", "logical_id": ["xenvg", "lv"]},
        "d-3": {"dev_type": "drbd", "logical_id": ["n-1", "n-2", 11006, 0, 1, "secret"]},
    },
}


def _printed(tmp_path: Path, instance: str) -> str:
    (tmp_path / "config.data").write_text(json.dumps(CONFIG))
    script = mirrors._SCRIPT.replace("/var/lib/ganeti", str(tmp_path))
    argv = [sys.executable, "-c", script, instance]
    return subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_minors_are_told_by_node_and_the_secret_is_not(tmp_path: Path) -> None:
    text = _printed(tmp_path, "vm1")
    assert parse_mirrors(text) == (Mirror(11005, {"node2": 4, "node1": 2}),)
    assert "secret" not in text


def test_an_instance_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert parse_mirrors(_printed(tmp_path, "vm9")) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '[{"port": 11005}]',
        '[{"port": null, "minors": {"a": 0, "b": 1}}]',
        '[{"port": 11005, "minors": {"a": 0}}]',
        '[{"port": 11005, "minors": {"a": 0, "b": -1}}]',
        '[{"port": 0, "minors": {"a": 0, "b": 1}}]',
    ],
)
def test_what_is_no_mirror_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_mirrors(text)


@given(st.text() | st.recursive(st.none() | st.integers(), st.lists).map(json.dumps))
def test_any_text_is_mirrors_or_refused(text: str) -> None:
    try:
        found = parse_mirrors(text)
    except ParseError:
        return
    assert all(len(mirror.minors) == 2 for mirror in found)
