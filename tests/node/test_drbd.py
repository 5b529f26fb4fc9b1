"""DRBD Configuration: the module, its options, and what every minor does."""

from collections.abc import Iterable, Mapping

from gntverify.cluster import Cluster, Node
from gntverify.compare import across_reboot, listed, odd_ones_out
from gntverify.controls import control, need
from gntverify.facts.drbd import Minor
from gntverify.site import Site

NOT_LOADED = "the drbd module is not loaded (D01 judges that)"
NO_MINORS = "no DRBD minor is configured on this node, and none should be"
NO_MIRRORS = "the disk template drbd is not enabled"
APART = (
    "StandAlone",
    "WFConnection",
    "Unconnected",
    "Disconnecting",
    "TearDown",
    "Timeout",
    "BrokenPipe",
    "NetworkFailure",
    "ProtocolError",
)
CONNECTED = ("Connected", "VerifyS", "VerifyT")  # a verify runs on connected, equal disks


@control("D01", severity="critical", notes="drbd")
def test_drbd_8_is_loaded_on_every_node(cluster: Cluster, site: Site) -> None:
    """DRBD 8 is loaded on every node, in the same version.

    Why: Ganeti 3 drives the 8.x module only; without it no mirrored instance starts, with two
    versions a failover may not come back.
    Fix: `modprobe drbd`, and `drbd` in /etc/modules-load.d/drbd.conf; run the same kernel on all
    nodes.
    """
    need(site.cluster.mirrors, NO_MIRRORS)
    have = {node.short: node.drbd_version for node in cluster.nodes}
    not_8 = sorted(name for name, version in have.items() if not version.startswith("8."))
    assert not not_8, f"no DRBD 8 on {listed(not_8)}; {listed(have)}"
    odd = odd_ones_out(have)
    assert not odd, f"DRBD differs: {odd}"


@control("D02", severity="critical", notes="drbd")
def test_drbd_calls_no_helper(node: Node, site: Site) -> None:
    """DRBD's user mode helper is the one the site names (the notes: /bin/true).

    Why: the default helper acts on its own when a peer is lost, against what Ganeti does, and
    Ganeti refuses nodes whose helper is not the cluster's.
    Fix: put `options drbd usermode_helper=/bin/true` into /etc/modprobe.d/drbd.conf and reload
    the module, or `echo /bin/true > /sys/module/drbd/parameters/usermode_helper`.
    """
    want = site.drbd.usermode_helper
    have = need(node.drbd_module, NOT_LOADED).parameter("usermode_helper")
    assert have == want, f"{node.name}: usermode_helper is {have!r}, expected {want!r}"


@control("D03", severity="high", notes="drbd")
def test_drbd_has_minors_enough(node: Node, site: Site) -> None:
    """DRBD was loaded for at least as many minors as the site says (the notes: 128).

    Why: the default of 32 ends the creation of mirrored disks long before the disks are full.
    Fix: put `options drbd minor_count=128` into /etc/modprobe.d/drbd.conf; it takes effect when
    the module is loaded again (with all DRBD disks down, or by a reboot).
    """
    want = site.drbd.minor_count
    have = need(node.drbd_module, NOT_LOADED).number("minor_count")
    assert have >= want, f"{node.name}: minor_count is {have}, expected at least {want}"


@control("D04", severity="high", notes="drbd")
def test_drbd_options_survive_a_reboot(node: Node, site: Site) -> None:
    """The options of drbd stand in modprobe.d, where a load of the module finds them.

    Why: options in /etc/modules, as the notes have them, are ignored under systemd: the values
    of today are gone after the next reboot. Options that were written after the module was
    loaded are in force after it only.
    Fix: write `options drbd minor_count=128 usermode_helper=/bin/true` to the site's file
    (drbd.options_file, /etc/modprobe.d/drbd.conf); see D02 and D03 for the values of now.
    """
    need(site.cluster.mirrors, NO_MIRRORS)
    least, module = site.drbd.minor_count, node.drbd_module
    want = {"minor_count": f"{least} or more", "usermode_helper": site.drbd.usermode_helper}
    at_boot = _enough(node.drbd_options, least, want)
    now = _enough(module.parameters, least, want) if module else at_boot  # D01 judges that
    wrong = across_reboot(want, now, at_boot)
    assert not wrong, f"{node.name}: {wrong}; see {site.drbd.options_file}"


def _enough(options: Mapping[str, str], least: int, among: Iterable[str]) -> dict[str, str]:
    """The options asked for; a count that suffices is put in the words of the site."""
    found = {key: options[key] for key in among if key in options}
    count = found.get("minor_count", "")
    if count.isdecimal() and int(count) >= least:
        found["minor_count"] = f"{least} or more"
    return found


@control("D05", severity="critical", notes="drbd")
def test_every_minor_is_connected_and_up_to_date(node: Node, cluster: Cluster) -> None:
    """Every DRBD minor that should be there is, connected, and both its disks are up to date.

    Why: anything else is one copy of the data; `gnt-cluster verify` calls it a warning at most
    and ends with 0.
    Fix: `gnt-instance activate-disks INSTANCE`; `gnt-instance replace-disks -s INSTANCE` when the
    secondary's disk is broken; wait when a resync runs (D06 tells whether it moves).
    """
    expected, there = cluster.mirrored_on(node.name), node.drbd_minors
    assert len(there) >= len(expected), (
        f"{node.name}: {len(there)} minors are up for the mirrors of {listed(expected)}"
    )
    minors = need(there, NO_MINORS)
    wrong = [
        str(minor)
        for minor in minors
        if minor.connection not in CONNECTED
        or (minor.disk, minor.peer_disk) != ("UpToDate", "UpToDate")
    ]
    assert not wrong, f"{node.name}: {len(wrong)} of {len(minors)}: {'; '.join(wrong)}"


@control("D06", severity="critical", notes="drbd")
def test_no_minor_is_stuck(node: Node, site: Site) -> None:
    """No DRBD minor stands alone, waits for its peer, has no disk, or resyncs for long.

    Why: these states do not end by themselves. A resync is long when the kernel calls it
    stalled, when it is paused, or when its estimate exceeds limits.drbd_resync_min.
    Fix: StandAlone and WFConnection: look at the network between the nodes, then `gnt-instance
    activate-disks INSTANCE`. StandAlone again, "Split-Brain detected" in the kernel's log: both
    copies were written to; where the one is that you give up, `drbdsetup invalidate MINOR` (it
    must be StandAlone: `drbdsetup disconnect`), then activate-disks once more. Diskless:
    `gnt-instance replace-disks INSTANCE`.
    """
    minors = need(node.drbd_minors, NO_MINORS)
    wrong = [str(minor) for minor in minors if _stuck(minor, site.limits.drbd_resync_min * 60)]
    assert not wrong, f"{node.name}: {len(wrong)} of {len(minors)}: {'; '.join(wrong)}"


def _stuck(minor: Minor, limit_s: int) -> bool:
    alone = minor.connection in APART or minor.connection.startswith("Paused")
    diskless = "Diskless" in (minor.disk, minor.peer_disk)
    slow = minor.syncing and (minor.finish_s or 0) > limit_s
    return alone or diskless or slow or minor.stalled


@control("D07", severity="high", notes="drbd")
def test_drbd_mirrors_over_the_replication_address_only(node: Node) -> None:
    """DRBD's connections and sockets are on the node's replication address and on no other.

    Why: DRBD sends the guests' disks unencrypted; on the public address anybody on the way can
    read them, and a listening port there is a way in. Judged are the connections as they are set
    up (`drbdsetup show`) and the sockets as they are (`ss`), and that the peer is a node's.
    Fix: `gnt-node modify --secondary-ip`, then `gnt-instance deactivate-disks` and
    `activate-disks` of the instance whose minor it is; `drbdsetup down` for one of nobody's.
    """
    need(node.drbd_minors, NO_MINORS)
    ends = need(node.drbd_ends, "no minor has a connection (D05 judges that)")
    own, peers = (
        node.secondary_ip,
        {None, *node.ssconf.secondary_ips.values()} - {node.secondary_ip},
    )
    sockets = node.drbd_sockets
    wrong = [str(end) for end in (*ends, *sockets) if end.own != own or end.peer not in peers]
    assert not wrong, f"{node.name}: {listed(wrong)}; expected {own} → another node's secondary"
