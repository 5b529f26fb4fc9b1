"""Solving Problems and High Availability: verify, the watcher, daemons, certificates."""

from collections import Counter

from gntverify.cluster import Cluster, Node
from gntverify.compare import listed
from gntverify.controls import control
from gntverify.site import Site


@control("C04", severity="critical", notes="solving", impact="low-impact")
def test_verify_finds_no_error(cluster: Cluster) -> None:
    """`gnt-cluster verify` looks at everything and finds no error.

    Why: it is Ganeti's own word that configuration and nodes fit together; what it calls an
    error stops a job sooner or later.
    Fix: run `gnt-cluster verify` on the master and mend what it names; the codes are explained
    in gnt-cluster(8).
    """
    have = [str(finding) for finding in cluster.verify.errors]
    assert not have, f"verify finds {len(have)} error(s): {'; '.join(have)}"
    cluster.verify.complete()


@control("C05", severity="high", notes="solving", impact="low-impact")
def test_verify_finds_no_warning_that_was_not_accepted(cluster: Cluster, site: Site) -> None:
    """`gnt-cluster verify` warns of nothing but what the site has accepted.

    Why: verify exits with 0 in spite of warnings, and a degraded DRBD disk is one.
    Fix: mend what is named, or accept its code in the site file (verify.allowed_warnings) with
    a comment that says why.
    """
    accepted = set(site.verify.allowed_warnings)
    have = [str(f) for f in cluster.verify.warnings if f.code not in accepted]
    assert not have, f"verify warns {len(have)} time(s): {'; '.join(have)}"
    cluster.verify.complete()


@control("C09", severity="high", notes="ha")
def test_the_watcher_runs(cluster: Cluster, site: Site) -> None:
    """The watcher is in every node's cron, nobody paused it, and it came to its end lately.

    Why: it is the only automation there is: it starts daemons and instances that died.
    Fix: `gnt-cluster watcher info`, `gnt-cluster watcher continue`; install the package's
    /etc/cron.d/ganeti; for runs that fail see /var/log/ganeti/watcher.log on the master.
    """
    sick = {node.short: node.watcher.trouble for node in cluster.nodes if node.watcher.trouble}
    assert not sick, f"the watcher does not run by itself: {sick}"
    age_s, limit_min = cluster.master.watcher.age_s, site.limits.watcher_age_min
    assert age_s is not None, f"{cluster.master.name}: the watcher never came to its end"
    assert age_s < limit_min * 60, (
        f"{cluster.master.name}: the watcher last came to its end {age_s / 60:.1f} min ago, "
        f"expected less than {limit_min}"
    )


@control("C11", severity="critical", notes="startup")
def test_the_daemons_of_the_nodes_role_run(node: Node) -> None:
    """The daemons of the node's role run, each once, and none that belongs to another role.

    Why: without noded the node is lost to the cluster, without wconfd and luxid no job runs;
    a second set of the master's daemons is a second master.
    Fix: `/etc/init.d/ganeti restart` (or `daemon-util start ganeti-noded`), then the daemon's
    log in /var/log/ganeti.
    """
    want = Counter(node.daemons_expected)
    have = Counter(daemon.name for daemon in node.daemons if daemon.name != "metad")
    missing, extra = listed(set(want - have)), listed(set(have - want))
    role = "master" if node.is_master else "node"
    assert have == want, f"{node.name} ({role}): missing {missing}, too many {extra}"


@control("C14", severity="critical", notes="solving")
def test_certificates_stay_valid(node: Node, site: Site) -> None:
    """Ganeti's certificates are there and stay valid long enough to renew them in peace.

    Why: with server.pem or client.pem expired no node talks to another, and renewing them
    needs just that.
    Fix: `gnt-cluster renew-crypto --new-cluster-certificate` (or --new-rapi-certificate,
    --new-spice-certificate, --new-node-certificates) on the master.
    """
    want = site.limits.certificate_days
    short = {
        name: "missing" if days is None else f"{days:.0f} days left"
        for name, days in node.certificates.items()
        if days is None or days <= want
    }
    assert not short, f"{node.name}: {short}, expected more than {want} days"
