"""Solving Problems and High Availability: verify, the watcher, daemons, certificates."""

from collections import Counter

from gntverify.cluster import Cluster, Node
from gntverify.compare import difference, listed
from gntverify.controls import control, need
from gntverify.ganeti.defaults import ANY
from gntverify.site import Site


@control("C04", severity="critical", notes="solving", impact="low-impact")
def test_verify_finds_no_error(cluster: Cluster) -> None:
    """`gnt-cluster verify` looks at everything and finds no error.

    Why: it is Ganeti's own word that configuration and nodes fit together; what it calls an
    error stops a job sooner or later.
    Fix: run `gnt-cluster verify` on the master and mend what it names; the codes are explained
    in gnt-cluster(8).
    """
    errors = [str(finding) for finding in cluster.verify.errors]
    assert not errors, f"verify finds {len(errors)} error(s): {'; '.join(errors)}"
    cluster.verify.complete()


@control("C05", severity="high", notes="solving", impact="low-impact")
def test_verify_finds_no_warning_that_was_not_accepted(cluster: Cluster, site: Site) -> None:
    """`gnt-cluster verify` warns of nothing but what the site has accepted.

    Why: verify exits with 0 in spite of warnings, and a degraded DRBD disk is one.
    Fix: mend what is named, or accept its code in the site file (verify.allowed_warnings) with
    a comment that says why.
    """
    accepted = set(site.verify.allowed_warnings)
    warnings = [str(f) for f in cluster.verify.warnings if f.code not in accepted]
    assert not warnings, f"verify warns {len(warnings)} time(s): {'; '.join(warnings)}"
    cluster.verify.complete()


@control("C09", severity="high", notes="ha")
def test_the_watcher_runs(cluster: Cluster, site: Site) -> None:
    """The watcher is in every node's cron, nobody paused it, and it came to its end lately.

    Why: it is the only automation there is: it starts daemons and instances that died.
    Fix: `gnt-cluster watcher info`, `gnt-cluster watcher continue`; install the package's
    /etc/cron.d/ganeti; for runs that fail see /var/log/ganeti/watcher.log on the master.
    """
    sick = {node.short: node.watcher.trouble for node in cluster.nodes if node.watcher.trouble}
    assert not sick, f"the watcher does not run by itself: {listed(sick)}"
    have, limit_min = cluster.master.watcher, site.limits.watcher_age_min
    assert have.age_s is not None, f"{cluster.master.name}: the watcher never came to its end"
    paused = (
        "" if have.free_s is None else f" (it was paused until {have.free_s / 60:.1f} min ago)"
    )
    assert min(have.age_s, have.age_s if have.free_s is None else have.free_s) < limit_min * 60, (
        f"{cluster.master.name}: the watcher last came to its end {have.age_s / 60:.1f} min ago"
        f"{paused}, expected less than {limit_min}"
    )


@control("C10", severity="high", notes="ha")
def test_the_watcher_asks_rapi_where_it_listens(node: Node) -> None:
    """The watcher asks RAPI on the address to which RAPI is bound.

    Why: it asks 127.0.0.1 unless it is told otherwise, takes silence for a dead RAPI, and starts
    it anew every five minutes, in the middle of whatever it was asked (#1170).
    Fix: add `--rapi-ip=ADDRESS`, the one behind -b in RAPI_ARGS, to the watcher's line in
    /etc/cron.d/ganeti on every node: the next master may be any of them.
    """
    have = need(node.watcher.asks, "nothing starts the watcher here (C09 judges that)")
    bind = node.defaults.bind("rapi")
    want = have if bind == ANY else {bind}
    assert have == want, f"{node.name}: it asks RAPI on {listed(have)}, which is bound to {bind}"


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


@control("C12", severity="high", notes="setup")
def test_ganeti_starts_at_boot(node: Node, site: Site) -> None:
    """Ganeti and cron start at boot, and the drbd module is loaded before them.

    Why: after a power cut nobody is there to start them: without Ganeti no instance comes back,
    without cron no watcher looks after it, without drbd no mirror is attached.
    Fix: `systemctl enable ganeti cron`; a line `drbd` in /etc/modules-load.d/drbd.conf.
    """
    have = node.boot_units
    want = dict.fromkeys(have, "enabled")
    assert have == want, f"{node.name}, at boot: {difference(want, have)}"
    modules = {"drbd"} if site.cluster.mirrors else set()
    missing = modules - node.boot_modules
    assert not missing, f"{node.name}: /etc/modules-load.d does not load {listed(missing)}"


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
    assert not short, f"{node.name}: {listed(short)}, expected more than {want} days"
