"""Replication and Backup Strategies: exports that are there, young, whole, copied, restorable."""

from gntverify.backups import (
    ages_h,
    beside,
    broken,
    copy_shelf,
    drill_subjects,
    impossible,
    kept,
    uncopied,
    unfit,
    unprotected,
)
from gntverify.cluster import Cluster
from gntverify.compare import listed
from gntverify.controls import control, need
from gntverify.drills.record import unproven
from gntverify.site import Site

NOT_SAID = "no site file says which instances are protected (backup.protected)"
NO_EXPORT = "no protected instance has an export (B01 judges that)"
NO_SUBJECT = "there is no export that a drill would take"
NOTHING_KEPT = "no export lies on any node that was asked"


@control("B01", severity="critical", notes="backup")
def test_protected_instances_have_an_export(cluster: Cluster, site: Site) -> None:
    """Every instance that the site protects has an export, on a node where exports belong.

    Why: replication is not backup (the notes): what a guest deletes is deleted on both nodes.
    Fix: `gnt-backup export -n NODE INSTANCE` on the master (it stops the guest for a snapshot,
    unless --noshutdown); drop from backup.protected what needs none.
    """
    names = need(site.backup.protected, NOT_SAID)
    lost = unprotected(cluster, site)
    where = listed(site.backup.nodes) if site.backup.nodes else "any node"
    assert not lost, f"no export on {where} of {len(lost)} of {len(names)}: {listed(lost)}"


@control("B02", severity="critical", notes="backup")
def test_exports_are_young_enough(cluster: Cluster, site: Site) -> None:
    """The newest export of every protected instance is no older than the site allows.

    Why: a restore brings back the day of the export; all that came later is lost.
    Fix: `gnt-backup export -n NODE INSTANCE`, and look why the job that does it did not run;
    backup.rpo_h in the site file says how many hours may be lost.
    """
    need(site.backup.protected, NOT_SAID)
    ages = need(ages_h(cluster, site), NO_EXPORT)
    old = {name: why for name, age in ages.items() if (why := unfit(age, site))}
    assert not old, f"expected at most {site.backup.rpo_h:g} h: {listed(old)}"


@control("B03", severity="high", notes="backup")
def test_exports_have_a_copy_off_the_cluster(cluster: Cluster, site: Site) -> None:
    """Every protected instance has a whole, young, read-only copy where no export reaches it.

    Why: the next export removes the last one, as root, whatever its mode: on one file system
    with the exports, 0444 protects nothing (and an export to a NAS that all nodes mount there
    deletes its own result).
    Fix: mount the NAS on the master at backup.copy_dir, and nowhere as the export directory;
    `cp -r /var/lib/ganeti/export/INSTANCE DIR` from the node, then `chmod 0444 DIR/INSTANCE/*`.
    """
    need(site.backup.protected, NOT_SAID)
    shelf = copy_shelf(cluster, site)
    place = f"{cluster.master.name}: {site.backup.copy_dir}"
    assert shelf, f"{place} is not there; is its file system mounted?"
    near = beside(shelf, cluster)
    assert not near, f"{place} is on the file system of the exports of {listed(near)}"
    wrong = uncopied(shelf, site)
    assert not wrong, f"{place}: {listed(wrong)}"


@control("B04", severity="critical", notes="backup")
def test_exports_are_complete(cluster: Cluster) -> None:
    """Every export has its config.ini and a dump of each disk, and fits the instance of today.

    Why: an import takes what it finds: an export cut short is noticed when it is needed.
    Fix: `gnt-backup export -n NODE INSTANCE` again; `gnt-backup remove INSTANCE` if it is gone
    for good.
    """
    exports = need(list(kept(cluster)), NOTHING_KEPT)
    wrong = broken(cluster)
    assert not wrong, f"{len(wrong)} of {len(exports)}: {listed(wrong)}"


@control("B05", severity="critical", notes="backup")
def test_exports_were_restored_lately(cluster: Cluster, site: Site) -> None:
    """The last restore drill of every protected instance passed, and is young enough.

    Why: "backups are of no use if you do not test them": an export that was never restored is a
    hope.
    Fix: `pytest -m drill --allow-disruptive -k restore` (docs/drills.md) restores it beside
    the original, and remembers that on the nodes; drills.every_days says how often.
    """
    names = need(site.backup.protected, NOT_SAID)
    wrong = unproven(names, cluster.drills, site.drills.every_days)
    assert not wrong, f"{len(wrong)} of {len(names)}: {listed(wrong)}"


@control("B06", severity="medium", notes="backup")
def test_exports_could_be_restored_elsewhere(cluster: Cluster, site: Site) -> None:
    """Every protected instance's export could be imported on a node other than its own.

    Why: "backups are of no use if you do not test them": a drill, and a lost node, need a node
    with room for the disks and with the OS definition the export names.
    Fix: free room in the volume group of a node named here; install the OS definition there
    (`gnt-os diagnose`); export again from this cluster's Ganeti.
    """
    subjects = need(drill_subjects(cluster, site), NO_SUBJECT)
    wrong = impossible(cluster, site)
    assert not wrong, f"{len(wrong)} of {len(subjects)}: {listed(wrong)}"
