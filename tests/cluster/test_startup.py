"""Startup of the Cluster: one master, one cluster address, nodes that trust each other."""

from gntverify.cluster import Cluster
from gntverify.compare import difference, listed, odd_keys, odd_ones_out
from gntverify.controls import control, need
from gntverify.copies import configuration, shared
from gntverify.ganeti.files import CONFIG, NEEDED
from gntverify.setup import declared, told
from gntverify.site import Site


@control("C01", severity="critical", notes="startup")
def test_all_nodes_agree_on_one_master(cluster: Cluster) -> None:
    """There is exactly one master, and all nodes agree which it is.

    Why: two masters change the same instances on their own; a node that follows the wrong one
    starts what runs elsewhere already.
    Fix: on the node that should be master, `gnt-cluster redist-conf`; on one that takes itself
    for it wrongly, stop ganeti there first. After a failed failover: `gnt-cluster
    master-failover` on the candidate that takes over.
    """
    views = {node.short: node.ssconf.master_node for node in cluster.nodes}
    odd = odd_ones_out(views | {"the master's daemons": cluster.info.master_node})
    assert not odd, f"who is master differs: {odd}"
    have = [name for name, state in cluster.node_list.items() if state.role == "M"]
    want = [cluster.master.name]
    assert have == want, f"role master: {listed(have)}, expected {listed(want)}"


@control("C02", severity="critical", notes="startup")
def test_only_the_master_carries_the_cluster_address(cluster: Cluster) -> None:
    """The cluster address is on the master's declared interface, and nowhere else.

    Why: without it RAPI and the administrators' way in are gone; on two nodes at once it is
    answered by whichever is faster.
    Fix: `gnt-cluster activate-master-ip` on the master; elsewhere `ip address del`. If the
    interface is wrong: `gnt-cluster modify --master-netdev=xen-br0`.
    """
    want = {f"{cluster.master.short} {cluster.ssconf.master_netdev}"}
    have = {
        f"{node.short} {address.link}"
        for node in cluster.nodes
        for address in node.addresses
        if address.ip == cluster.address
    }
    assert have == want, f"{cluster.address} is on {listed(have)}, expected {listed(want)}"


@control("C03", severity="high", notes="startup")
def test_the_cluster_address_lies_in_the_bridges_subnet(cluster: Cluster) -> None:
    """The cluster address lies in the subnet that the bridge has on every node.

    Why: Ganeti adds the bare address to the bridge of whichever node is master, and relies on
    the network that is there.
    Fix: choose an address of the private network (`gnt-cluster rename` after changing what the
    name resolves to), or give the bridge of the node named here the right netmask.
    """
    subnets = {
        node.short: address.network
        for node in cluster.nodes
        for address in node.addresses
        if (address.link, address.ip) == (cluster.ssconf.master_netdev, node.primary_ip)
    }
    need(subnets, "no node has its address on the cluster's interface (W07 judges that)")
    outside = {name: str(net) for name, net in subnets.items() if cluster.address not in net}
    assert not outside, f"{cluster.address} lies outside the bridge's subnet: {listed(outside)}"


@control("C13", severity="high", notes="startup", impact="low-impact")
def test_candidates_log_in_to_every_node_unattended(cluster: Cluster) -> None:
    """All nodes have the same known_hosts, and every candidate logs in to every node by itself.

    Why: Ganeti copies its files and adds nodes over ssh; a question for a key is a job that
    hangs, and it is met on the day the master is lost.
    Fix: `gnt-cluster redist-conf`; for refused keys `gnt-cluster renew-crypto --new-ssh-keys`;
    look with `gnt-cluster verify` (ENODESSH) and as root with `ssh -v`.
    """
    odd = odd_ones_out({node.short: node.known_hosts[:12] for node in cluster.nodes})
    assert not odd, f"known_hosts differ (sha256): {odd}"
    logins = {
        f"{node.short} to {name}": status
        for node in need(cluster.candidates, "no candidate is among the nodes of this run")
        for name, status in node.logins.items()
    }
    failed = {pair: f"ssh status {status}" for pair, status in logins.items() if status != 0}
    assert not failed, f"no login as Ganeti does it: {listed(failed)}"


@control("C15", severity="high", notes="startup")
def test_exactly_the_candidates_certificates_are_let_in(cluster: Cluster) -> None:
    """The nodes let in the client certificates of the master candidates, and no others.

    Why: noded obeys whoever shows one of these certificates. A candidate whose own is not among
    them becomes a master that nobody obeys; one left over is a key to every node.
    Fix: `gnt-cluster renew-crypto --new-node-certificates` on the master.
    """
    have = cluster.certified
    # of a candidate that is not in this run, only that it has one
    want = {name: have.get(name, "one") for name in cluster.ssconf.master_candidates}
    want |= {node.name: node.client_digest for node in cluster.candidates}
    assert have == want, f"certificates of candidates (sha1): {difference(want, have)}"


@control("C17", severity="high", notes="startup")
def test_shared_files_are_the_same_on_all_nodes(cluster: Cluster) -> None:
    """What Ganeti copies to every node (ssconf, keys, certificates, RAPI's users) is the same.

    Why: a node with another key or certificate refuses the others; one with an old ssconf obeys
    a master, or counts nodes, that are no more.
    Fix: `gnt-cluster redist-conf` on the master; for server.pem `gnt-cluster renew-crypto
    --new-cluster-certificate`. If it is the master's file that is odd, put that right first.
    """
    tables = shared(cluster.several())
    lost = {node: set(NEEDED) - table.keys() for node, table in tables.items()}
    missing = {node: listed(names) for node, names in lost.items() if names}
    assert not missing, f"in /var/lib/ganeti, missing: {missing}"
    odd = odd_keys(tables)
    assert not odd, f"in /var/lib/ganeti (sha256): {odd}"


@control("C18", severity="high", notes="startup")
def test_the_configuration_is_on_candidates_only(cluster: Cluster) -> None:
    """The configuration is on the master candidates, the same on each, and on no other node.

    Why: a failover goes on with what the candidate has: an old copy forgets instances, and one
    that a demoted node kept may be taken for the truth.
    Fix: `gnt-cluster redist-conf` on the master; remove /var/lib/ganeti/config.data where no
    candidate is. If the master's is the odd one, look at wconf-daemon.log before any job runs.
    """
    want = {node.short for node in cluster.candidates}
    have = {node.short for node in cluster.nodes if CONFIG in node.copies}
    assert have == want, (
        f"config.data: missing on {listed(want - have)}, extra on {listed(have - want)}"
    )
    copies = configuration(cluster.candidates)
    odd = odd_ones_out({node: table.get(CONFIG) for node, table in copies.items()})
    assert not odd, f"config.data differs (sha256): {odd}"


@control("C20", severity="high", notes="startup")
def test_the_cluster_is_set_up_as_declared(cluster: Cluster, site: Site) -> None:
    """Hypervisors, disk templates, network, LVM and DRBD's helper are set as the site declares.

    Why: these are what every new instance inherits; one made by hand on a busy evening stays.
    Fix: `gnt-cluster modify` with the option of what is named here, e.g. `-H kvm:cpu_type=host`,
    `--enabled-disk-templates`, `--nic-parameters`; or correct the site file.
    """
    need(site.described, "no site file says how the cluster should be set up")
    want = declared(site)
    have = told(cluster.info, want)
    assert have == want, f"{cluster.name}: {difference(want, have)}"
