"""Base System Setup: packages for bridge and VLAN, and the bridge."""

from ipaddress import IPv4Network

from pyinfra.context import host

from gntverify.errors import TargetRefused
from gntverify.site.model import Node, PrivateNetwork
from provision.notes._facts import Bridge, BridgeFacts, FileText
from provision.notes._operations import INSTALL_S, commands, deploy, limit, packages, text_file
from provision.notes._texts import bridge_stanza, with_bridge
from provision.section import Context, Section, Stage

TITLE = "Base System Setup, network"
INTERFACES = "/etc/network/interfaces"


@deploy(TITLE)
def tools(context: Context, _node: Node) -> None:
    packages(
        context.site.packages.network,
        recommends=context.site.packages.recommends,
        name="Packages for bridge and VLAN are installed",
        _timeout=limit(INSTALL_S),
    )


@deploy(TITLE)
def bridge(context: Context, node: Node) -> None:
    private = context.site.network.private
    network = private.network or IPv4Network(f"{node.private}/32")  # the site has been checked
    stanza = bridge_stanza(private, network, str(node.private))
    text = host.get_fact(FileText, path=INTERFACES) or ""
    text_file(
        INTERFACES,
        with_bridge(text, private.bridge, stanza),
        reboot=True,
        name=f"{INTERFACES} has the bridge {private.bridge}",
    )
    have = host.get_fact(BridgeFacts, bridge=private.bridge)
    commands(
        *bridge_commands(node, private, network, have),
        name=f"{private.bridge} is up with the node's private address",
        _timeout=limit(60),
    )


def bridge_commands(
    node: Node, private: PrivateNetwork, network: IPv4Network, have: Bridge
) -> list[str]:
    """What brings the bridge up as it is declared; eth0 and the session over it stay.

    Raises:
        TargetRefused: it is up otherwise, and instances are connected to it.
    """
    address = f"{node.private}/{network.prefixlen}"
    right = (
        private.port in have.ports
        and address in have.addresses
        and (have.stp != "0") == private.stp
        and have.forward_delay == f"{private.forward_delay_s * 100:.0f}"
    )
    if right:
        return []
    if not have.exists:
        return [f"ifup {private.bridge}"]
    guests = sorted(have.ports - {private.port})
    if guests:
        raise TargetRefused(
            f"{TITLE}: on {node.name!r}, {private.bridge} is not as declared (address {address}, "
            f"port {private.port}), and {', '.join(guests)} would lose it while it is set up "
            f"again. Move the instances away first."
        )
    return [f"ifdown --force {private.bridge}; ifup {private.bridge}"]


SECTION = Section(
    key="network",
    title=TITLE,
    said="""\
`apt-get install vlan netcat fping tcpdump netmask bridge-utils`, then the bridge `xen-br0` over \
the tagged interface `eth0.2186` in `/etc/network/interfaces`, with an address of its own on each \
node, `bridge_stp off`, `bridge_fd 0`, no routes; the stanza of `eth0` is the provider's.""",
    today="""\
The same packages in one call; the bridge's stanza is written word for word with the values of \
site and node, every other stanza stays as it is, and `ifup` brings the bridge up while the \
session over `eth0` stays.""",
    differs="""\
`netcat` is `netcat-openbsd` today. A bridge that instances are connected to is never taken \
down: the step says so and ends.""",
    stages=(Stage("all", tools), Stage("all", bridge)),
)
