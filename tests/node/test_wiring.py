"""Network Topology and Bridge: what a reboot changes, and how nodes and guests are wired."""

from gntverify.cluster import Cluster, Node
from gntverify.compare import across_reboot, doubles, listed, odd_ones_out
from gntverify.controls import control, need
from gntverify.facts.setup import IFUPDOWN
from gntverify.reboot import turn
from gntverify.site import Site
from gntverify.wiring import (
    addresses,
    bridges_in_use,
    impostors,
    macs,
    mtus,
    trouble_with_bridge,
    users_of_bridges,
)


@control("W09", severity="medium", notes="network")
def test_the_next_boot_sets_up_the_same_links(node: Node, cluster: Cluster, site: Site) -> None:
    """/etc/network/interfaces sets up at boot what is set up now, and nothing else.

    Why: an address or a bridge made by hand holds until the reboot that follows the next outage;
    a file that was corrected and never applied does the same the other way round. Judged are
    address, gateway, bridge (ports, STP, delay), VLAN, and an MTU that the file names.
    Fix: correct /etc/network/interfaces when the value of now is right; `ifdown LINK && ifup
    LINK` from the console when the file is; `systemctl enable networking` when nothing is set.
    """
    setter = node.network_setter
    need(setter in ("", IFUPDOWN), f"{setter} sets up the network here, not ifupdown")
    assert setter, f"{node.name}: fails after the next reboot: {IFUPDOWN} is not enabled"
    change = turn(node, cluster, site)
    wrong = across_reboot(change.want, change.now, change.at_boot)
    assert not wrong, f"{node.name}: {wrong}"
    change.complete()


@control("W10", severity="medium", notes="network")
def test_one_mtu_holds_along_the_path_and_between_nodes(cluster: Cluster, site: Site) -> None:
    """A bridge, its port and its guests' taps have one MTU, and the same on every node.

    Why: what is larger than the smallest MTU on the way vanishes without a word: a ping gets
    through, a migration or a resync hangs. The NIC below, which may carry more than the VLAN on
    it, and the link of the replication address must be alike on all nodes.
    Fix: `mtu` in the stanzas of /etc/network/interfaces, and `ip link set LINK mtu BYTES`.
    """
    rows = mtus(cluster, bridges_in_use(cluster, site))
    need(rows, "there is no bridge and no replication address to judge")
    odd = {title: odd_ones_out(values) for title, values in rows.items()}
    wrong = [f"{title}: {groups}" for title, groups in odd.items() if groups]
    assert not wrong, f"MTU differs: {' | '.join(wrong)}"


@control("W12", severity="high", notes="network", impact="low-impact")
def test_no_address_and_no_mac_is_there_twice(cluster: Cluster, site: Site) -> None:
    """No two nodes or NICs of instances share a MAC or IP address, and nobody else answers.

    Why: with two owners of an address packets go to the one that answered last: DRBD and guests
    lose their connections now and then, and no log says why. Each node asks the wire (ARP) for
    its own addresses, the master for the cluster's.
    Fix: take the address off the one that is named (`ip address del`); `gnt-instance modify
    --net N:modify,mac=generate` for an instance; a new /etc/machine-id for a cloned node.
    """
    twice = [doubles(macs(cluster)), doubles(addresses(cluster, site))]
    assert not any(twice), f"there more than once: {'; '.join(filter(None, twice))}"
    others = impostors(cluster)
    assert not others, "; ".join(others)


@control("W13", severity="medium", notes="network")
def test_bridged_frames_meet_only_the_declared_filters(node: Node, site: Site) -> None:
    """Frames on the bridge pass iptables, ip6tables and arptables only as the site says (none).

    Why: once br_netfilter is loaded (by Docker, or a rule with physdev) the node's own rules are
    applied to its guests' traffic, and connection tracking drops what it did not see begin.
    Fix: `rmmod br_netfilter`, or net.bridge.bridge-nf-call-iptables = 0 (likewise ip6tables and
    arptables) in /etc/sysctl.d/ and `sysctl --system`; or declare network.private.filters.
    """
    private = site.network.private
    need(private.mode == "bridged", f"NICs here are {private.mode}, not on a Linux bridge")
    link = need(node.links.get(private.bridge), f"there is no {private.bridge} (W02 judges that)")
    want, have = frozenset(private.filters), node.filters_of(link)
    assert have == want, f"{node.name}: {link.name} calls {listed(have)}, expected {listed(want)}"


@control("W14", severity="high", notes="nics")
def test_every_bridge_that_nics_use_is_there(node: Node, cluster: Cluster) -> None:
    """Every bridge that a NIC of an instance uses is up on each node where it may run.

    Why: a failover to a node without the second bridge fails when it is needed; where the bridge
    is only down, the guest starts and is dark. `gnt-cluster verify` looks at existence alone.
    Fix: add the bridge to /etc/network/interfaces of the node named and `ifup` it.
    """
    users = users_of_bridges(cluster, node.name)
    need(users, "no NIC that may come to this node is bridged")
    state = {bridge: trouble_with_bridge(node, bridge) for bridge in users}
    wrong = [
        f"{name} is {why}, used by {listed(users[name])}" for name, why in state.items() if why
    ]
    assert not wrong, f"{node.name}: {'; '.join(wrong)}"
