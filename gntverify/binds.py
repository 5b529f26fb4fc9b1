"""Where daemons should listen, and whether what nmap sees contradicts it."""

from collections.abc import Iterable
from ipaddress import IPv4Address

from gntverify.cluster import Cluster, Node
from gntverify.errors import CommandFailed
from gntverify.ganeti.daemons import PORTS
from gntverify.ganeti.defaults import ANY, bind_of
from gntverify.scan import Outside
from gntverify.site import Site
from gntverify.site.model import Bind

LOOPBACK = "127.0.0.1"
DECLARED = ("noded", "confd", "rapi", "mond")  # those of the site's [daemons]


def address_of(bind: Bind, node: Node, cluster: Cluster) -> str:
    """The address that the site's word means on this node."""
    return {
        "private": str(node.primary_ip),
        "cluster": str(cluster.address),
        "loopback": LOOPBACK,
        "any": ANY,
    }[bind]


def doors(node: Node, cluster: Cluster, site: Site) -> dict[str, IPv4Address]:
    """Daemon that speaks TLS on this node to the address where it is to be asked.

    RAPI runs on the master only.
    """
    daemons = ("noded", "rapi") if node.is_master else ("noded",)
    words = {
        daemon: address_of(getattr(site.daemons, daemon), node, cluster) for daemon in daemons
    }
    return {
        daemon: node.primary_ip if word == ANY else IPv4Address(word)
        for daemon, word in words.items()
    }


def declared(cluster: Cluster, site: Site) -> dict[str, str]:
    """Node and daemon to the address that the site wants in the node's file."""
    return {
        f"{node.short} {name}": address_of(getattr(site.daemons, name), node, cluster)
        for node in cluster.nodes
        for name in DECLARED
    }


def bound(cluster: Cluster) -> dict[str, str]:
    """Node and daemon to the address in the node's file."""
    return {
        f"{node.short} {name}": node.defaults.bind(name)
        for node in cluster.nodes
        for name in DECLARED
    }


def in_force(cluster: Cluster) -> dict[str, str]:
    """Node and daemon to the address it runs with; that of the file for one that does not run."""
    return bound(cluster) | {
        f"{node.short} {daemon.name}": bind_of(daemon.arguments)
        for node in cluster.nodes
        for daemon in node.daemons
        if daemon.name in DECLARED
    }


def stale(cluster: Cluster) -> dict[str, str]:
    """Node and daemon to the arguments it runs with, where the file has others."""
    return {
        f"{node.short} {daemon.name}": " ".join(daemon.arguments) or "none"
        for node in cluster.nodes
        for daemon in node.daemons
        if _told(daemon.arguments) != _told(node.defaults.arguments(daemon.name))
    }


def _told(arguments: Iterable[str]) -> list[str]:
    """Arguments without those that only say who watches over the daemon: systemd adds ``-f``."""
    return [word for word in arguments if word not in ("-f", "--foreground")]


def contradictions(
    outside: Outside, daemon: str, names: Iterable[str], want: Iterable[str]
) -> dict[str, str]:
    """Address to what nmap saw there, where it contradicts that ``daemon`` listens on ``want``.

    An address of ``want`` must not be closed, any other one must not be open. ``filtered``
    contradicts neither: a firewall may stand in between, and a UDP port that says nothing is
    ``open|filtered`` to nmap.

    Raises:
        CommandFailed: nothing is contradicted, but one address could not be seen.
    """
    protocol, port = PORTS[daemon]
    wanted = set(want)
    found: dict[str, str] = {}
    blind: CommandFailed | None = None
    for name, side, address in outside.places(names):
        try:
            state = outside.ganeti_ports(side, name).state(protocol, port)
        except CommandFailed as err:  # the other address may still show what is wrong
            blind = err
            continue
        if state == ("closed" if _meant(address, wanted) else "open"):
            found[f"{address} {protocol}/{port}"] = state
    if blind and not found:
        raise blind
    return found


def _meant(address: IPv4Address, wanted: set[str]) -> bool:
    return bool({str(address), ANY} & wanted)
