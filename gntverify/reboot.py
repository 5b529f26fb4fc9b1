"""What the next reboot changes of a node's links, and what the site says of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from gntverify.cluster import Cluster, Node
from gntverify.errors import ParseError
from gntverify.facts.setup import Setup, link_of, scripted
from gntverify.site import Site


@dataclass(frozen=True)
class Turn:
    """What the next reboot changes on a node, as tables of ``LINK ASPECT`` to value.

    Attributes:
        want: what the site says of it, as far as it does.
        now: what is in force.
        at_boot: what ifupdown will set.
        by_script: what may change, and only a command in a stanza knows.
    """

    want: Mapping[str, object]
    now: Mapping[str, object]
    at_boot: Mapping[str, object]
    by_script: frozenset[str]

    def complete(self) -> None:
        """Nothing was left to scripts.

        Raises:
            ParseError: commands in the stanzas may set what differs.
        """
        if self.by_script:
            raise ParseError(
                f"/etc/network/interfaces itself does not set {', '.join(sorted(self.by_script))} "
                "as they are now; commands in those stanzas (up, pre-up, post-up) may."
            )


def turn(node: Node, cluster: Cluster, site: Site) -> Turn:
    """What the next reboot changes of the links that the site or the node's file names."""
    then, now = node.setup_at_boot, _without_cluster_address(node.setup_now, cluster)
    public, private = site.network.public, site.network.private
    known = {public.interface, private.bridge, private.port}
    known |= {link_of(stanza) for stanza in node.interfaces_file}
    known |= {link for link, _ in then}
    differing = {
        key
        for key in now.keys() | then.keys()
        if key[0] in known and now.get(key) != then.get(key) and (key[1] != "MTU" or key in then)
    }
    scripts = scripted(node.interfaces_file)
    judged = {key for key in differing if key[0] not in scripts}
    said = declared(site, node.name) if site.described else {}
    want, have, at_boot = (
        {" ".join(key): table[key] for key in judged & table.keys()} for table in (said, now, then)
    )
    return Turn(want, have, at_boot, frozenset(" ".join(key) for key in differing - judged))


def _without_cluster_address(now: Setup, cluster: Cluster) -> Setup:
    # the master's luxid brings it up, no stanza does
    key = (cluster.ssconf.master_netdev, "address")
    have = now.get(key)
    if not isinstance(have, frozenset):
        return now
    rest = frozenset(text for text in have if not text.startswith(f"{cluster.address}/"))
    return {k: v for k, v in now.items() if k != key} | ({key: rest} if rest else {})


def declared(site: Site, name: str) -> Setup:
    """What the site says of a node's links, in the words of :mod:`gntverify.facts.setup`."""
    public, private, node = site.network.public, site.network.private, site.node(name)
    found: Setup = {}
    if public.gateway:
        found[public.interface, "gateway"] = frozenset({str(public.gateway)})
    if node and node.public and public.network:
        found[public.interface, "address"] = _one(node.public, public.network.prefixlen)
    if private.mode != "bridged":
        return found
    found[private.bridge, "STP"] = "on" if private.stp else "off"
    found[private.bridge, "forward delay"] = f"{private.forward_delay_s} s"
    if private.port:
        found[private.bridge, "ports"] = frozenset({private.port})
    if private.vlan:
        found[private.port, "VLAN"] = f"{private.vlan} on {private.interface}"
    if node and private.network:
        found[private.bridge, "address"] = _one(node.private, private.network.prefixlen)
    return found


def _one(address: object, length: int) -> frozenset[str]:
    return frozenset({f"{address}/{length}"})
