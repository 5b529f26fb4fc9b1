"""Base System Setup: disks, packages, versions, locale, clock and names."""

from gntverify.cluster import Cluster, Node
from gntverify.compare import across_reboot, difference, listed, odd_keys, odd_ones_out
from gntverify.controls import control, need
from gntverify.errors import ParseError
from gntverify.facts.clock import RUNNER, Reading
from gntverify.facts.system import locale_key, zone_key
from gntverify.site import Site


@control("N01", severity="high", notes="base")
def test_root_is_mirrored_and_turns_read_only_on_errors(node: Node, site: Site) -> None:
    """Root lies on the software RAID1 the site names, with its file system and options.

    Why: with one disk dead a node must go on, and with a broken file system it must not write.
    Fix: correct the line of / in /etc/fstab and `mount -o remount /`; a root that is not on
    RAID1 needs a new installation.
    """
    root = site.storage.root
    device = root.device if site.described else node.root.source  # nobody named one
    want = {"device": device, "type": root.fstype, "level": "raid1"}
    have = {
        "device": node.root.source,
        "type": node.root.fstype,
        "level": node.raid_level(node.root.source),
    }
    assert have == want, f"{node.name}: of the root, {difference(want, have)}"
    options = set(root.options)
    now = dict.fromkeys(options & node.root.options, "set")
    at_boot = dict.fromkeys(options & node.fstab_root_options, "set")
    wrong = across_reboot(dict.fromkeys(options, "set"), now, at_boot)
    assert not wrong, f"{node.name}: of the options of /, {wrong}"


@control("N02", severity="critical", notes="base")
def test_every_array_has_all_its_members(node: Node) -> None:
    """Every software RAID array runs with all its members, and none has failed.

    Why: the next dead disk takes the node. An array that resyncs with all members in (after
    its creation, or a monthly check) is not red here.
    Fix: `mdadm --detail DEVICE`; replace the disk, partition it as the other one, then
    `mdadm --manage DEVICE --add PARTITION`.
    """
    arrays = need(node.arrays, "the node has no software RAID (N01 judges whether it should)")
    wrong = [str(array) for array in arrays.values() if not array.whole]
    assert not wrong, f"{node.name}: {'; '.join(wrong)}"


@control("N03", severity="medium", notes="base")
def test_swaps_are_of_one_size_on_different_disks(node: Node, site: Site) -> None:
    """As many swaps as the site has are active, of the expected size, each on a disk of its own.

    Why: half the swap gone is seen only when memory runs out, with the guests paying for it.
    Fix: `mkswap` the partition, name it in /etc/fstab, then `swapon --all`.
    """
    have = {swap.device: swap.size_mib for swap in node.swaps}
    size = site.storage.swap_mib or max(have.values(), default=0)
    want = len(site.storage.swaps)
    assert len(have) == want, (
        f"{node.name}: {len(have)} swaps ({listed(have)} MiB), expected {want}"
    )
    wrong = {device: mib for device, mib in have.items() if mib != size}
    assert not wrong, (
        f"{node.name}: expected {size} MiB each, not {listed(wrong)}; all: {listed(have)}"
    )
    disks = node.disks_below(have)
    assert len(disks) == want, f"{node.name}: {listed(set(have))} share {listed(disks)}"


@control("N04", severity="medium", notes="base")
def test_fstab_says_what_is_mounted(node: Node) -> None:
    """Fstab is without error and names exactly the disks, shares and swaps that are in use.

    Why: what is mounted by hand is missing after the next boot; what fstab names in vain can
    keep the node from booting at all.
    Fix: `findmnt --verify`, correct /etc/fstab, then `mount --all` and `swapon --all`.
    """
    check = node.fstab_check
    assert check.errors == 0, f"{node.name}: {check.errors} errors: {'; '.join(check.complaints)}"
    wanted, mounted = node.lasting_targets
    at_boot = dict.fromkeys(wanted | node.fstab_swaps, "in use")
    now = dict.fromkeys(mounted | {swap.device for swap in node.swaps}, "in use")
    wrong = across_reboot({**now, **at_boot}, now, at_boot)
    assert not wrong, f"{node.name}: by fstab, {wrong}"


@control("N05", severity="critical", notes="base")
def test_the_volume_group_is_there_and_large_enough(node: Node, site: Site) -> None:
    """The cluster's volume group exists and has the size that Ganeti asks for.

    Why: without it, or under 20480 MiB, Ganeti refuses the node and no guest can get a disk.
    Fix: first `pvs -a` and the filters in /etc/lvm/lvm.conf, for a group may only be hidden; on
    a new node `pvcreate` the site's partitions and `vgcreate` the group, or `vgextend` it.
    """
    need(site.cluster.keeps_disks_in_lvm, "no disk template of the cluster keeps disks in LVM")
    name, want = site.storage.volume_group, site.storage.min_size_mib
    have = {group.name: group.size_mib for group in node.volume_groups.values()}
    assert name in have, f"{node.name}: no volume group {name!r}; there are: {listed(set(have))}"
    assert have[name] >= want, f"{node.name}: {name!r} has {have[name]} MiB, expected {want}"


@control("N06", severity="high", notes="base")
def test_the_volume_group_stands_on_the_expected_disks(node: Node, site: Site) -> None:
    """The volume group consists of the site's physical volumes, one a disk, none missing.

    Why: a disk that never joined is room that is not there; a missing one is lost guests.
    Fix: `vgextend GROUP PARTITION` for one that is missing in the group; for a lost disk see
    `vgs -o +vg_missing_pv_count`, then `vgreduce --removemissing` once its guests are moved.
    """
    need(site.described, "no site file says which physical volumes there should be")
    group, want = site.storage.volume_group, frozenset(site.storage.physical_volumes)
    volumes = [volume for volume in node.physical_volumes if volume.group == group]
    have = frozenset(volume.device for volume in volumes if not volume.missing)
    assert have == want, (
        f"{node.name}: {group!r} lacks {listed(want - have)}, has extra {listed(have - want)}"
    )
    disks = node.disks_below(have)
    assert len(disks) == len(have), f"{node.name}: {listed(have)} share {listed(disks)}"


@control("N10", severity="high", notes="setup")
def test_all_required_packages_are_installed(node: Node, site: Site) -> None:
    """Every package the site requires is installed.

    Why: what lacks on one node is missed in the failover that lands there.
    Fix: `apt-get install` the packages named.
    """
    missing = site.packages.required - node.packages.keys()
    assert not missing, f"{node.name}: {len(missing)} missing: {listed(missing)}"


@control("N11", severity="high", notes="base")
def test_all_nodes_run_the_same_versions(cluster: Cluster) -> None:
    """Ganeti, QEMU, DRBD and the kernel have the same version on all nodes.

    Why: guests migrate between equal QEMUs only, and Ganeti's daemons talk to equal ones only.
    Fix: `apt-get install --only-upgrade` on the odd node, and reboot it when the kernel differs.
    """
    have = {node.short: node.versions for node in cluster.several()}
    odd = odd_keys(have)
    assert not odd, f"versions differ: {odd}"


@control("N12", severity="low", notes="base")
def test_the_locale_exists(node: Node, site: Site) -> None:
    """The locale of the site exists (the notes: en_US.UTF-8).

    Why: Ganeti prefers it; its tools print other words, or stop at names, in another one.
    Fix: name it in /etc/locale.gen and run `locale-gen` (or `dpkg-reconfigure locales`).
    """
    want = site.time.locale
    have = node.locales
    assert locale_key(want) in have, f"{node.name}: no locale {want!r}; there are: {listed(have)}"


@control("N13", severity="low", notes="base")
def test_the_time_zone_is_the_sites(node: Node, site: Site) -> None:
    """The time zone is the site's (the notes: UTC).

    Why: logs of several nodes are read side by side, mostly at night.
    Fix: `timedatectl set-timezone UTC` (or `dpkg-reconfigure tzdata`).
    """
    want, have = site.time.timezone, node.clock.timezone
    assert zone_key(have) == zone_key(want), f"{node.name}: zone {have!r}, expected {want!r}"


@control("N14", severity="high", notes="base")
def test_clocks_are_synchronised_and_agree(cluster: Cluster, site: Site) -> None:
    """Every node's clock is synchronised, and no two, nor the runner's, differ by the limit.

    Why: Ganeti refuses work at 150 s of skew, TLS and logs suffer much earlier. When only the
    machine that runs this differs from all nodes, its own clock is the one to look at.
    Fix: `timedatectl set-ntp true`; `chronyc tracking` and `chronyc makestep` where chrony runs.
    """
    lost = sorted(node.short for node in cluster.nodes if not node.clock.synchronised)
    assert not lost, f"not synchronised (NTPSynchronized=no): {listed(lost)}"
    have = {node.short: node.clock_reading for node in cluster.nodes}
    apart = _apart({**have, "this machine": RUNNER}, site.limits.clock_skew_s)
    shown = "; ".join(f"{name} {reading}" for name, reading in have.items())
    assert not apart, f"{apart}; ahead of this machine by: {shown}"


def _apart(have: dict[str, Reading], limit_s: float) -> str:
    """Pairs of clocks that surely differ by the limit.

    Raises:
        ParseError: a clock could not be read as exactly as the limit asks for.
    """
    vague = {
        name: str(reading) for name, reading in have.items() if reading.uncertainty_s > limit_s
    }
    names = sorted(have)
    apart = [
        f"{one} and {other} are {have[one].apart_s(have[other]):.3f} s apart or more"
        for number, one in enumerate(names)
        for other in names[number + 1 :]
        if have[one].apart_s(have[other]) >= limit_s
    ]
    if vague and not apart:
        raise ParseError(f"Clocks were read less exactly than {limit_s} s allows: {vague}.")
    return "; ".join(apart)


@control("N15", severity="critical", notes="base")
def test_the_node_knows_itself_by_name(node: Node) -> None:
    """The node's own name is the FQDN by which Ganeti knows it, and resolves to the node itself.

    Why: Ganeti takes a node's address from its name; 127.0.1.1 in /etc/hosts, Debian's habit,
    makes every node talk to itself.
    Fix: one line `ADDRESS FQDN SHORT` in /etc/hosts with the node's address, none with 127.0.1.1.
    """
    assert node.fqdn == node.name, f"{node.name}: calls itself {node.fqdn!r}"
    have = node.names([node.name])[node.name]
    own = frozenset(a.ip for a in node.addresses if not a.ip.is_loopback)
    assert have, f"{node.name}: its own name does not resolve on it"
    assert have <= own, f"{node.name}: resolves to {listed(have)}, its addresses: {listed(own)}"


@control("N16", severity="high", notes="startup")
def test_the_cluster_name_resolves_to_its_address(cluster: Cluster, site: Site) -> None:
    """On every node the cluster's name resolves to the cluster's address, and to nothing else.

    Why: after a master failover the new master brings up the address it finds by this name.
    Fix: one line `ADDRESS NAME` in /etc/hosts of the node that is named.
    """
    name = need(site.cluster.name, "the site names no cluster")
    want = frozenset({need(site.cluster.address, "the site names no cluster address")})
    have = {node.short: node.names([name])[name] for node in cluster.nodes}
    wrong = odd_ones_out({**have, "expected": want})
    assert not wrong, f"{name}: {wrong}"


@control("N17", severity="high", notes="startup")
def test_every_node_resolves_every_node(cluster: Cluster, site: Site) -> None:
    """Every node resolves every node's name to that node's private address, and nothing else.

    Why: Ganeti uses names in both directions; a stale line in one /etc/hosts breaks only what
    that node does, most likely a failover.
    Fix: the same lines `ADDRESS FQDN SHORT` in /etc/hosts of all nodes.
    """
    nodes = need(site.nodes, "the site names no nodes")
    want = {node.name: frozenset({node.private}) for node in nodes}
    have = {node.short: node.names(sorted(want)) for node in cluster.nodes}
    wrong = [
        f"on {short}: {difference(want, table)}" for short, table in have.items() if table != want
    ]
    assert not wrong, "; ".join(wrong)
