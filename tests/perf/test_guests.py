"""Performance Tuning: what guests get, and what they cost, measured on one of the run's own."""

from gntverify.compare import listed
from gntverify.controls import control, need
from gntverify.drills.probeguest import ProbeGuest
from gntverify.perf.bench import Bench
from gntverify.perf.guests import (
    cpu_of,
    emulated,
    lacking,
    measure_exports,
    measure_migrations,
    measure_resyncs,
    measure_starts,
    measure_vnc,
)


@control("P04", severity="medium", notes="perf", impact="disruptive")
def test_a_mirror_is_made_anew_in_time(bench: Bench, probe: ProbeGuest) -> None:
    """A new copy of a mirrored disk is made at the rate that the site expects.

    Why: until a resync ends there is one copy of the data; at 5 MiB/s, a terabyte is two days.
    Fix: `want` in /proc/drbd is what DRBD allows itself. Its controller is on, with its own
    defaults, also where Ganeti says dynamic-resync=false, and then resync-rate is not obeyed:
    `gnt-cluster modify -D drbd:dynamic-resync=true,c-fill-target=SECTORS,c-max-rate=KIB,
    c-min-rate=KIB`. Below it are the network (P03) and the disks (P02).
    """
    measure_resyncs(bench, probe)
    wrong = bench.too_slow()
    assert not wrong, listed(wrong)


@control("P05", severity="low", notes="perf", impact="disruptive")
def test_a_guest_starts_in_time(bench: Bench, probe: ProbeGuest) -> None:
    """From the command to an answer of the guest it takes no longer than the site expects.

    Why: after a power failure all guests start, one after the other where a node is slow.
    Fix: `gnt-job info` tells which step takes the time; is KVM on (I02)?
    """
    measure_starts(bench, probe)
    wrong = bench.too_slow()
    assert not wrong, listed(wrong)


@control("P06", severity="medium", notes="perf", impact="disruptive")
def test_a_guest_gets_the_nodes_processor(probe: ProbeGuest) -> None:
    """With cpu_type=host, or the notes' wrapper, a guest has the node's processor, under KVM.

    Why: the notes' reason for `-cpu host`: without AES and AVX, encryption and checksums take
    several times the CPU time. Their wrapper makes QEMU 7.2 forget KVM, which costs far more.
    Fix: I02 for the wrapper; `gnt-cluster modify -H kvm:cpu_type=host`, and restart the guests.
    """
    node, kind = probe.primary, probe.instance.parameter("cpu_type")
    asked = kind == "host" or node.kvm_program.there
    need(asked, f"guests have cpu_type={kind or 'nothing'} here, no processor of the node")
    wrong = emulated(probe) or lacking(node.cpu, cpu_of(probe))
    assert not wrong, f"on {node.short}: {listed(wrong)}; {node.kvm_program}"


@control("P07", severity="low", notes="perf", impact="disruptive")
def test_exports_and_imports_take_their_time(bench: Bench, probe: ProbeGuest) -> None:
    """A guest is exported while it runs, and imported, in the time that the site expects.

    Why: the window of the backup and the hours of a restore begin with this.
    Fix: the jobs' logs (`gnt-job info`); disks (P02), network (P03), compression.
    """
    broken = measure_exports(bench, probe)
    assert not broken, listed(broken)
    wrong = bench.too_slow()
    assert not wrong, listed(wrong)


@control("P08", severity="medium", notes="perf", impact="disruptive")
def test_live_migration_is_fast_enough(bench: Bench, probe: ProbeGuest) -> None:
    """Live migrations take no longer than the site expects, and the guest is silent no longer.

    Why: a node is emptied one guest after the other; the silence is what users notice.
    Fix: hypervisor parameters migration_bandwidth and migration_downtime; the network (P03).
    """
    broken = measure_migrations(bench, probe)
    assert not broken, listed(broken)
    wrong = bench.too_slow()
    assert not wrong, listed(wrong)


@control("P09", severity="low", notes="perf", impact="disruptive")
def test_an_idle_guest_costs_little(bench: Bench, probe: ProbeGuest) -> None:
    """An idle guest takes no more of a CPU than the site expects, with a VNC console and without.

    Why: the notes saw 6 % a guest for VNC (its USB tablet wakes the guest): with sixteen guests a
    core is gone.
    Fix: `gnt-instance modify -H vnc_bind_address=,serial_console=true`, and restart the guest.
    """
    measure_vnc(bench, probe)
    wrong = bench.too_slow()
    assert not wrong, listed(wrong)
