"""Instance Creation, NICs, Performance: one instance lives through the notes, step by step."""

from collections.abc import Iterator

import pytest

from gntverify.compare import listed
from gntverify.controls import control
from gntverify.drills.lifecycle import Life
from gntverify.drills.operator import Operator
from gntverify.site import Site


@pytest.fixture(scope="module")
def life(operator: Operator, site: Site) -> Iterator[Life]:
    """An instance of the run's own with a plain disk, removed at the end of this file."""
    made = Life(operator, site)
    yield made
    made.end()


@control("Y01", severity="high", notes="instance", impact="disruptive")
def test_an_instance_is_added_and_not_installed(life: Life) -> None:
    """An instance is added with two network cards, neither installed nor started.

    Why: this is the first step of an installation from a CD; with scripts run or a guest started
    it would be another.
    Fix: `gnt-job info` of the job; free space of the volume group; the bridge on the node.
    """
    wrong = life.added()
    assert not wrong, listed(wrong)


@control("Y02", severity="high", notes="instance", impact="disruptive")
def test_it_boots_once_from_a_cd(life: Life) -> None:
    """An instance boots once from a CD image, which writes its disk; Ganeti keeps nothing of it.

    Why: an image is installed this way; a CD that Ganeti remembers boots again instead of what
    was installed.
    Fix: kernel_path must be empty; /var/log/ganeti/kvm/INSTANCE.log on its node.
    """
    wrong = life.booted_from_cd()
    assert not wrong, listed(wrong)


@control("Y03", severity="critical", notes="instance", impact="disruptive")
def test_its_screen_is_on_loopback_while_it_is_installed(life: Life) -> None:
    """While an instance is installed its VNC listens on loopback only, by its process and ss.

    Why: who reaches an installer's screen installs what he likes.
    Fix: `gnt-instance modify -H vnc_bind_address=127.0.0.1 INSTANCE`; a wrapper at /usr/bin/kvm.
    """
    wrong = life.shown_on_loopback()
    assert not wrong, listed(wrong)


@control("Y04", severity="high", notes="instance", impact="disruptive")
def test_it_boots_from_what_was_installed(life: Life) -> None:
    """After a reboot the instance boots from its disk what the CD has written there.

    Why: with the CD still in its drive it would be installed again, and again.
    Fix: boot_order and cdrom_image_path of `gnt-instance info INSTANCE`.
    """
    wrong = life.booted_from_disk()
    assert not wrong, listed(wrong)


@control("Y05", severity="medium", notes="perf", impact="disruptive")
def test_its_screen_is_off_afterwards(life: Life) -> None:
    """Once VNC is taken off the instance has no screen, and its process listens nowhere.

    Why: VNC nobody uses eats CPU all the time (6 % in the notes).
    Fix: `gnt-instance modify -H vnc_bind_address= INSTANCE`, then `gnt-instance reboot INSTANCE`.
    """
    wrong = life.shown_nowhere()
    assert not wrong, listed(wrong)


@control("Y06", severity="medium", notes="instance", impact="disruptive")
def test_memory_and_processors_change(life: Life) -> None:
    """Memory and processors are changed, and the instance runs with them after a reboot.

    Why: a machine that runs with other values than are set changes when nobody expects it.
    Fix: `gnt-job info` of the job; free memory of the node.
    """
    wrong = life.resized()
    assert not wrong, listed(wrong)


@control("Y07", severity="medium", notes="nics", impact="disruptive")
def test_a_network_card_is_added(life: Life) -> None:
    """A network card is added, and after a reboot each card has its MAC and its tap its bridge.

    Why: a tap on no bridge is a guest that is up and cannot be reached.
    Fix: `gnt-job info` of the job; /etc/ganeti/kvm-vif-bridge on the node, if there is one.
    """
    wrong = life.connected()
    assert not wrong, listed(wrong)


@control("Y08", severity="high", notes="instance", impact="disruptive")
def test_a_disk_grows(life: Life) -> None:
    """A disk grows under a running instance, which boots from it, in Ganeti and on the node.

    Why: a disk that is full is grown in a hurry; that is no time to find out.
    Fix: `gnt-job info` of the job; free space of the volume group.
    """
    wrong = life.grown()
    assert not wrong, listed(wrong)


@control("Y09", severity="high", notes="instance", impact="disruptive")
def test_an_os_definition_installs_it(life: Life) -> None:
    """The OS definition installs the instance anew, and its guest boots whole.

    Why: instances are deployed by OS definitions; scripts that fail leave an empty disk.
    Fix: /var/log/ganeti/os on the node; `gnt-os diagnose`; kernel_path on the node.
    """
    wrong = life.installed()
    assert not wrong, listed(wrong)


@control("Y10", severity="high", notes="backup", impact="disruptive")
def test_an_export_is_imported_with_a_larger_disk(life: Life) -> None:
    """An export is imported under another name with a larger disk, and its guest boots whole.

    Why: the notes enlarge disks this way; an import that dies is a warning in a job's log.
    Fix: `gnt-job info` of the job; /var/log/ganeti/os on the node; its export directory's room.
    """
    wrong = life.imported()
    assert not wrong, listed(wrong)
