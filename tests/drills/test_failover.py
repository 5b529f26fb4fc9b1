"""High availability, seen on a guest of the run's own: its silence, its data, its mirror."""

from gntverify.compare import listed
from gntverify.controls import control
from gntverify.drills.failover import (
    come_home,
    copy_tried,
    evacuated,
    failed_over,
    killed,
    migrated,
    over,
    replaced,
    third,
)
from gntverify.drills.mastership import candidate, there_and_back
from gntverify.drills.probeguest import ProbeGuest, Seen
from gntverify.drills.split import cut_off, disconnected, estranged
from gntverify.site import Site


def silent(seen: Seen, site: Site) -> list[str]:
    """What went wrong with a guest that should not have noticed anything."""
    return [*seen.wrong, *over(seen.silence_s, site.drills.downtime_s, "it was silent for")]


@control("F01", severity="critical", notes="ha", impact="disruptive")
def test_a_guest_migrates_live(probe: ProbeGuest, site: Site) -> None:
    """A guest migrates live to its secondary and back, silent no longer than the site allows.

    Why: a node is emptied this way before it is repaired; a guest that stands still for long, or
    does not come over, makes each repair an outage.
    Fix: `gnt-job info` of the migration; the link between the nodes' private addresses, port 8102,
    hypervisor parameters migration_downtime and migration_bandwidth; drills.downtime_s.
    """
    wrong = silent(migrated(probe), site) or silent(migrated(probe), site)
    assert not wrong, listed(wrong)
    left = probe.aftermath()
    assert not left, f"afterwards: {listed(left)}"


@control("F02", severity="critical", notes="ha", impact="disruptive")
def test_a_guest_fails_over(probe: ProbeGuest, site: Site) -> None:
    """A guest fails over to its secondary and back, and serves again in the site's time.

    Why: when migration is not possible this is the way out; it boots the guest from the copy
    that nobody has read since it was made.
    Fix: `gnt-job info` of the failover; memory on the secondary; the guest's console;
    drills.failover_s.
    """
    for _ in ("there", "back"):
        seen = failed_over(probe, site.drills.failover_s)
        wrong = [*seen.wrong, *over(seen.took_s, site.drills.failover_s, "it took")]
        assert not wrong, listed(wrong)
    left = probe.aftermath()
    assert not left, f"afterwards: {listed(left)}"


@control("F03", severity="critical", notes="ha", impact="disruptive")
def test_a_disk_is_replaced_on_its_secondary(probe: ProbeGuest, site: Site) -> None:
    """A guest's copy is made anew on its secondary while it runs, and the guest runs from it.

    Why: this repairs a mirror after a broken disk; a copy that is not whole is noticed when the
    other one is gone.
    Fix: `gnt-job info` of the replacement; free space of the volume group; D05 and D06.
    """
    wrong = silent(replaced(probe), site) or copy_tried(probe)
    assert not wrong, listed(wrong)
    left = probe.aftermath()
    assert not left, f"afterwards: {listed(left)}"


@control("F04", severity="high", notes="ha", impact="disruptive")
def test_a_guest_gets_a_new_secondary(probe: ProbeGuest, site: Site) -> None:
    """A guest's copy moves to a third node and back while it runs, and the guest runs from it.

    Why: when a node is lost for good, its mirrors need another one; until then all its guests
    have one copy.
    Fix: `gnt-job info` of the replacement; free space of the volume group on the third node; the
    network between it and the primary.
    """
    wrong = silent(replaced(probe, third(probe)), site) or copy_tried(probe)
    assert not wrong, listed(wrong)
    come_home(probe)
    left = probe.aftermath()
    assert not left, f"afterwards: {listed(left)}"


@control("F05", severity="critical", notes="ha", impact="disruptive")
def test_a_parted_mirror_is_repaired(probe: ProbeGuest, site: Site) -> None:
    """A parted mirror is whole again after `activate-disks`, and never joins copies that differ.

    Why: a StandAlone mirror is one copy, and stays so until somebody acts; the watcher acts by
    the same command. Where both copies were written to, it must not choose one by itself.
    Fix: /var/log/kern.log on both nodes for DRBD's words; the port between their private
    addresses (D07). Where they differ ("Split-Brain detected"), on the node whose copy is to be
    given up `drbdsetup invalidate MINOR` (it must be StandAlone: `drbdsetup disconnect`), then
    `gnt-instance activate-disks`.
    """
    wrong = silent(disconnected(probe), site) or silent(estranged(probe), site)
    wrong = wrong or copy_tried(probe)
    assert not wrong, listed(wrong)
    left = probe.aftermath()
    assert not left, f"afterwards: {listed(left)}"


@control("F06", severity="critical", notes="ha", impact="disruptive")
def test_a_killed_guest_is_noticed_and_started(probe: ProbeGuest, site: Site) -> None:
    """A guest whose process was killed is known to be down, and starts with all its data.

    Why: a guest that dies unseen stays dead; what it had been told was written must be there.
    Fix: `gnt-instance list -o name,status`; the node's ganeti-noded; disk_cache of the
    hypervisor, if data is missing.
    """
    seen = killed(probe, site.drills.failover_s)
    wrong = [*seen.wrong, *over(seen.took_s, site.drills.failover_s, "it took")]
    assert not wrong, listed(wrong)
    left = probe.aftermath()
    assert not left, f"afterwards: {listed(left)}"


@control("F07", severity="critical", notes="ha", impact="disruptive")
def test_a_mirror_survives_a_minute_without_network(probe: ProbeGuest, site: Site) -> None:
    """A mirror that lost its network for a minute is whole again by itself, and its guest runs on.

    Why: a switch that restarts takes the private network from all mirrors at once; nobody can
    repair them one by one. Only the probe's own mirror is cut off here.
    Fix: /var/log/kern.log on both nodes for DRBD's words; disk parameter net-custom (ping-int,
    timeout, ko-count) of the cluster; D06 for mirrors that are stuck.
    """
    wrong = silent(cut_off(probe), site) or copy_tried(probe)
    assert not wrong, listed(wrong)
    left = probe.aftermath()
    assert not left, f"afterwards: {listed(left)}"


@control("F08", severity="high", notes="ha", impact="disruptive")
def test_a_secondary_is_evacuated(probe: ProbeGuest, site: Site) -> None:
    """A node that has the probe's copy and no other is evacuated by Ganeti's allocator.

    Why: after a node is lost this is one command for all its mirrors, if the allocator finds
    places for them.
    Fix: `hcheck -L` and `hail` on the master name what does not fit; `gnt-job info`. On nodes
    with less than 8 GiB it may be htools' 4096 MiB for the node itself: `gnt-cluster modify
    --default-iallocator-params static-kvm-node-memory=MIB`.
    """
    third(probe)
    wrong = silent(evacuated(probe), site) or copy_tried(probe)
    assert not wrong, listed(wrong)
    come_home(probe)
    left = probe.aftermath()
    assert not left, f"afterwards: {listed(left)}"


@control("F09", severity="critical", notes="ha", impact="disruptive")
def test_the_master_role_moves(probe: ProbeGuest, site: Site) -> None:
    """The master role moves to a candidate and back without a complaint, and guests run on.

    Why: when the master is lost, nothing can be repaired before this works.
    Fix: its own words; /var/log/ganeti on the new master. If "the master IP did not come up":
    RAPI, bound to the cluster address, is started before that address is up; let it by
    `net.ipv4.ip_nonlocal_bind = 1`, or bind it to loopback.
    """
    operator, limit_s = probe.operator, site.drills.failover_s
    away = candidate(operator)
    seen = probe.watched("the master role moves", lambda: there_and_back(operator, away, limit_s))
    wrong = silent(seen, site)
    assert not wrong, listed(wrong)
    left = probe.aftermath()
    assert not left, f"afterwards: {listed(left)}"
