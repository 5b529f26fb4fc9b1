"""The restore ladder: from an export to a guest whose content is what was saved."""

from gntverify.compare import listed
from gntverify.controls import control, need
from gntverify.drills.restore import Ladder


@control("R00", severity="critical", notes="backup", impact="disruptive")
def test_the_export_is_there(ladder: Ladder) -> None:
    """L0: the instance has an export, not too old and where it belongs, and its name resolves.

    Why: what is not there cannot be restored; what is old brings back an old day; a name that
    does not resolve is refused when everybody waits.
    Fix: `gnt-backup export -n NODE INSTANCE`; its name in DNS or the nodes' /etc/hosts;
    backup.rpo_h, drills.source_dir and drills.name_check in the site file.
    """
    with ladder.judged("L0"):
        wrong = ladder.misplaced()
        assert not wrong, f"{ladder.subject.path}: {listed(wrong)}"


@control("R01", severity="critical", notes="backup", impact="disruptive")
def test_the_export_is_whole(ladder: Ladder) -> None:
    """L1: config.ini is this export's, all dumps are there, and none has changed since.

    Why: an import takes what it finds: an export cut short is noticed when it is needed.
    Fix: export again; look why the files were touched, and whether their disk is failing.
    """
    with ladder.judged("L1"):
        wrong = ladder.trouble()
        assert not wrong, f"{ladder.subject.path}: {listed(wrong)}"


@control("R02", severity="critical", notes="backup", impact="disruptive")
def test_the_export_can_be_imported(ladder: Ladder) -> None:
    """L2: it is imported under another name, without a warning, on a link that leads nowhere.

    Why: a job that succeeds with a warning has left half a disk behind; a restored guest on the
    production network fights with the one it is a copy of.
    Fix: the job's log (`gnt-job info`) names what the node said; `df`, `vgs` and the OS
    definition on that node.
    """
    with ladder.judged("L2"):
        reached = ladder.isolated()
        assert not reached, f"the drill's link reaches {listed(reached)}; nothing was started"
        need(ladder.plain, "the cluster has no disks of template plain, as which it is restored")
        job = ladder.imported()
        assert not job.trouble, job.trouble
        strayed = ladder.strayed()
        assert not strayed, f"the restored instance is linked to {listed(strayed)}"
        ladder.content()


@control("R03", severity="critical", notes="backup", impact="disruptive")
def test_the_restored_guest_boots(ladder: Ladder) -> None:
    """L3: the restored guest comes up, by its serial console, in the site's time.

    Why: a disk that was imported is not yet a system that runs.
    Fix: `gnt-instance console` shows how far it comes; drills.guests (ready) in the site file
    says what its console shows when it is up, drills.restore_min how long all may take.
    """
    with ladder.judged("L3"):
        seen = ladder.boots()
        assert seen.found, f"{ladder.subject.instance}: not up; its console says {seen.last!r}"
        assert not ladder.late, ladder.late


@control("R04", severity="critical", notes="backup", impact="disruptive")
def test_the_restored_guest_answers(ladder: Ladder) -> None:
    """L4: the restored guest answers what the site asks of it.

    Why: users need the service, not the login.
    Fix: look at the service in the guest (`gnt-instance console`); drills.guests (probes) in the
    site file says what is asked.
    """
    with ladder.judged("L4"):
        need(ladder.probes, f"the site asks nothing of {ladder.subject.instance}")
        silent = ladder.silent()
        assert not silent, f"{ladder.subject.instance}: {listed(silent)}"
        assert not ladder.late, ladder.late


@control("R05", severity="critical", notes="backup", impact="disruptive")
def test_the_restored_content_is_what_was_saved(ladder: Ladder) -> None:
    """L5: what lay on the restored disk before its guest ran is what was saved.

    Why: a guest may boot without the data it is there for.
    Fix: restore from an older export or from the copies, and find out since when exports lack it.
    """
    with ladder.judged("L5"):
        known = f"nobody says what {ladder.subject.instance} should hold (drills.guests, content)"
        need(ladder.tells_content, known)
        wrong = ladder.content()
        assert not wrong, f"{ladder.subject.instance}: {listed(wrong)}"
