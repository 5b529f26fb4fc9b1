"""Installing the Operating System Support Packages: definitions, the same on all nodes."""

from gntverify.cluster import Cluster
from gntverify.compare import odd_ones_out
from gntverify.controls import control, need
from gntverify.site import Site


@control("O01", severity="critical", notes="os", impact="low-impact")
def test_required_oses_are_valid_on_every_node(cluster: Cluster, site: Site) -> None:
    """Every required OS definition is valid on every node, with the variants the site names.

    Why: an instance is created on its own node, with that node's scripts; where they are
    missing the creation fails after the disks were made.
    Fix: install the definition on the node named here; the reason is Ganeti's own
    (`gnt-os diagnose`).
    """
    required = cluster.required_variants(site)
    have = {
        f"{name} on {node}": cluster.os_trouble(name, node, variants)
        for name, variants in need(required, "no OS definition is required here").items()
        for node in cluster.ssconf.instance_nodes
    }
    bad = {place: trouble for place, trouble in have.items() if trouble}
    assert not bad, f"not valid: {bad}"


@control("O02", severity="high", notes="os", impact="low-impact")
def test_oses_are_the_same_on_all_nodes(cluster: Cluster) -> None:
    """Each OS definition is on all nodes, with the same API versions, variants and parameters.

    Why: an instance reinstalled or restored on another node otherwise becomes another system,
    or fails on a parameter that is unknown there.
    Fix: install the same version of the definition on all nodes; `gnt-cluster copyfile` brings
    the variants' files to every node.
    """
    oses = need(cluster.oses, "no node has an OS definition")
    odd = {
        name: odd_ones_out({node: str(state) for node, state in os.nodes.items()})
        for name, os in oses.items()
    }
    differing = {name: groups for name, groups in odd.items() if groups}
    assert not differing, f"OS definitions differ: {differing}"
