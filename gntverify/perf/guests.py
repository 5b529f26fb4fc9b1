"""What a guest costs and gets: start, migration, resync, export and import, CPU, VNC."""

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from gntverify.compare import listed
from gntverify.controls import need
from gntverify.deadline import scaled
from gntverify.drills.content import ACTIVATE, device_of
from gntverify.drills.failover import MIGRATE_S, migrated
from gntverify.drills.operator import Operator
from gntverify.drills.probeguest import ProbeGuest
from gntverify.drills.reap import await_jobs, undo
from gntverify.errors import CommandFailed, ParseError
from gntverify.facts.hardware import CPU_KEYS, Cpu, parse_cpu
from gntverify.facts.shape import checked, load_json, refuse
from gntverify.ganeti.exports import DIRECTORY
from gntverify.ganeti.kvm import RUN_DIR, read_processes
from gntverify.ganeti.mirrors import read_mirrors
from gntverify.perf.bench import Bench
from gntverify.transport.source import Fresh

if TYPE_CHECKING:
    from gntverify.cluster import Node
    from gntverify.site.perf import Measure

START_S = 300.0
STOP_S = 180.0
RESYNC_S = 900.0
EXPORT_S = 1800.0
IMPORT_S = 1800.0
VNC_S = 20
CARGO_MIB = 256
CARGO_S = 300.0
CONTENT = f"probe guest, {CARGO_MIB} MiB in its disk"
RUN = 'exec python3 -c "$@"'
# From the first look at which data is on its way to the first at which none is any more. The
# kernel counts what is out of sync in KiB.
_RESYNC = """\
import json, re, sys, time
minor, first, end = sys.argv[1], None, time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    with open("/proc/drbd") as file:
        block = re.search(r"^ *%s: cs:(\\w+).*\\n.*" % minor, file.read(), re.M)
    state = block.group(1) if block else ""
    oos = re.search(r"\\boos:(\\d+)", block.group(0)) if block else None
    now = time.monotonic()
    if state.startswith("Sync") and oos and int(oos.group(1)):
        first = first or (now, int(oos.group(1)))
    elif first and state == "Connected":
        print(json.dumps([first[1] / 1024, now - first[0]]))
        sys.exit()
    time.sleep(0.1)
sys.exit("no resync of minor %s came to its end" % minor)
"""
# What the process of that instance sends to the other node: from the first look at it to the last
# at which it had grown, so neither what comes before nor the wait for the end counts. It looks for
# a tenth of the time: on a slow node looking is what slows the migration down.
_MIGRATION = f"""\
import json, os, re, subprocess, sys, time
name, peer, end = sys.argv[1], sys.argv[2], time.monotonic() + float(sys.argv[3])
with open("{RUN_DIR}/pid/" + name) as file:
    pid = int(file.read())
own = re.compile(r"pid=%d,.*bytes_acked:(\\d+)" % pid)
first = last = None
while time.monotonic() < end and os.path.exists("/proc/%d" % pid):
    began = time.monotonic()
    said = subprocess.check_output(["ss", "-OtinpH", "dst", peer], text=True)
    found, now = own.search(said), time.monotonic()
    if found:
        have = (now, int(found.group(1)))
        first = first or have
        last = have if last is None or have[1] > last[1] else last
    elif first:
        break
    time.sleep(min(1.0, 10 * (now - began)))
if first == last:
    sys.exit("nothing was seen on its way from %s to %s" % (name, peer))
print(json.dumps([(last[1] - first[1]) / 2**20, last[0] - first[0]]))
"""
# In a mount namespace of its own, so that a kill leaves nothing.
_LOAD = """\
exec unshare -m sh -c 'mount "$1" /mnt || exit
dd if=/dev/urandom of=/mnt/cargo bs=1M count="$2" conv=fsync status=none; told=$?
umount /mnt && exit $told' sh "$@"
"""
_PAGE = """\
import sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
with opener.open("http://%s/cpu.txt" % sys.argv[1], timeout=10) as reply:
    sys.stdout.write(reply.read(1 << 20).decode("utf-8", "replace"))
"""
# Clock ticks of user and system time; the name in parentheses may hold anything.
_TICKS = f"""\
import os, sys, time
with open("{RUN_DIR}/pid/" + sys.argv[1]) as file:
    pid = int(file.read())
with open("/proc/%d/cmdline" % pid, "rb") as file:
    argv = file.read().split(b"\\0")
if argv[argv.index(b"-name") + 1].split(b",")[0] != sys.argv[1].encode():
    sys.exit("process %d is not that of the instance" % pid)
def ticks():
    with open("/proc/%d/stat" % pid) as file:
        fields = file.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
before, began = ticks(), time.monotonic()
time.sleep(float(sys.argv[2]))
spent = (ticks() - before) / os.sysconf("SC_CLK_TCK")
print(100 * spent / (time.monotonic() - began))
"""
_USEFUL = re.compile(
    r"3dnow\w*|abm|adx|aes|amx_\w+|avx\w*|bmi[12]|clflush\w*|clwb|cx16|erms|f16c|fma4?|fsgsbase|"
    r"fsrm|gfni|lahf_lm|lm|mmx\w*|movbe|movdir\w+|nx|pclmulqdq|pdpe1gb|popcnt|rdpid|rdrand|rdseed|"
    r"rdtscp|sha_ni|sse\w*|ssse3|tbm|vaes|vpclmulqdq|xop|xsave\w*",
    re.ASCII,
)
"""Flags that the programs of a guest use. The others say how a machine is run, and are its own."""


def measure_starts(bench: Bench, guest: ProbeGuest) -> None:
    """From the command to an answer of the guest."""

    def once() -> float:
        bench.operator.must("gnt-instance", "shutdown", guest.name, limit_s=STOP_S)
        with bench.operator.step("start"):
            began = monotonic()
            bench.operator.must("gnt-instance", "startup", guest.name, limit_s=START_S)
            _answered(guest)
            return monotonic() - began

    bench.repeat("start_s", "probe guest", once, bench.slow_repeats)


def _answered(guest: ProbeGuest) -> None:
    """It serves, and its data is whole: else nothing was measured."""
    broken = guest.answer(START_S).broken
    if broken:
        raise CommandFailed(f"The guest {guest.name!r} is broken: {broken}.")


def measure_migrations(bench: Bench, guest: ProbeGuest) -> list[str]:
    """How long live migrations take, how fast, how long the guest is silent; what went wrong.

    Raises:
        CommandFailed: what a migration sent was not seen.
    """
    seen, sent = [], []
    for _ in range(2 * ((bench.slow_repeats + 1) // 2)):  # there and back: it belongs at home
        words = (guest.name, str(guest.secondary.secondary_ip))
        look = watching(guest.operator, guest.primary, _MIGRATION, *words, limit_s=MIGRATE_S)
        with look as told:
            seen.append(migrated(guest))
        if seen[-1].wrong:
            return seen[-1].wrong
        sent.append(told)
    bench.keep("migration_s", "probe guest", [one.took_s for one in seen])
    bench.keep("downtime_s", "probe guest, live migration", [one.silence_s for one in seen])
    rates = [rate(told.result()) for told in sent]
    bench.keep("migration_mib_s", "memory of the probe guest", rates)
    return []


@contextmanager
def watching(
    operator: Operator, node: "Node", script: str, *args: str, limit_s: float
) -> Iterator[Future[str]]:
    """A script of Python looks on a node while the block goes on; yields what it prints.

    Its last argument is how many seconds it may look: ``limit_s``, scaled.
    """
    words = (RUN, script, *args, str(scaled(limit_s)))
    with ThreadPoolExecutor(1) as pool:
        look = partial(operator.on, node, *words, limit_s=limit_s + 30)
        yield pool.submit(copy_context().run, look)


def rate(text: str) -> float:
    """MiB/s of what a node printed: MiB that were on their way, and seconds.

    Raises:
        ParseError: it is no two amounts.
    """
    found = checked(list[float], load_json(text, "python3"), "python3")
    if len(found) != 2 or min(found) <= 0:
        raise refuse("python3", text)
    return found[0] / found[1]


def measure_resyncs(bench: Bench, guest: ProbeGuest) -> None:
    """How fast a new copy of a disk is made on the secondary.

    Raises:
        CommandFailed: the job failed, or its resync was not seen.
    """
    place = f"{guest.primary.short} → {guest.secondary.short}"
    bench.repeat(
        "resync_mib_s", place, lambda: _resynced(bench.operator, guest), bench.slow_repeats
    )


def _resynced(operator: Operator, guest: ProbeGuest) -> float:
    node = guest.primary
    minor = str(read_mirrors(operator.master.source, guest.name)[0].minors[node.name])
    with (
        operator.step("resync"),
        watching(operator, node, _RESYNC, minor, limit_s=RESYNC_S) as seen,
    ):
        operator.must("gnt-instance", "replace-disks", "-s", guest.name, limit_s=RESYNC_S)
        text = seen.result()
    if trouble := guest.mirror_trouble() or guest.data_trouble():
        raise CommandFailed(trouble)
    return rate(text)


def measure_exports(bench: Bench, guest: ProbeGuest) -> list[str]:
    """How long an export of the running guest takes, and its import as another; what went wrong.

    The rates are those of what its disk holds, everything around it counted in: snapshot,
    compression, transport, checks.

    Raises:
        NotApplicable: the cluster has no disks with one copy.
        CommandFailed: its disk could not be loaded.
    """
    offered = "plain" in bench.site.cluster.disk_templates
    need(offered, "the cluster has no disks of template plain, as which it would be imported")
    operator, node = bench.operator, guest.secondary
    _load(operator, guest)
    place = f"{DIRECTORY}/{guest.name}"
    words = f"an export of {guest.name} on {node.short}"
    entry = operator.ledger.undo(words, node.name, f"rm -rf {place} {place}.new")
    times: dict[str, list[float]] = {"export": [], "import": []}
    try:
        for number in range(bench.slow_repeats):
            trouble = _exported(operator, guest, node, times["export"]) or _imported(
                bench, guest, node, number, times["import"]
            )
            if trouble:
                return [trouble]
    finally:
        await_jobs(operator)  # one that passed its limit still writes there
        undo(operator, entry)
    measures: tuple[tuple[Measure, Measure, list[float]], ...] = (
        ("export_s", "export_mib_s", times["export"]),
        ("import_s", "import_mib_s", times["import"]),
    )
    for lasting, speed, values in measures:
        bench.keep(lasting, CONTENT, values)
        bench.keep(speed, CONTENT, [CARGO_MIB / value for value in values])
    return []


def _load(operator: Operator, guest: ProbeGuest) -> None:
    """Put on its disk what no compression makes smaller; for that it is stopped for a while."""
    with operator.step(f"{CARGO_MIB} MiB for its disk"):
        operator.must("gnt-instance", "shutdown", guest.name, limit_s=STOP_S)
        text = operator.on(operator.master, ACTIVATE, guest.name, limit_s=STOP_S)
        operator.on(guest.primary, _LOAD, device_of(text), str(CARGO_MIB), limit_s=CARGO_S)
        operator.must("gnt-instance", "startup", guest.name, limit_s=START_S)
        _answered(guest)


def _exported(operator: Operator, guest: ProbeGuest, node: "Node", times: list[float]) -> str:
    argv = ("gnt-backup", "export", "-n", node.name, "--noshutdown", guest.name)
    with operator.step("export"):
        began = monotonic()
        job = operator.job(*argv, limit_s=EXPORT_S)
        times.append(monotonic() - began)
    return job.trouble


def _imported(
    bench: Bench, guest: ProbeGuest, node: "Node", number: int, times: list[float]
) -> str:
    """Import it with one copy of its disk, not started, and remove it again."""
    operator, name = bench.operator, bench.operator.name(850 + number)
    source = (f"--src-node={node.name}", f"--src-dir={DIRECTORY}/{guest.name}")
    link = bench.site.network.private.bridge
    net = ("--net", f"0:link={link},mode=bridged,mac=generate")
    asked = operator.creating(name, "-n", node.name, "-t", "plain", *source, *net)
    entry = operator.entry_of(name)
    with operator.step("import"):
        began = monotonic()
        job = operator.job("gnt-backup", "import", *asked, limit_s=IMPORT_S)
        times.append(monotonic() - began)
    left = undo(operator, entry) if entry else ""
    return job.trouble or left


def emulated(guest: ProbeGuest) -> list[str]:
    """That the guest's process does not use KVM, or nothing.

    Raises:
        CommandFailed, ParseError: its process is not to be seen.
    """
    process = read_processes(Fresh(guest.primary.source)).get(guest.name)
    if process is None:
        raise CommandFailed(f"{guest.name!r} has no process on {guest.primary.short}.")
    return [] if process.uses_kvm else [f"{guest.name} is emulated, not run by KVM"]


def cpu_of(guest: ProbeGuest) -> Cpu:
    """The processor that the guest sees.

    Raises:
        CommandFailed, ParseError: it does not tell.
    """
    text = guest.operator.on(guest.witness, RUN, _PAGE, str(guest.address))
    kept = [line for line in text.splitlines() if line.partition(":")[0].strip() in CPU_KEYS]
    return parse_cpu("\n".join(dict.fromkeys(kept)))


def lacking(own: Cpu, guest: Cpu) -> list[str]:
    """What of the node's processor the guest does not get, a phrase each."""
    wrong = []
    if own.model != guest.model:
        wrong.append(f"it sees {guest.model!r}, the node has {own.model!r}")
    lost = {flag for flag in own.flags - guest.flags if _USEFUL.fullmatch(flag)}
    return [*wrong, f"it lacks {listed(lost)}"] if lost else wrong


def measure_vnc(bench: Bench, guest: ProbeGuest) -> None:
    """What the idle guest's process takes of a CPU without a VNC console and with one.

    Raises:
        GntverifyError: the guest could not be started that way.
    """
    ways: tuple[tuple[Measure, str], ...] = (
        ("vnc_off_percent", ""),
        ("vnc_on_percent", "127.0.0.1"),
    )
    for measure, address in ways:
        _restarted(bench.operator, guest, address)
        values = [_burnt(bench.operator, guest) for _ in range(bench.repeats)]
        bench.keep(measure, "idle probe guest", values)
    _restarted(bench.operator, guest, "default")


def _restarted(operator: Operator, guest: ProbeGuest, address: str) -> None:
    """Its VNC console bound to that address, none when it is empty."""
    bound = ("-H", f"vnc_bind_address={address}")
    with operator.step(f"VNC on {address or 'nothing'}"):
        operator.must("gnt-instance", "modify", *bound, guest.name, limit_s=STOP_S)
        operator.must("gnt-instance", "shutdown", guest.name, limit_s=STOP_S)
        operator.must("gnt-instance", "startup", guest.name, limit_s=START_S)
        _answered(guest)


def _burnt(operator: Operator, guest: ProbeGuest) -> float:
    text = operator.on(guest.primary, RUN, _TICKS, guest.name, str(VNC_S))
    value = load_json(text, "python3")
    if not isinstance(value, float) or value < 0:
        raise ParseError(f"The CPU time of {guest.name!r} was not told: {text[:200]!r}.")
    return value
