"""Network Topology and Bridge: the two networks of the notes, on every node."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address

from gntverify.cluster import Cluster, Node
from gntverify.compare import difference, listed
from gntverify.controls import control, need
from gntverify.facts.network import Link, Route
from gntverify.site import Site

NODED_PORT = 1811
MOST_LOST = 1
"""Of the fifty frames of a way: one is chance."""
NEIGHBOURS = 8
"""To how many others a node sends them: on a large cluster all pairs would be a flood."""
Addresses = Mapping[str, IPv4Address]
"""A network between nodes: name to address."""


def _bridge_name(site: Site) -> str:
    """The bridge's name, where NICs of instances are bridged at all."""
    private = site.network.private
    need(private.mode == "bridged", f"NICs here are {private.mode}, not on a Linux bridge")
    return private.bridge


def _bridge(node: Node, site: Site) -> Link:
    """The bridge, for controls that judge what it is like; W02 judges whether it exists."""
    name = _bridge_name(site)
    return need(node.links.get(name), f"there is no interface {name!r} (W02 judges that)")


@control("W01", severity="high", notes="network")
def test_the_public_interface_is_static_and_as_declared(node: Node, site: Site) -> None:
    """The public interface has the node's address and gateway, set statically at boot.

    Why: it is the way in when everything else is down; a lease or a hand-made address is not
    there after the reboot that was meant to help.
    Fix: `auto eth0` and `iface eth0 inet static` with address, netmask and gateway in
    /etc/network/interfaces, then `ifdown eth0 && ifup eth0` from the console.
    """
    name, network = site.network.public.interface, site.network.public.network
    on_link = node.addresses_on(name)  # first: without a site file the addresses tell the site
    declared = need(site.node(node.name), "the site does not name this node")
    address = need(declared.public, "the site names no public address of this node")
    length = need(network, "the site does not tell the public network").prefixlen
    want = {
        "address": f"{address}/{length}",
        "gateway": str(site.network.public.gateway or "nothing"),
        "method": "static, at boot",
    }
    have = {
        "address": listed(on_link),
        "gateway": listed({route.gateway for route in node.default_routes if route.link == name}),
        "method": node.boot_method(name),
    }
    assert have == want, f"{node.name}: of {name}, {difference(want, have)}"


@control("W02", severity="critical", notes="network")
def test_the_bridge_exists_and_is_up(node: Node, site: Site) -> None:
    """The bridge of the private network exists and is up.

    Why: a missing bridge lets a migration succeed and the guest go dark.
    Fix: add the bridge to /etc/network/interfaces and run `ifup xen-br0`.
    """
    name = _bridge_name(site)
    link = node.links.get(name)
    assert link, f"{node.name}: no interface {name!r}; there are: {listed(node.links.keys())}"
    assert link.kind == "bridge", f"{node.name}: {name!r} is a {link.kind or 'NIC'}, no bridge"
    assert link.up, f"{node.name}: bridge {name!r} is down or has no carrier"


@control("W03", severity="critical", notes="network")
def test_the_bridges_own_port_is_the_declared_one(node: Node, site: Site) -> None:
    """The bridge's ports, guests' taps aside, are exactly the declared (tagged) interface.

    Why: without it guests of different nodes do not see each other; with another one the
    private network is joined to one it must not be joined to.
    Fix: `bridge_ports eth0.2186` in the bridge's stanza of /etc/network/interfaces, then
    `ifdown xen-br0 && ifup xen-br0`.
    """
    bridge = _bridge(node, site).name
    want = need(site.network.private.port, "no site file says which port the bridge should have")
    have = {link.name for link in node.ports_of(bridge)}
    assert have == {want}, f"{node.name}: {bridge} has {listed(have)}, expected {want}"


@control("W04", severity="high", notes="network")
def test_the_vlan_is_the_declared_one_on_the_declared_interface(node: Node, site: Site) -> None:
    """The tagged interface carries the declared VLAN on the declared interface.

    Why: the name eth0.2186 proves nothing; with another id the node is alone in its network.
    Fix: `ip link delete eth0.2186`, then `ifup xen-br0` (the package vlan makes it by its name).
    """
    private, links = site.network.private, node.links  # first, as in W01
    want = (need(private.vlan, "the site declares no VLAN"), private.interface)
    link = links.get(private.port)
    assert link, f"{node.name}: no interface {private.port!r}"
    have = (link.vlan, link.parent)
    assert have == want, (
        f"{node.name}: {link.name} is VLAN {link.vlan} on {link.parent}, expected {want[0]} on"
        f" {want[1]}"
    )


@control("W05", severity="high", notes="network")
def test_the_bridges_spanning_tree_is_as_declared(node: Node, site: Site) -> None:
    """The bridge's spanning tree protocol is switched as the site says (the notes: off).

    Why: with it on, a port is dead for half a minute after each migration, and the provider's
    switch may close its port at the first BPDU.
    Fix: `bridge_stp off` in /etc/network/interfaces, and `brctl stp xen-br0 off`.
    """
    want, bridge = site.network.private.stp, _bridge(node, site)
    words = {True: "on", False: "off", None: "not told"}
    assert bridge.stp is want, (
        f"{node.name}: STP of {bridge.name} is {words[bridge.stp]}, expected {words[want]}"
    )


@control("W06", severity="medium", notes="network")
def test_the_bridges_forward_delay_is_as_declared(node: Node, site: Site) -> None:
    """The bridge's forward delay is what the site says (the notes: 0).

    Why: for so long a guest that was started or migrated in is not reachable.
    Fix: `bridge_fd 0` in /etc/network/interfaces, and `brctl setfd xen-br0 0`.
    """
    want, bridge = site.network.private.forward_delay_s, _bridge(node, site)
    have = bridge.forward_delay_s
    assert have == want, f"{node.name}: {bridge.name} waits {have} s, expected {want} s"


@control("W07", severity="critical", notes="network")
def test_the_bridge_has_the_nodes_own_address(node: Node, site: Site) -> None:
    """The bridge has the node's own private address with the network's prefix, and no other.

    Why: Ganeti, DRBD and migrations use it; the site gives each node another one, so two nodes
    with one address cannot both be green. The cluster's address is left to C02.
    Fix: correct `address` and `netmask` of the bridge in /etc/network/interfaces, then
    `ifdown xen-br0 && ifup xen-br0`.
    """
    bridge, network = _bridge_name(site), site.network.private.network
    on_bridge = node.addresses_on(bridge)  # first, as in W01
    declared = need(site.node(node.name), "the site does not name this node")
    length = need(network, "the site does not tell the private network").prefixlen
    want = {f"{declared.private}/{length}"}
    have = {str(address) for address in on_bridge if address.ip != site.cluster.address}
    assert have == want, f"{node.name}: {bridge} has {listed(have)}, expected {listed(want)}"


@control("W08", severity="medium", notes="network")
def test_the_bridge_has_only_its_connected_route(node: Node, site: Site) -> None:
    """No route leads over the bridge but those to the networks of its own addresses.

    Why: "no routes are defined on the bridge": guests set their own, and one on the node sends
    its traffic into the guests' network.
    Fix: `ip route del` the route named, and remove what adds it (`gateway` or `up` in the
    bridge's stanza of /etc/network/interfaces).
    """
    bridge = _bridge_name(site)
    networks = {a.network for a in node.addresses_on(bridge) if a.network.prefixlen < 32}
    want = {
        Route(network, None, bridge)
        for network in need(networks, f"{bridge} has no address (W07 judges that)")
    }
    have = node.routes_on(bridge)
    assert have == want, (
        f"{node.name}: over {bridge}, extra {listed(have - want)}, missing {listed(want - have)}"
    )


@control("W11", severity="critical", notes="network", impact="low-impact")
def test_every_node_reaches_every_node(cluster: Cluster) -> None:
    """Every node reaches every other from its own address: echo, and noded's port.

    Why: `gnt-cluster verify` tries the secondary network only when the primary one failed, so
    a dead replication network goes unseen until a disk is out of date. Noded listens on the
    primary address, so the secondary leg is judged by its echo; where both addresses are one
    (as in the notes), there is one leg.
    Fix: look at VLAN, cables and firewall between the two nodes named; `gnt-node info` tells
    the addresses, `ss -lnt 'sport = 1811'` on the silent node tells whether noded listens.
    """
    cluster.several()
    wrong = [way for leg in _legs(cluster) for way in _unreached(cluster, leg)]
    assert not wrong, f"broken ways: {'; '.join(wrong)}"


@control("W15", severity="high", notes="network", impact="low-impact")
def test_frames_of_full_size_are_not_lost(cluster: Cluster) -> None:
    """Of 50 frames of full size between two nodes no more than one is lost, there and back.

    Why: with a bad cable, a bad port, or a switch that takes smaller frames than the nodes send,
    whatever is small gets through and all else stays green, while DRBD crawls and a migration
    hangs. Sent are echo requests, over primary and secondary addresses, each node to the eight
    that follow it by name; where some are lost, once more.
    Fix: what all ways named have in common: `ip -s -s link` and `ethtool -S NIC` there, its cable,
    its port of the switch, a firewall's limit of echoes; all 50 lost means the MTU on the way
    (W10, `ping -M do -s BYTES`).
    """
    cluster.several()
    wrong = [way for leg in _legs(cluster) for way in _lossy(cluster, leg)]
    assert not wrong, f"ways that lose frames: {'; '.join(wrong)}"


def _legs(cluster: Cluster) -> list[Addresses]:
    """The networks between nodes: one where primary and secondary addresses are the same."""
    both = [cluster.ssconf.primary_ips, cluster.ssconf.secondary_ips]
    return both if both[0] != both[1] else both[:1]


def _ways(
    cluster: Cluster, addresses: Addresses, most: int
) -> Iterator[tuple[Node, IPv4Address, dict[IPv4Address, str]]]:
    """A node of this run, its own address, and the names of those that follow it by address."""
    members = [node for node in cluster.nodes if node.name in addresses]
    for place, node in enumerate(members):
        others = [*members[place + 1 :], *members[:place]][:most]
        yield node, addresses[node.name], {addresses[one.name]: one.short for one in others}


def _unreached(cluster: Cluster, addresses: Addresses) -> list[str]:
    """The ways on which something is missing; one question a node."""
    port = NODED_PORT if addresses == cluster.ssconf.primary_ips else None
    return [
        f"{node.short} → {others[target]} ({origin} → {target}): {reach}"
        for node, origin, others in _ways(cluster, addresses, len(cluster.nodes))
        for target, reach in sorted(node.reach(origin, sorted(others), port).items())
        if not reach.whole
    ]


def _lossy(cluster: Cluster, addresses: Addresses) -> list[str]:
    """The ways on which frames are lost twice: the second time no other node asks."""
    broken = []
    for node, origin, others in _ways(cluster, addresses, NEIGHBOURS):
        found = node.losses(origin, sorted(others))
        if any(loss.lost > MOST_LOST for loss in found.values()):
            again = node.losses(origin, sorted(others), fresh=True)
            broken += [
                f"{node.short} → {others[target]} ({origin} → {target}): {loss}"
                for target, loss in sorted(again.items())
                if min(loss.lost, found[target].lost) > MOST_LOST
            ]
    return broken
