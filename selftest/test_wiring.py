"""Bridges, paths and reboots on clusters that are made up."""

import json
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address

import pytest

from gntverify import reboot, wiring
from gntverify.cluster import Cluster, Node
from gntverify.errors import CommandFailed, ParseError
from gntverify.evidence import Answer
from gntverify.facts import arp, interfaces, network, setup
from gntverify.ganeti import info, instances
from gntverify.ganeti.ssconf import Ssconf
from gntverify.site import Site, default_site
from gntverify.transport.replay import Replay

SSCONF = Ssconf(
    {
        "cluster_name": "clust1.gnt.example",
        "master_ip": "192.168.1.1",
        "master_netdev": "xen-br0",
        "node_primary_ips": "node1 192.168.0.1\nnode2 192.168.0.2",
        "node_secondary_ips": "node1 192.168.0.1\nnode2 192.168.0.2",
    }
)
FILE = """auto eth0
iface eth0 inet manual
auto xen-br0
iface xen-br0 inet static
    address 192.168.0.{place}/16
    bridge_ports eth0
    bridge_fd 0
"""


def _link(name: str, kind: str = "", *, up: bool = True, **more: object) -> dict[str, object]:
    flags = ["UP", "LOWER_UP"] if up else ["UP"]
    data = {"stp_state": 0, "forward_delay": 0} if kind == "bridge" else {}
    row = {"ifname": name, "flags": flags, "mtu": 1500, "address": f"aa:{name}"}
    return row | {"linkinfo": {"info_kind": kind, "info_data": data}} | more


def _vm(name: str, template: str, nic: str) -> str:
    hypervisor = "|-" * len(instances.PARAMETERS)
    return f"{name}|kvm|noop|{template}|up|node1|||128|128|1|Y|{nic}|aa:{name}|None{hypervisor}\n"


def _said(argv: Sequence[str], text: str, rc: int = 0) -> Answer:
    return Answer("", tuple(argv), rc, text, "", 0.0, 0.1)


def _node(
    place: int,
    file: str = FILE,
    links: tuple[Mapping[str, object], ...] = (),
    addresses: tuple[str, ...] = (),
    more: Sequence[Answer] = (),
) -> Node:
    """A node with a NIC in a bridge, and what is given."""
    name = f"node{place}"
    lines = "".join(f"| {line}\n" for line in file.format(place=place).splitlines())
    local = [{"local": ip, "prefixlen": 16} for ip in (f"192.168.0.{place}", *addresses)]
    rows = [_link("eth0", master="xen-br0"), _link("xen-br0", "bridge"), *links]
    told = {
        tuple(interfaces.FILES): f"> {interfaces.MAIN}\n{lines}",
        network.LINKS: json.dumps(rows),
        network.ADDRESSES: json.dumps([{"ifname": "xen-br0", "addr_info": local}]),
        network.ROUTES: '[{"dst": "192.168.0.0/16", "dev": "xen-br0"}]',
        setup.COMMAND: "",
        instances.COMMAND: _vm("vm1", "plain", "bridged|br1")
        + _vm("vm2", "rbd", "bridged|br2")
        + _vm("vm3", "plain", "routed|100"),
        info.COMMAND: "Cluster name: c\nDefault nic parameters:\n  default:\n"
        "    link: xen-br0\n    mode: bridged\n",
    }
    answers = [_said(argv, out) for argv, out in told.items()]
    return Node(name, name, Replay(name, [*answers, *more]), SSCONF)


def _cluster(*members: Node) -> Cluster:
    members[0].is_master = True
    return Cluster(members, (), members[0])


@pytest.fixture
def site() -> Site:
    """Nobody described anything."""
    return default_site()


def test_what_the_file_says_does_not_change(site: Site) -> None:
    node = _node(1, addresses=("192.168.1.1",))  # the cluster's, which no stanza sets
    assert reboot.turn(node, _cluster(node), site) == reboot.Turn({}, {}, {}, frozenset())


def test_what_a_command_may_set_is_left_open(site: Site) -> None:
    node = _node(1, FILE.replace("bridge_fd 0", "up brctl setfd xen-br0 0"))
    change = reboot.turn(node, _cluster(node), site)
    assert not change.now
    assert change.by_script == frozenset({"xen-br0 forward delay"})
    with pytest.raises(ParseError, match="forward delay"):
        change.complete()


def test_links_that_nobody_names_are_somebody_elses(site: Site) -> None:
    node = _node(1, links=(_link("docker0", "bridge"),))
    assert not reboot.turn(node, _cluster(node), site).now


def test_a_bridge_is_needed_where_its_users_may_run() -> None:
    cluster = _cluster(_node(1), _node(2))
    assert wiring.users_of_bridges(cluster, "node1") == {
        "br1": {"vm1 NIC 0"},
        "br2": {"vm2 NIC 0"},
        "xen-br0": {wiring.DEFAULT},
    }
    # the disks of rbd are everywhere
    assert wiring.users_of_bridges(cluster, "node2").keys() == {"br2", "xen-br0"}


@pytest.mark.parametrize(
    ("links", "told"),
    [
        ((), "not there"),
        ((_link("br1", "dummy"),), "a dummy, no bridge"),
        ((_link("br1", "bridge"),), ""),
        ((_link("br1", "bridge", up=False),), ""),
        ((_link("br1", "bridge", up=False), _link("eth1", master="br1")), "down"),
    ],
)
def test_a_bridge_without_carrier_is_down_when_it_has_a_port(
    links: tuple[Mapping[str, object], ...], told: str
) -> None:
    assert wiring.trouble_with_bridge(_node(1, links=links), "br1") == told


def test_paths_and_nodes_are_compared_each_among_themselves() -> None:
    tap = _link("tap0", "tun", master="xen-br0", mtu=1400)
    rows = wiring.mtus(_cluster(_node(1, links=(tap,)), _node(2)), ["br1", "xen-br0"])
    assert rows == {
        "xen-br0 on node1": {"eth0": 1500, "xen-br0": 1500, "tap0": 1400},
        "xen-br0 on node2": {"eth0": 1500, "xen-br0": 1500},
        "xen-br0": {"node1": 1500, "node2": 1500},
        "NICs below xen-br0": {"eth0 of node1": 1500, "eth0 of node2": 1500},
    }


def test_only_a_nodes_own_links_and_addresses_are_its_own(site: Site) -> None:
    links = (_link("docker0", "veth"), _link("tap0", "tun"))
    cluster = _cluster(_node(1, links=links, addresses=("192.168.1.1",)), _node(2))
    assert wiring.macs(cluster)["node1"] == {"aa:eth0", "aa:xen-br0"}
    assert wiring.addresses(cluster, site) == {
        "clust1.gnt.example": {"192.168.1.1 on xen-br0"},
        "node1": {"192.168.0.1 on xen-br0"},
        "node2": {"192.168.0.2 on xen-br0"},
    }


def test_a_node_that_cannot_ask_does_not_hide_an_impostor() -> None:
    silent = _node(1)  # no answer of its arping was recorded
    argv = arp.arping_argv(IPv4Address("192.168.0.2"), "xen-br0")
    reply = "Unicast reply from 192.168.0.2 [AA:BB:CC:DD:EE:01]  1.0ms\nReceived 1 response(s)\n"
    found = wiring.impostors(_cluster(silent, _node(2, more=[_said(argv, reply, rc=1)])))
    assert found == ["aa:bb:cc:dd:ee:01 (nobody known) answers for 192.168.0.2 of node2"]
    nobody = _said(argv, "Received 0 response(s)\n")
    with pytest.raises(CommandFailed):
        wiring.impostors(_cluster(silent, _node(2, more=[nobody])))
