import gzip
import os
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.drills import exports
from gntverify.drills.exports import Subject, damaged, mismatch, parse_config, read_config
from gntverify.errors import CommandFailed, ParseError
from gntverify.ganeti.exports import Export
from selftest.hostile import RELAXED, parses_or_refuses
from selftest.hostile import damaged as torn

CONFIG = """\
[export]
version = 0
timestamp = 1795585750
source = node3.gnt.example
os = gntverify-probe+default
compression = none

[instance]
name = vm2.gnt.example
maxmem = 128
nic0_ip = 192.168.255.252
nic0_mac = aa:00:00:11:22:33
nic_count = 1
disk0_dump = f1.snap
disk_count = 1
hypervisor = kvm

[hypervisor]
spice_bind = 0.0.0.0
vnc_password_file = /etc/secret

[os]
secret = hush
"""
GOOD = {"version": "0", "name": "vm2.gnt.example", "nic_count": "1"}


def subject(path: Path, node: Any = None) -> Subject:
    return Subject("vm2.gnt.example", node, PurePosixPath(path), Export({}, {}, None))


def test_only_what_is_needed_of_a_config_leaves_the_node(node: Any, tmp_path: Path) -> None:
    (tmp_path / "config.ini").write_text(CONFIG)
    config, wrong = read_config(subject(tmp_path, node))
    assert wrong == ""
    assert config["nic0_ip"] == "192.168.255.252"
    assert config.keys() == {*exports.KEYS, "nic0_ip", "nic0_mac"}


@pytest.mark.parametrize("text", ["", "[export", "version = 0\n", "[export]\nversion = 0\n"])
def test_a_config_that_is_none_is_told(node: Any, tmp_path: Path, text: str) -> None:
    (tmp_path / "config.ini").write_text(text)
    config, wrong = read_config(subject(tmp_path, node))
    assert config == {}
    assert wrong


def test_sums_of_an_export_and_what_it_claims(node: Any, tmp_path: Path) -> None:
    (tmp_path / "f1.snap").write_bytes(b"x" * 1000)
    one = subject(tmp_path, node)
    have = exports.digests(one)
    assert have.keys() == {"f1.snap"}
    assert exports.claimed(one) == {}
    (tmp_path / "SHA256SUMS").write_text(f"{have['f1.snap']} *./f1.snap\n")
    assert exports.claimed(one) == have
    assert exports.digests(one) == have
    (tmp_path / "SHA256SUMS").write_text("MD5 (f1.snap) = 00\n")
    with pytest.raises(CommandFailed, match="no line of sha256sum"):
        exports.claimed(one)


def test_a_pressed_dump_that_is_cut_short_says_so(node: Any, tmp_path: Path) -> None:
    whole = gzip.compress(os.urandom(50_000))
    (tmp_path / "a.snap").write_bytes(whole)
    (tmp_path / "b.snap").write_bytes(b"raw")
    one = subject(tmp_path, node)
    assert exports.torn(one) == []
    (tmp_path / "a.snap").write_bytes(whole[:-9])
    (tmp_path / "c d.snap").write_bytes(whole[:100] + b"x" + whole[101:])
    assert exports.torn(one) == [
        "a.snap: cut short or damaged, says gzip",
        "c d.snap: cut short or damaged, says gzip",
    ]


def test_a_changed_dump_is_found_by_either_memory() -> None:
    have = {"a": "1" * 64, "b": "2" * 64}
    assert damaged(have, {}, {}) == []
    assert damaged(have, have, have) == []
    assert damaged(have, have | {"b": "3" * 64}, {}) == ["b: not what SHA256SUMS says"]
    assert damaged(have, {}, {"c": "4" * 64}) == ["c: not what the last drill read"]


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (GOOD, ""),
        (GOOD | {"version": "1"}, "it is of version 1, and this Ganeti has 0"),
        (GOOD | {"name": "vm1.gnt.example"}, "it is of vm1.gnt.example"),
        (GOOD | {"nic_count": "many"}, "it counts many NICs"),
        ({}, "it is of version none, and this Ganeti has 0"),
    ],
)
def test_a_config_belongs_to_its_export(config: dict[str, str], why: str) -> None:
    assert mismatch(config, subject(Path("/x"))) == why


@given(st.data())
@RELAXED
def test_a_damaged_answer_is_refused_or_read(data: st.DataObject) -> None:
    parses_or_refuses(parse_config, torn(data, '{"version": "0", "name": "vm2"}'))


@pytest.mark.parametrize("bad", ["", "[]", '{"a": 1}', "null"])
def test_another_answer_is_refused(bad: str) -> None:
    with pytest.raises(ParseError):
        parse_config(bad)
