from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from gntverify import binds
from gntverify.cluster import Cluster, Node
from gntverify.errors import CommandFailed
from gntverify.evidence import Answer
from gntverify.ganeti import daemons, defaults
from gntverify.ganeti.ssconf import Ssconf
from gntverify.scan import Outside
from gntverify.site import load_site
from gntverify.transport.replay import Replay

SITE = load_site(Path(__file__).parents[2] / "sites" / "lab.toml")
PUBLIC = {"node1": IPv4Address("192.0.2.1")}
PRIVATE = {"node1": IPv4Address("192.168.0.1"), "clust1": IPv4Address("192.168.1.1")}
ANY = defaults.ANY


def _node(place: int, file: Mapping[str, str], runs: str) -> Node:
    """A node whose file says that, and where ps prints that."""
    lines = "".join(f'| {key}="{value}"\n' for key, value in file.items())
    told = {
        tuple(defaults.COMMAND): f"> {defaults.PATH}\n{lines}",
        daemons.PROCESSES: runs,
    }
    name = f"node{place}"
    ssconf = Ssconf(
        {
            "master_ip": "192.168.1.1",
            "node_primary_ips": "node1 192.168.0.1\nnode2 192.168.0.2",
        }
    )
    answers = [Answer(name, argv, 0, out, "", 0.0, 0.1) for argv, out in told.items()]
    return Node(name, name, Replay(name, answers), ssconf)


def _cluster() -> Cluster:
    """Two nodes; on the second one noded still runs as before its file was changed."""
    first = _node(
        1,
        {"NODED_ARGS": "-b 192.168.0.1", "RAPI_ARGS": "-b 192.168.1.1"},
        "7 1 ganeti-noded python3 /usr/sbin/ganeti-noded -f -b 192.168.0.1\n"
        "8 1 ganeti-confd /usr/sbin/ganeti-confd\n",
    )
    second = _node(
        2,
        {"NODED_ARGS": "-b 192.168.0.2", "CONFD_ARGS": "--bind=192.168.0.2"},
        "7 1 ganeti-noded python3 /usr/sbin/ganeti-noded\n"
        "8 1 ganeti-confd /usr/sbin/ganeti-confd -b 192.168.0.2\n",
    )
    return Cluster((first, second), (), first)


def test_the_sites_words_mean_an_address_on_each_node() -> None:
    cluster = _cluster()
    have = [binds.address_of("private", node, cluster) for node in cluster.nodes]
    assert have == ["192.168.0.1", "192.168.0.2"]
    have = [binds.address_of(word, cluster.nodes[1], cluster) for word in ("cluster", "loopback")]
    assert have == ["192.168.1.1", "127.0.0.1"]
    assert binds.address_of("any", cluster.master, cluster) == ANY


def test_every_node_has_every_declared_daemon() -> None:
    have = binds.declared(_cluster(), SITE)
    places = [f"{node} {daemon}" for node in ("node1", "node2") for daemon in binds.DECLARED]
    assert list(have) == places
    assert (have["node1 noded"], have["node2 noded"]) == ("192.168.0.1", "192.168.0.2")
    assert {have["node1 rapi"], have["node2 rapi"]} == {"192.168.1.1"}


def test_a_file_that_says_nothing_binds_to_all_addresses() -> None:
    have = binds.bound(_cluster())
    assert have.keys() == binds.declared(_cluster(), SITE).keys()
    assert {place: address for place, address in have.items() if address != ANY} == {
        "node1 noded": "192.168.0.1",
        "node1 rapi": "192.168.1.1",
        "node2 noded": "192.168.0.2",
        "node2 confd": "192.168.0.2",
    }


def test_a_daemon_that_was_not_restarted_is_stale() -> None:
    assert binds.stale(_cluster()) == {"node2 noded": "none", "node2 confd": "-b 192.168.0.2"}


@dataclass
class _Scanner:
    """An nmap that sees that state everywhere, but for what it is told of an address."""

    state: str
    but: Mapping[str, str] = field(default_factory=dict)
    protocols: Sequence[str] = ("tcp", "udp")

    def ask(self, argv: Sequence[str], *, timeout_s: float) -> Answer:
        assert timeout_s > 0
        addresses = argv[argv.index("-p") + 2 :]
        infos = "".join(f'<scaninfo protocol="{protocol}"/>' for protocol in self.protocols)
        hosts = "".join(self._host(address) for address in addresses)
        end = '<runstats><finished exit="success"/></runstats>'
        text = f"<nmaprun>{infos}{hosts}{end}</nmaprun>"
        return Answer("outside", tuple(argv), 0, text, "", 0.0, 0.1)

    def close(self) -> None:
        pytest.fail("nobody was to end this scan")

    def _host(self, address: str) -> str:
        state = self.but.get(address, self.state)
        if state == "down":
            return ""
        asked = [("tcp", 22, "open"), ("tcp", 1811, state), ("udp", 1814, state)]
        ports = "".join(
            f'<port protocol="{protocol}" portid="{port}"><state state="{seen}"/></port>'
            for protocol, port, seen in asked
        )
        return (
            f'<host><status state="up"/><address addr="{address}" addrtype="ipv4"/>'
            f"<ports>{ports}</ports></host>"
        )


def _outside(scanner: _Scanner) -> Outside:
    return Outside(PUBLIC, PRIVATE, scanner, raw="udp" in scanner.protocols)


@pytest.mark.parametrize(
    ("state", "want", "wrong"),
    [
        ("open", "192.168.0.1", {"192.0.2.1 tcp/1811": "open"}),
        ("closed", "192.168.0.1", {"192.168.0.1 tcp/1811": "closed"}),
        ("filtered", "192.168.0.1", {}),
        ("open", ANY, {}),
        ("closed", ANY, {"192.0.2.1 tcp/1811": "closed", "192.168.0.1 tcp/1811": "closed"}),
        ("open", "127.0.0.1", {"192.0.2.1 tcp/1811": "open", "192.168.0.1 tcp/1811": "open"}),
        ("closed", "127.0.0.1", {}),
    ],
)
def test_wanted_is_not_closed_and_anything_else_not_open(
    state: str, want: str, wrong: dict[str, str]
) -> None:
    outside = _outside(_Scanner(state))
    assert binds.contradictions(outside, "noded", ["node1"], [want]) == wrong


def test_the_address_of_the_cluster_is_looked_at_too() -> None:
    outside = _outside(_Scanner("closed", {"192.168.1.1": "open"}))
    have = binds.contradictions(outside, "noded", ["node1", "clust1"], ["192.0.2.1"])
    assert have == {"192.0.2.1 tcp/1811": "closed", "192.168.1.1 tcp/1811": "open"}


def test_a_silent_udp_port_contradicts_nothing() -> None:
    outside = _outside(_Scanner("open|filtered"))
    assert binds.contradictions(outside, "confd", ["node1"], []) == {}


def test_a_contradiction_counts_though_another_address_is_out_of_sight() -> None:
    outside = _outside(_Scanner("open", {"192.168.0.1": "down"}))
    have = binds.contradictions(outside, "noded", ["node1"], [])
    assert have == {"192.0.2.1 tcp/1811": "open"}


@pytest.mark.parametrize("unseen", [*PUBLIC.values(), PRIVATE["node1"]])
def test_an_address_out_of_sight_is_not_taken_for_a_closed_one(unseen: IPv4Address) -> None:
    outside = _outside(_Scanner("filtered", {str(unseen): "down"}))
    with pytest.raises(CommandFailed, match=str(unseen)):
        binds.contradictions(outside, "noded", ["node1"], ["192.168.0.1"])


def test_a_scan_without_udp_says_nothing_of_confd() -> None:
    outside = _outside(_Scanner("closed", protocols=["tcp"]))
    with pytest.raises(CommandFailed, match="was not scanned"):
        binds.contradictions(outside, "confd", ["node1"], [])
