"""Base System Setup and Performance Tuning: what the nodes are made of, and how full they are."""

from gntverify.cluster import Cluster, Node
from gntverify.compare import difference, listed, odd_keys, odd_ones_out
from gntverify.controls import control, need
from gntverify.facts.smart import failing
from gntverify.site import Site

KVM_API = "API 12"  # "Applications should refuse to run" on any other (the kernel's kvm/api.rst)


@control("N07", severity="high", notes="base")
def test_the_volume_group_has_room(node: Node, site: Site) -> None:
    """The cluster's volume group has as much free as the site asks for (a tenth by default).

    Why: each export takes a snapshot as large as the disk, and `replace-disks` a second copy;
    a full group is found out when the failed node's guests need new mirrors.
    Fix: `vgextend GROUP PARTITION`, or move guests away (`gnt-instance move`, `hbal -L`); look
    for left-over volumes with `lvs`.
    """
    need(site.cluster.keeps_disks_in_lvm, "no disk template of the cluster keeps disks in LVM")
    name, want = site.storage.volume_group, site.limits.vg_free_percent
    group = need(node.volume_groups.get(name), f"no volume group {name!r} (N05 judges that)")
    have = group.free_percent
    assert have >= want, (
        f"{node.name}: {name!r} has {have:.1f} % free ({group.free_mib} of {group.size_mib} MiB), "
        f"expected at least {want:g} %"
    )


@control("N08", severity="medium", notes="base")
def test_lvm_keeps_off_the_guests_disks(node: Node, site: Site) -> None:
    """LVM looks for volumes neither in logical volumes nor on DRBD devices.

    Why: the volume groups inside a guest's disk appear on the node; activated there, they block
    the disk, and two writers end it. Ganeti's installation document asks for the filter.
    Fix: in /etc/lvm/lvm.conf, section devices: `global_filter = [ "r|/dev/drbd[0-9]+|" ]`, and
    scan_lvs = 0; `lvmconfig --type full devices` shows what is in force.
    """
    need(site.cluster.keeps_disks_in_lvm, "no disk template of the cluster keeps disks in LVM")
    search = node.lvm_search
    assert not search.inside, f"{node.name}: scan_lvs is on: LVM looks inside guests' disks"
    hidden = [f"{kind}{i}" for kind in site.hidden_from_lvm for i in range(site.drbd.minor_count)]
    have = search.opened(hidden)
    assert not have, f"{node.name}: no filter of LVM rejects {have[0]} and {len(have) - 1} more"


@control("N09", severity="medium", notes="base")
def test_no_drive_says_that_it_fails(node: Node) -> None:
    """No drive of the node says of itself, by SMART, that it is about to fail.

    Why: a drive that announces its end is replaced by day; one that is not asked, at night.
    Fix: `smartctl --all DEVICE`; replace the drive (N02 tells how an array takes the new one).
    Where it cannot be told, `apt-get install smartmontools`.
    """
    drives = need(node.real_drives, "all its drives are virtual: their SMART, if any, is made up")
    have = failing(drives)
    assert not have, f"{node.name}: SMART of {listed(have)} says FAILED, of {len(drives)} drives"


@control("N18", severity="high", notes="base")
def test_all_nodes_have_the_same_processor(cluster: Cluster) -> None:
    """All nodes have the same model of processor, with the same flags.

    Why: a guest that was started with `cpu_type=host` dies when it migrates to a processor that
    lacks something; flags differ by firmware settings and microcode, too.
    Fix: make firmware settings and the package of microcode equal; where processors differ for
    good, `gnt-cluster modify -H kvm:cpu_type=MODEL` with one that all of them can be.
    """
    cpus = {node.short: node.cpu for node in cluster.several()}
    common = frozenset.intersection(*(cpu.flags for cpu in cpus.values()))
    models = odd_ones_out({name: cpu.model for name, cpu in cpus.items()})
    assert not models, f"processors differ: {models}"
    flags = odd_ones_out({name: cpu.flags - common for name, cpu in cpus.items()})
    assert not flags, f"flags that not all nodes have: {flags}"


@control("N19", severity="medium", notes="base")
def test_all_nodes_are_of_one_size(cluster: Cluster, site: Site) -> None:
    """All nodes have the same memory, drives and speed of network cards, and memory enough.

    Why: the smallest node decides what fails over; a card that fell back to 100 Mb/s makes each
    mirrored write of the guests wait.
    Fix: seat, replace or add what the odd node lacks; `dmesg`, `lsmem`, `lsblk`, and `cat
    /sys/class/net/CARD/speed` show what the kernel found.
    """
    least = site.hardware.memory_mib or 0
    small = {node.short: node.memory_mib for node in cluster.nodes if node.memory_mib < least}
    assert not small, f"under {least} MiB of memory: {listed(small)}"
    odd = odd_keys({node.short: node.shape for node in cluster.several()})
    assert not odd, f"nodes differ: {odd}"


@control("N20", severity="high", notes="perf")
def test_kvm_can_be_used(node: Node) -> None:
    """/dev/kvm is there, and KVM answers on it.

    Why: without it guests do not start, or run in software at a tenth of the speed, and the
    node is found out when a failover lands there.
    Fix: switch virtualisation on in the firmware, `modprobe kvm_intel` or `modprobe kvm_amd`;
    `dmesg | grep -i kvm` tells what is in the way.
    """
    need("kvm" in node.ssconf.hypervisors, "kvm is not among the cluster's hypervisors")
    want, have = KVM_API, node.kvm
    assert have == want, f"{node.name}: /dev/kvm says {have!r}, expected {want!r}"


@control("N21", severity="medium", notes="base")
def test_the_newest_kernel_runs(node: Node) -> None:
    """The newest installed kernel runs, and no package asks for a reboot.

    Why: until then its security fixes are not in force; and a reboot that is due comes with the
    next power failure, to all nodes at once and with kernels that nobody has tried.
    Fix: `gnt-node migrate NODE`, then `systemctl reboot` on it, one node after the other.
    """
    want, have = node.newest_kernel, node.running_kernel
    assert have == want, f"{node.name}: of the running kernel, {difference(want, have)}"
    asked_by = node.reboot_asked_by
    assert not asked_by, f"{node.name}: a reboot is asked for by {asked_by}"


@control("N22", severity="high", notes="base")
def test_file_systems_have_room(node: Node, site: Site) -> None:
    """Root, /var and where Ganeti writes have space and inodes free (a tenth by default).

    Why: Ganeti writes each job and each change of its configuration to disk: on a full one no
    job runs, and no change lasts.
    Fix: `du -xh --max-depth=2 / | sort -h`, `df --inodes`; old logs, `apt-get clean`, kernels
    (`apt-get autoremove`), forgotten exports in /var/lib/ganeti/export.
    """
    want = site.limits.space_free_percent
    wrong = sorted(str(space) for space in node.space if space.free_percent < want)
    assert not wrong, f"{node.name}: {'; '.join(wrong)}, expected at least {want:g} %"
