"""Instance Creation, NICs, Performance: instances as declared, and running as they are set."""

from gntverify.cluster import Cluster, Node
from gntverify.compare import difference, listed
from gntverify.controls import control, need
from gntverify.guests import (
    boots,
    cards,
    consoles,
    lost_files,
    openings,
    processors,
    shared_macs,
    stands,
    states,
    volumes,
    ways,
)
from gntverify.site import Site

NONE = "the cluster has no instances"
NONE_HERE = "no instance has this node as its primary"
NONE_PLACED = "no instance has this node as its primary or secondary"
NO_KVM = "no instance of KVM has this node as its primary"
NOT_SAID = "without a site file nobody said which instances may have one copy"
NO_MIRROR = "no instance is mirrored, and the site names none that should be"


@control("I01", severity="medium", notes="perf")
def test_vnc_is_off_and_the_serial_console_on(node: Node, cluster: Cluster, site: Site) -> None:
    """Instances have VNC where the site declares it, and elsewhere a serial console instead.

    Why: VNC nobody uses eats CPU all the time (6 % in the notes); with neither, nobody sees why
    a guest does not boot.
    Fix: `gnt-instance modify -H vnc_bind_address=,serial_console=true INSTANCE` and `gnt-instance
    reboot INSTANCE`; or declare vnc_bind_address in the site file (hypervisor_parameters of the
    [[instances]] entry).
    """
    here = need(cluster.primaries(node.name, "kvm"), NO_KVM)
    want, have = consoles(here, node, site)
    assert have == want, f"{node.name}: {difference(want, have)}"


@control("I02", severity="high", notes="perf")
def test_instances_run_in_kvm_on_the_declared_cpu(
    node: Node, cluster: Cluster, site: Site
) -> None:
    """Instances run in KVM on the CPU type declared, and kvm is wrapped only if the site says so.

    Why: the notes' wrapper makes QEMU 7.2 forget KVM: guests are emulated, many times slower,
    and nothing else tells; or they do not start at all.
    Fix: `rm /usr/bin/kvm; dpkg-divert --remove --rename /usr/bin/kvm`, then `gnt-cluster modify
    -H kvm:cpu_type=host`; a wrapper that must stay needs `-H kvm:kvm_flag=enabled`. Then
    `gnt-instance reboot INSTANCE`.
    """
    program, here = node.kvm_program, cluster.primaries(node.name, "kvm")
    wrapped = site.kvm.wrapper if site.described else program.there
    expected = f"the site declares {'a' if wrapped else 'no'} wrapper"
    assert program.there == wrapped, f"{node.name}: {program}, {expected}; {ways(node)}"
    need(here or wrapped, NO_KVM)
    want, have = processors(here, node, site)
    assert have == want, f"{node.name}: {difference(want, have)}; {program}"


@control("I03", severity="medium", notes="instance")
def test_instances_boot_as_declared(node: Node, cluster: Cluster, site: Site) -> None:
    """Instances boot from what is declared, no ISO is left in a drive, and every file is there.

    Why: a CD left over boots again instead of the guest; an instance whose kernel_path (the
    default /boot/vmlinuz-3-kvmU) or ISO is not on a node does not start or fail over to it.
    Fix: `gnt-instance modify -H kernel_path=,boot_order=disk,cdrom_image_path= INSTANCE`, and
    `gnt-instance reboot INSTANCE` where it runs otherwise than it is set.
    """
    need(cluster.placed_on(node.name), NONE_PLACED)
    want, have = boots(cluster.primaries(node.name), node, site)
    assert have == want, f"{node.name}: {difference(want, have)}"
    lost = lost_files(node, cluster)
    assert not lost, f"{node.name}: not there: {listed(lost)}"


@control("I04", severity="critical", notes="backup")
def test_instances_that_should_fail_over_can(cluster: Cluster, site: Site) -> None:
    """Every instance that should survive the loss of a node is mirrored, on nodes in service.

    Why: a mirror on an offline node is none: when the other node fails, the instance is down
    and its last writes are lost.
    Fix: `gnt-instance modify -t drbd -n NODE INSTANCE` (stopped); away from a node that is out
    of service `gnt-instance replace-disks -n NODE INSTANCE`.
    """
    meant = {one.name for one in site.instances if one.redundant}
    single = {one.name for one in site.instances if one.redundant is False}
    mirrored = {name for name, one in cluster.instances.items() if one.mirrored}
    judged = need(meant | (mirrored - single), NO_MIRROR)
    wrong = {name: why for name in judged if (why := stands(name, cluster))}
    assert not wrong, f"{len(wrong)} of {len(judged)} cannot fail over: {listed(wrong)}"


@control("I05", severity="medium", notes="base")
def test_instances_of_one_copy_are_accepted(cluster: Cluster, site: Site) -> None:
    """Every instance whose disks exist once is one that the site has accepted as such.

    Why: the volume group has no RAID (the notes: "a single point of failure"): with one drive
    or node such an instance is gone, which somebody should have wanted.
    Fix: `gnt-instance modify -t drbd -n NODE INSTANCE` (stopped), or accept it in the site file:
    `redundant = false` in its [[instances]] entry.
    """
    need(cluster.instances, NONE)
    have = {name: one.template for name, one in cluster.instances.items() if one.has_one_copy}
    need(site.described or not have, f"{NOT_SAID}; they have: {listed(have)}")
    accepted = {one.name for one in site.instances if one.redundant is False}
    extra = {name: template for name, template in have.items() if name not in accepted}
    assert not extra, f"one copy, and nobody accepted it: {listed(extra)}"


@control("I06", severity="high", notes="nics")
def test_network_cards_are_on_their_bridges(node: Node, cluster: Cluster, site: Site) -> None:
    """Instances have the network cards declared, each a MAC of its own, and taps on those links.

    Why: a tap on another bridge, or on none, is a guest that is up and cannot be reached; two
    cards with one MAC take each other's packets.
    Fix: `gnt-instance modify --net 0:link=xen-br0 INSTANCE` (or mac=generate) and `gnt-instance
    reboot INSTANCE`; for a tap off its bridge `ip link set TAP master BRIDGE`.
    """
    here = need(cluster.primaries(node.name), NONE_HERE)
    want, have = cards(here, node, site)
    assert have == want, f"{node.name}: {difference(want, have)}"
    shared = shared_macs(here, cluster)
    assert not shared, f"{node.name}: MAC given twice: {listed(shared)}"


@control("I07", severity="high", notes="instance")
def test_instances_run_as_they_are_set(node: Node, cluster: Cluster) -> None:
    """Instances run if they should, with their memory and CPUs, on disks of their size.

    Why: an instance that should be up and is not is an outage; one that runs with other values
    than set changes at its next reboot, when nobody expects it.
    Fix: `gnt-instance startup INSTANCE` or `shutdown`; `gnt-instance reboot INSTANCE` for memory
    and CPUs; `gnt-instance info INSTANCE` and `gnt-instance activate-disks` for disks.
    """
    need(cluster.placed_on(node.name), NONE_PLACED)
    want, have = states(cluster.primaries(node.name), cluster.live)
    assert have == want, f"{node.name}: {difference(want, have)}"
    want, have = volumes(node, cluster)
    assert have == want, f"{node.name}: {difference(want, have)}"


@control("X09", severity="critical", notes="security")
def test_no_stranger_sees_a_screen(node: Node, cluster: Cluster) -> None:
    """VNC and SPICE listen on loopback or want a password and TLS; password files are private.

    Why: whoever reaches an open screen sits at the guest's console, before its login, with its
    reset button.
    Fix: `gnt-instance modify -H vnc_bind_address=127.0.0.1 INSTANCE` (spice_bind likewise), or
    vnc_tls=true,vnc_password_file=FILE, then `gnt-instance reboot INSTANCE`; `chmod 600 FILE`.
    """
    need(cluster.placed_on(node.name) or node.processes, NONE_PLACED)
    have = openings(node, cluster)
    assert not have, f"{node.name}: {'; '.join(have)}"
