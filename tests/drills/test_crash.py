"""A node that is lost without a word, and found again."""

from gntverify.compare import listed
from gntverify.controls import control
from gntverify.drills.crash import expendable, survived
from gntverify.drills.failover import migrated, over
from gntverify.drills.probeguest import ProbeGuest
from gntverify.site import Site


@control("F10", severity="critical", notes="ha", impact="disruptive")
def test_a_crashed_node_is_survived(probe: ProbeGuest, site: Site) -> None:
    """A node restarts without a word: its guest serves from the other one, and its mirror heals.

    The node is one that has nothing of others; Ganeti restarts it (`gnt-node powercycle`), it is
    marked offline, the guest fails over in the site's time, and the node, which comes up by
    itself, is taken back as what it was.

    Why: this is the night that mirrors are paid for; and a node that does not come up by itself
    is noticed on the day when all of them restart.
    Fix: `gnt-job info` of the failover; the node's console for what it waits for as it boots;
    /var/log/ganeti/node-daemon.log there; drills.failover_s.
    """
    node = expendable(probe)
    if probe.primary != node:
        moved = migrated(probe)
        assert not moved.wrong, listed(moved.wrong)
    seen = survived(probe, site.drills.failover_s)
    wrong = [*seen.wrong, *over(seen.took_s, site.drills.failover_s, "it took")]
    assert not wrong, listed(wrong)
    if probe.primary != probe.home[0]:
        assert not (back := migrated(probe)).wrong, listed(back.wrong)
    left = probe.aftermath()
    assert not left, f"afterwards: {listed(left)}"
