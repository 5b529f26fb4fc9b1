"""Performance Tuning: what nodes can do, measured, not believed."""

from gntverify.cluster import Cluster
from gntverify.compare import listed
from gntverify.controls import control, need
from gntverify.perf.bench import Bench
from gntverify.perf.nodes import measure_commands, measure_disk, measure_network
from gntverify.site import Site

NO_GROUP = "no disk template of the cluster keeps its disks in a volume group"


@control("P01", severity="low", notes="perf", impact="disruptive")
def test_ganetis_commands_answer_in_time(bench: Bench) -> None:
    """Ganeti's commands that only look answer as fast as the site expects.

    What is measured passes where the site has neither perf.limits nor perf.baselines for it; the
    report shows it either way.

    Why: a master that answers slowly has too little memory or too old a queue, and says so first
    here; a failover is a dozen such commands.
    Fix: `gnt-job list | wc -l`, `top`, `ls /var/lib/ganeti/queue | wc -l` on the master.
    """
    measure_commands(bench)
    wrong = bench.too_slow()
    assert not wrong, listed(wrong)


@control("P02", severity="medium", notes="perf", impact="disruptive")
def test_disks_are_fast_enough(bench: Bench, cluster: Cluster, site: Site) -> None:
    """A scratch volume on every node is written and read as fast as the site expects.

    Why: a disk that is about to fail, or a controller without its battery, is slow first; and a
    mirror is as slow as the slower of its nodes.
    Fix: `smartctl -a`, /proc/mdstat (a rebuild?), the controller's cache; compare the nodes.
    """
    need(site.cluster.keeps_disks_in_lvm, NO_GROUP)
    for node in cluster.hosts:
        measure_disk(bench, node, cluster.info.volume_group)
    wrong = bench.too_slow()
    assert not wrong, listed(wrong)


@control("P03", severity="medium", notes="perf", impact="disruptive")
def test_the_replication_network_is_fast_enough(bench: Bench, cluster: Cluster) -> None:
    """Between all nodes, both ways, the replication addresses carry what the site expects.

    Why: every write of a mirrored guest crosses this network before it is done, and a port that
    fell back to 100 Mbit/s is seen by nobody.
    Fix: `ethtool` on both ends (speed, duplex, errors), cable and switch port, MTU.
    """
    nodes = cluster.several()
    for sender in nodes:
        for receiver in nodes:
            if sender != receiver:
                measure_network(bench, sender, receiver)
    wrong = bench.too_slow()
    assert not wrong, listed(wrong)
