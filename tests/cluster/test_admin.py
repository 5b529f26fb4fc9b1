"""Day by day: the nodes' roles, memory to spare, one version, a queue that flows, no leftovers."""

from gntverify.cluster import Cluster, Node
from gntverify.compare import difference, listed
from gntverify.controls import control, need
from gntverify.site import Site


def _use(master_capable: bool, vm_capable: bool) -> str:
    use = {"master_capable": master_capable, "vm_capable": vm_capable}
    return " and ".join(word for word, holds in use.items() if holds) or "neither"


@control("C06", severity="high", notes="ha")
def test_nodes_have_their_roles(cluster: Cluster, site: Site) -> None:
    """The nodes are the site's, each of its declared use, and enough of them are candidates.

    Why: a candidate keeps the configuration; with the last one the cluster is lost, and a node
    that must not become master may become it.
    Fix: `gnt-node modify --master-candidate=yes NODE` (or --master-capable, --vm-capable);
    `gnt-cluster modify --candidate-pool-size`; or correct [[nodes]] of the site file.
    """
    nodes = cluster.node_list
    want = {node.name: _use(node.master_capable, node.vm_capable) for node in site.nodes}
    have = {name: _use(node.master_capable, node.vm_capable) for name, node in nodes.items()}
    assert have == want, f"nodes: {difference(want, have)}"
    candidates = [name for name, node in nodes.items() if node.is_candidate]
    eligible = [name for name, node in nodes.items() if node.is_eligible]
    least = min(cluster.info.candidate_pool_size, len(eligible))
    assert len(candidates) >= least, (
        f"candidates are {listed(candidates)}, expected {least} of {listed(eligible)}"
    )


@control("C07", severity="high", notes="ha")
def test_no_node_is_out_of_service_unexplained(cluster: Cluster, site: Site) -> None:
    """No node is offline or drained, but for those of which the site says why.

    Why: verify passes such a node over; what was taken out for an hour is forgotten for months,
    and its instances have one copy meanwhile.
    Fix: `gnt-node modify --drained=no NODE`, or `gnt-node add --readd NODE` for one that was
    offline; else say why in the site file (out_of_service of the node).
    """
    explained = {node.name for node in site.nodes if node.out_of_service}
    words = {"O": "offline", "D": "drained"}
    have = {
        name: words[node.role]
        for name, node in cluster.node_list.items()
        if node.role in words and name not in explained
    }
    assert not have, f"out of service, and the site does not say why: {listed(have)}"


@control("C08", severity="high", notes="ha")
def test_any_node_may_fail(cluster: Cluster) -> None:
    """Whichever node fails, its instances find the memory they need on their secondaries.

    Why: the failover stops at the first instance that does not fit, on the day it is needed.
    Fix: `hbal -L` shows moves that help; else take memory from instances
    (`gnt-instance modify -B memory=SIZE`), move some away, or add a node.
    """
    need(cluster.memory.mirrored, "no instance is to be taken over by another node")
    short = cluster.memory.shortages(frozenset(cluster.ssconf.online_nodes))
    assert not short, f"a node could not take over from another one: {listed(short)}"


@control("C16", severity="high", notes="solving")
def test_configuration_and_software_are_of_one_version(node: Node) -> None:
    """What the node keeps of the cluster is of its software's version; no upgrade is half done.

    Why: on a node with another version no daemon starts, or it reads the configuration wrongly;
    it is met at the next reboot or failover.
    Fix: `gnt-cluster upgrade --resume` (or `--to VERSION`) on the master; for one node, install
    the version of the others; `gnt-cluster redist-conf` for what it keeps.
    """
    release = node.release
    kept = release.configuration
    have = {"release": node.ssconf.release_version, "config.data": kept}
    want = {"release": release.software, "config.data": kept and release.format}
    assert have == want, f"{node.name}: {difference(want, have)}"
    assert not release.pending, f"{node.name}: {release.pending}"


@control("C19", severity="medium", notes="solving")
def test_the_job_queue_flows(cluster: Cluster, site: Site) -> None:
    """The job queue takes jobs, and none has been in it for longer than the site allows.

    Why: a drained queue refuses all that is asked; a job that hangs keeps its locks, and what
    needs them waits behind it.
    Fix: `gnt-cluster queue undrain`; `gnt-job info ID`, `gnt-job watch ID`, then `gnt-job cancel
    ID`, or `--kill --yes-do-it` for one that runs and does not end.
    """
    assert not cluster.refuses_jobs, "the job queue is drained: it refuses every new job"
    limit = site.limits.job_age_min
    old = [str(job) for job in cluster.jobs if job.age_min > limit]
    assert not old, f"not at an end after {limit} min: {listed(old)}"


@control("C21", severity="medium", notes="solving", impact="low-impact")
def test_nothing_is_left_over_of_instances(cluster: Cluster, site: Site) -> None:
    """No virtual machine, logical volume or DRBD minor is there that is no instance's.

    Why: a guest that Ganeti does not know writes on, perhaps under the address of another; a
    volume left behind takes room, and its name from the next one.
    Fix: look what it holds, then `kill`, `lvremove` or `drbdsetup down`; volumes of your own:
    `gnt-cluster modify --reserved-lvs`.
    """
    known = set(cluster.ssconf.instances)
    strays = {node.short: listed(own) for node in cluster.nodes if (own := node.machines - known)}
    assert not strays, f"virtual machines that are no instances: {listed(strays)}"
    have = [str(f) for f in cluster.verify.leftovers if f.code not in site.verify.allowed_warnings]
    assert not have, f"verify finds what is no instance's: {'; '.join(have)}"
    cluster.verify.complete()
