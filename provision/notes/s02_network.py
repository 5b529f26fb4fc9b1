"""Base System Setup: packages for bridge and VLAN, and the bridge."""

from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import PurePosixPath

from pyinfra.context import host

from gntverify.errors import TargetRefused
from gntverify.site.model import Node, PrivateNetwork
from provision.notes._facts import Bridge, BridgeFacts, FileText, Lines
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
    sourced = host.get_fact(Lines, text=sourced_stanzas(private.bridge))
    refuse_other_file(node.name, private.bridge, sourced)
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


def sourced_stanzas(bridge: str, interfaces: str = INTERFACES) -> str:
    """Shell text: the files that the interfaces file sources and that define the bridge."""
    place = PurePosixPath(interfaces)
    return (
        f"cd {place.parent} 2>/dev/null && [ -r {place.name} ] || exit 0; "
        """awk '$1 == "source" { for (i = 2; i <= NF; i++) print $i } """
        f"""$1 == "source-directory" {{ print $2 "/*" }}' {place.name} """
        "| while read -r pattern; do for file in $pattern; do "
        f"""[ ! -f "$file" ] || awk -v name={bridge} """
        """'$1 == "iface" && $2 == name && $3 == "inet" { print FILENAME; exit }' "$file"; """
        "done; done"
    )


def refuse_other_file(node: str, bridge: str, sourced: Sequence[str]) -> None:
    """Write no second stanza beside one in a file of its own.

    Raises:
        TargetRefused: there is such a file.
    """
    if sourced:
        file = PurePosixPath(INTERFACES).parent / sourced[0]
        raise TargetRefused(
            f"{TITLE}: on {node!r}, {bridge} is defined in '{file}', which {INTERFACES} sources; "
            f"a second stanza would contradict it. Move that stanza to {INTERFACES} itself, "
            f"or remove it, and run this again."
        )


def bridge_commands(
    node: Node, private: PrivateNetwork, network: IPv4Network, have: Bridge
) -> list[str]:
    """What brings the bridge up as it is declared; eth0 and the session over it stay.

    Raises:
        TargetRefused: its port carries the session, or it is up otherwise and in use.
    """
    address = f"{node.private}/{network.prefixlen}"
    if have.exists and private.port in have.ports and address in have.addresses:
        return _live_settings(private, have)
    _refuse_uplink(node, private, have)
    if not have.exists:
        return [f"ifup --force {private.bridge}"]  # ifup alone goes by its notes of earlier times
    others = sorted((have.ports - {private.port}) | (have.addresses - {address}))
    uses = [*(["the node is in a cluster"] if have.member else []), *others]
    if private.bridge in have.uplinks:
        uses.append("this session or the default route")
    if uses:
        raise TargetRefused(
            f"{TITLE}: on {node.name!r}, {private.bridge} is not as declared (address {address}, "
            f"port {private.port}), and it is in use ({', '.join(uses)}): nothing here takes it "
            f"down. Move the node's instances away, set the bridge up by hand as {INTERFACES} "
            f"should have it, or correct the site file; then run this again."
        )
    return [f"ifdown --force {private.bridge}; ifup --force {private.bridge}"]


def _live_settings(private: PrivateNetwork, have: Bridge) -> list[str]:
    """STP first: with STP on, the kernel takes no forward delay under two seconds."""
    at = f"/sys/class/net/{private.bridge}/bridge"
    delay = f"{private.forward_delay_s * 100:.0f}"
    return [
        *([f"echo {private.stp:d} > {at}/stp_state"] if (have.stp != "0") != private.stp else []),
        *([f"echo {delay} > {at}/forward_delay"] if have.forward_delay != delay else []),
    ]


def _refuse_uplink(node: Node, private: PrivateNetwork, have: Bridge) -> None:
    if private.port in have.uplinks:
        raise TargetRefused(
            f"{TITLE}: on {node.name!r}, the default route or this session goes over "
            f"{private.port}, which would become a port of {private.bridge}: the node could not "
            f"be reached any more. Correct network.private.interface and network.private.vlan of "
            f"the site file."
        )


SECTION = Section(
    key="network",
    title=TITLE,
    said="""\
`apt-get install vlan netcat fping tcpdump netmask bridge-utils`, then the bridge `xen-br0` over \
the tagged interface `eth0.2186` in `/etc/network/interfaces`, with an address of its own on each \
node, `bridge_stp off`, `bridge_fd 0`, no routes; the stanza of `eth0` is the provider's.""",
    today="""\
The same packages in one call; the bridge's stanza is written word for word with the values of \
site and node, every other stanza and other options of this one stay as they are, and `ifup` \
brings the bridge up while the session over `eth0` stays.""",
    differs="""\
`netcat` is `netcat-openbsd` today. A bridge of a node that is in a cluster, or that carries \
more than its own port and address, is never taken down: the step says so and ends.""",
    stages=(Stage("all", tools), Stage("all", bridge)),
)
