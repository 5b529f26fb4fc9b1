"""The model of a site file: what it refuses, and that it names the key."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import SiteError
from gntverify.site import Site, load_site
from gntverify.site.load import parse_site
from selftest.hostile import damaged
from selftest.site.sites import lists_of_tables, nested, sites, tables

LAB = Path(__file__).parents[2] / "sites" / "lab.toml"
TABLES = [path for path in tables() if path]


def parsed(table: dict[str, Any]) -> Site:
    return parse_site(tomlkit.dumps(table), Path("mine.toml"))


@pytest.mark.parametrize("table", TABLES, ids=".".join)
@given(key=st.from_regex(r"[a-z_]{1,12}", fullmatch=True))
def test_a_key_that_nobody_knows_is_named(table: tuple[str, ...], key: str) -> None:
    with pytest.raises(SiteError) as caught:
        parsed(nested(table, f"{key}_x", 1))
    assert str(caught.value) == (
        f"Site file 'mine.toml': unknown key '{'.'.join([*table, key])}_x'."
    )


@pytest.mark.parametrize("key", list(lists_of_tables()))
def test_a_key_that_nobody_knows_is_named_in_lists_too(key: str) -> None:
    with pytest.raises(SiteError, match=rf"unknown key '{key}\.0\.colour'"):
        parsed({key: [{"colour": "red"}]})


@pytest.mark.parametrize("table", TABLES, ids=".".join)
def test_what_should_be_a_table_is_one(table: tuple[str, ...]) -> None:
    with pytest.raises(SiteError) as caught:
        parsed(nested(table[:-1], table[-1], "eth0"))
    assert f"'{'.'.join(table)}'" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("network", "private", "vlan"), 4095),
        (("network", "private", "bridge"), "a-name-that-is-too-long"),
        (("network", "private", "network"), "192.168.0.1/16"),
        (("network", "public", "gateway"), "192.0.2.256"),
        (("storage", "root", "device"), "md1"),
        (("storage", "min_size_mib"), 0),
        (("drbd", "minor_count"), "many"),
        (("cluster", "name"), "clust1"),
        (("daemons", "noded"), "everywhere"),
        (("limits", "clock_skew_s"), -1),
        (("security", "public_tcp_ports"), [65536]),
        (("verify", "allowed_warnings"), "ENODESSH"),
        (("sysctl", "net.ipv4.ip_forward"), "on"),
        (("name",), "two words"),
        (("nodes",), [{"name": "node1.gnt.example"}]),
        (("os",), [{"name": "noop", "source": "built-in"}]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_value_that_is_refused_is_named(path: tuple[str, ...], value: object) -> None:
    with pytest.raises(SiteError) as caught:
        parsed(nested(path[:-1], path[-1], value))
    assert f"'{'.'.join(path)}" in str(caught.value)


NODES = [
    {"name": f"node{n}.gnt.example", "private": f"192.168.0.{n}", "public": f"192.0.2.{n}"}
    for n in (1, 2)
]


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("name", "node1.gnt.example", "node name node1.gnt.example"),
        ("private", "192.168.0.1", "private address 192.168.0.1"),
        ("public", "192.0.2.1", "public address 192.0.2.1"),
        ("private", "10.0.0.1", "private 10.0.0.1 lies outside 192.168.0.0/16"),
        ("private", "192.168.255.255", "is no host address of 192.168.0.0/16"),
    ],
)
def test_addresses_fit_each_other(key: str, value: str, says: str) -> None:
    network = {"private": {"network": "192.168.0.0/16"}, "public": {"network": "192.0.2.0/24"}}
    parsed({"nodes": NODES, "network": network})
    with pytest.raises(SiteError, match=says):
        parsed({"nodes": [NODES[0], NODES[1] | {key: value}], "network": network})


@given(data=st.data())
def test_a_damaged_file_is_a_site_or_is_refused(data: st.DataObject) -> None:
    text = damaged(data, LAB.read_text(encoding="utf-8"))
    with suppress(SiteError):
        parse_site(text, Path("mine.toml"))


def test_a_file_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(SiteError, match=r"mine\.toml' is no valid TOML"):
        load_site(tmp_path / "mine.toml")


def test_whether_a_site_is_described_is_not_for_the_file_to_say() -> None:
    with pytest.raises(SiteError, match="'described' is not a key"):
        parsed({"described": False})


@given(site=sites())
def test_a_site_never_changes(site: Site) -> None:
    with pytest.raises(ValueError, match="frozen"):
        site.name = "other"
    for node in site.nodes:
        assert site.node(node.name) == node
