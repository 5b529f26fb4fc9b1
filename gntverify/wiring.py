"""How nodes and guests are wired together: bridges and their users, MTUs, and who has what."""

from collections.abc import Iterator, Sequence

from gntverify.cluster import Cluster, Node
from gntverify.errors import NOT_TOLD, GntverifyError
from gntverify.ganeti.instances import Instance, Nic
from gntverify.site import Site

ON_THEIR_NODES = ("drbd", "plain", "file")
"""Disk templates that keep an instance on its primary and secondary nodes."""
OWN_KINDS = ("", "bridge", "vlan", "bond", "team")
"""Kinds of links whose MAC address is the node's own (not VRRP's, not a container's)."""
NO_MAC = ("", "00:00:00:00:00:00")
DEFAULT = "new instances (the cluster's default)"


def users_of_bridges(cluster: Cluster, node: str) -> dict[str, set[str]]:
    """Bridge to who may need it on that node: NICs of instances, and instances to come."""
    found: dict[str, set[str]] = {}
    for label, nic, owner in _cards(cluster):
        stays = owner.template in ON_THEIR_NODES
        if nic.mode == "bridged" and (node in owner.nodes or not stays):
            found.setdefault(nic.link, set()).add(label)
    if cluster.info.nic_mode == "bridged":
        found.setdefault(cluster.info.nic_link, set()).add(DEFAULT)
    return found


def _cards(cluster: Cluster) -> Iterator[tuple[str, Nic, Instance]]:
    """The NICs of all instances: what to call one, itself, and whose it is."""
    return (
        (f"{name} NIC {place}", nic, one)
        for name, one in cluster.instances.items()
        for place, nic in enumerate(one.nics)
    )


def trouble_with_bridge(node: Node, name: str) -> str:
    """Why no guest can use that bridge on the node; empty when one can.

    A bridge that has no port of its own has no carrier before the first guest comes.
    """
    link = node.links.get(name)
    if link is None or link.kind != "bridge":
        return "not there" if link is None else f"a {link.kind or 'NIC'}, no bridge"
    waits = link.enabled and not node.ports_of(name)
    return "" if link.up or waits else "down"


def bridges_in_use(cluster: Cluster, site: Site) -> list[str]:
    """The bridges that NICs are on, or will be, and that of the site."""
    private = site.network.private
    found = {private.bridge} if private.mode == "bridged" else set()
    return sorted(found.union(*(users_of_bridges(cluster, node.name) for node in cluster.nodes)))


def mtus(cluster: Cluster, bridges: Sequence[str]) -> dict[str, dict[str, int]]:
    """What must have one MTU: a title to the MTUs of those it is about; none is empty.

    On each node a bridge, its ports and its guests' taps; between nodes the bridges of one name,
    the NICs below them, and links of replication addresses that are none of these bridges.
    """
    rows: dict[str, dict[str, int]] = {}
    for node in cluster.nodes:
        own = node.links
        for bridge in bridges:
            path = {n: link.mtu for n, link in own.items() if bridge in (n, link.master)}
            if bridge in path:
                rows[f"{bridge} on {node.short}"] = path
                rows.setdefault(bridge, {})[node.short] = path[bridge]
            for port in node.ports_of(bridge):
                nic = own.get(port.parent or port.name, port)
                below = rows.setdefault(f"NICs below {bridge}", {})
                below[f"{nic.name} of {node.short}"] = nic.mtu
        for address in node.addresses:
            apart = address.link in own and address.link not in bridges
            if apart and address.ip == node.secondary_ip:
                replication = rows.setdefault("replication", {})
                replication[f"{address.link} of {node.short}"] = own[address.link].mtu
    return rows


def macs(cluster: Cluster) -> dict[str, set[str]]:
    """Node, or NIC of an instance, to its MAC addresses."""
    found = {
        node.short: {
            link.mac.lower()
            for link in node.links.values()
            if link.kind in OWN_KINDS and link.mac not in NO_MAC
        }
        for node in cluster.nodes
    }
    return found | {label: {nic.mac} for label, nic, _ in _cards(cluster)}


def addresses(cluster: Cluster, site: Site) -> dict[str, set[str]]:
    """Node, cluster, or NIC of an instance, to ``ADDRESS on LINK``, on the links nodes share.

    The cluster's address is its own, whichever node has it: that is C02's.
    """
    network, netdev = site.network, cluster.ssconf.master_netdev
    found = {cluster.name: {f"{cluster.address} on {netdev}"}}
    for node in cluster.nodes:
        shared = {network.public.interface, network.private.bridge, netdev}
        shared |= {a.link for a in node.addresses if a.ip in (node.primary_ip, node.secondary_ip)}
        found[node.short] = {
            f"{a.ip} on {a.link}"
            for a in node.addresses
            if a.link in shared and a.ip != cluster.address
        }
    own = {label: {f"{nic.ip} on {nic.link}"} for label, nic, _ in _cards(cluster) if nic.ip}
    return found | own


def impostors(cluster: Cluster) -> list[str]:
    """Who else answers for a node's primary or secondary address, or for the cluster's.

    Asked is for what a node has; what it lacks is told by W07, W11 and C02.

    Raises:
        GntverifyError: nobody was found, but one of the addresses could not be asked for.
    """
    names = {mac: owner for owner, held in macs(cluster).items() for mac in held}
    found: list[str] = []
    blind: GntverifyError | None = None
    for node in cluster.nodes:
        told = {node.primary_ip, node.secondary_ip}
        if node.is_master:
            told.add(cluster.address)
        for address in sorted(told & {a.ip for a in node.addresses}):
            try:
                others = node.others_at(address)
            except NOT_TOLD as err:  # another address may still show an impostor
                blind = err
                continue
            found += [
                f"{mac} ({names.get(mac, 'nobody known')}) answers for {address} of {node.short}"
                for mac in sorted(others)
            ]
    if blind and not found:
        raise blind
    return found
