"""What About Security?: every daemon on its one address, by file, by socket and from outside."""

from gntverify.binds import address_of, bound, contradictions, declared, in_force, stale
from gntverify.cluster import Cluster, Node
from gntverify.compare import across_reboot, difference, listed, odd_keys
from gntverify.controls import control
from gntverify.scan import Outside
from gntverify.site import Site


@control("X01", severity="critical", notes="security", impact="low-impact")
def test_noded_listens_on_the_private_address_only(
    node: Node, cluster: Cluster, site: Site, outside: Outside
) -> None:
    """Ganeti's noded listens only where the site says: the file, the socket and nmap agree.

    Why: noded runs anything as root for whoever holds the cluster's key; it has no business on
    a public address.
    Fix: NODED_ARGS="-b ADDRESS" in /etc/default/ganeti, then restart ganeti on that node.
    """
    address = address_of(site.daemons.noded, node, cluster)
    have = {"file": node.defaults.bind("noded"), "listener": listed(node.listens("noded"))}
    want = {"file": address, "listener": address}
    assert have == want, f"{node.name}: noded: {difference(want, have)}"
    wrong = contradictions(outside, "noded", [node.name], [address])
    assert not wrong, f"{node.name}: noded should listen on {address}, nmap sees {listed(wrong)}"


@control("X02", severity="high", notes="security", impact="low-impact")
def test_confd_listens_on_the_private_address_only(
    node: Node, cluster: Cluster, site: Site, outside: Outside
) -> None:
    """Ganeti's confd listens only where the site says: the file, the socket and nmap agree.

    Why: it answers questions about the cluster's configuration.
    Fix: CONFD_ARGS="-b ADDRESS" in /etc/default/ganeti, then restart ganeti on that node.
    """
    address = address_of(site.daemons.confd, node, cluster)
    have = {"file": node.defaults.bind("confd"), "listener": listed(node.listens("confd"))}
    want = {"file": address, "listener": address}
    assert have == want, f"{node.name}: confd: {difference(want, have)}"
    wrong = contradictions(outside, "confd", [node.name], [address])
    assert not wrong, f"{node.name}: confd should listen on {address}, nmap sees {listed(wrong)}"


@control("X03", severity="critical", notes="security", impact="low-impact")
def test_rapi_listens_on_the_master_only(cluster: Cluster, site: Site, outside: Outside) -> None:
    """RAPI listens on the master only, on the cluster address or loopback as the site says.

    Why: whoever reaches it may try passwords, and one that fits may delete every instance.
    Fix: RAPI_ARGS="-b 192.168.1.1 --require-authentication" in /etc/default/ganeti of all
    nodes, then `daemon-util stop ganeti-rapi` and `start ganeti-rapi` on the master.
    """
    address = address_of(site.daemons.rapi, cluster.master, cluster)
    have = {n.short: f"file {n.defaults.bind('rapi')}" for n in cluster.nodes}
    have |= {f"socket on {n.short}": listed(n.listens("rapi")) for n in cluster.nodes}
    want = {n.short: f"file {address}" for n in cluster.nodes}
    want |= {f"socket on {n.short}": address if n.is_master else "nothing" for n in cluster.nodes}
    assert have == want, f"RAPI: {difference(want, have)}"
    names = [*(node.name for node in cluster.nodes), cluster.name]
    wrong = contradictions(outside, "rapi", names, [address])
    assert not wrong, f"RAPI should listen on {address}, nmap sees {listed(wrong)}"


@control("X04", severity="high", notes="security", impact="low-impact")
def test_mond_and_metad_are_not_open_to_the_world(
    node: Node, cluster: Cluster, site: Site, outside: Outside
) -> None:
    """Ganeti's mond and metad listen where the site says, or not at all.

    Why: mond tells the state of node and instances to anyone, without TLS and password; metad
    comes up with the first instance, on port 80 of every address. The notes are older than
    both. With "any" in the site, a firewall must keep them in.
    Fix: MOND_ARGS="-b ADDRESS" and METAD_ARGS="-b ADDRESS" in /etc/default/ganeti, then
    `daemon-util stop ganeti-metad` and `start ganeti-metad` (likewise mond) on that node.
    """
    address = address_of(site.daemons.mond, node, cluster)
    metad = address_of(site.daemons.metad, node, cluster)
    strays = {f"mond on {where}" for where in node.listens("mond") - {address}}
    strays |= {f"metad on {where}" for where in node.held_by("metad") - {metad}}
    assert not strays, (
        f"{node.name}: {listed(strays)}; expected mond on {address}, metad on {metad}, or nowhere"
    )
    inside = {str(node.primary_ip)} & node.listens("mond")
    wrong = contradictions(outside, "mond", [node.name], inside)
    assert not wrong, f"{node.name}: mond should listen on {address}, nmap sees {listed(wrong)}"


@control("X11", severity="high", notes="security")
def test_daemons_run_with_the_arguments_of_one_file(cluster: Cluster, site: Site) -> None:
    """/etc/default/ganeti is the same on all nodes and as declared, and the daemons run with it.

    Why: the master's role moves; on the node it moves to, the file must already say the same.
    A daemon that was never restarted still listens where the old file said.
    Fix: `gnt-cluster copyfile` does not fit (the nodes' own addresses differ): write the file
    on the node named here, then restart ganeti there.
    """
    wrong = across_reboot(declared(cluster, site), in_force(cluster), bound(cluster))
    assert not wrong, f"addresses by /etc/default/ganeti: {wrong}"
    files = {n.short: n.defaults.apart_from(str(n.primary_ip)) for n in cluster.nodes}
    odd = odd_keys(files)
    assert not odd, f"/etc/default/ganeti differs: {odd}"
    old = stale(cluster)
    assert not old, f"daemons run with other arguments than the file's: {listed(old)}"
