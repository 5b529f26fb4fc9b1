"""The life of one instance, as the notes tell it: what Ganeti says, and what its QEMU shows.

A step is done once, when its control asks for it; a step that went wrong keeps the later ones
from being tried. Until the OS definition is installed, the guest is the boot sector that the CD
wrote: it boots at once, and knows no ACPI, so it is not asked to stop.
"""

import base64
import re
import shlex
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from gntverify.compare import listed
from gntverify.controls import need
from gntverify.drills import console
from gntverify.drills.burnin import guest_trouble, need_os, places
from gntverify.drills.cdimage import Lines, cd_image
from gntverify.drills.pings import SCRATCH
from gntverify.drills.probeguest import DIRECTORY, OS
from gntverify.drills.reap import await_jobs, undo
from gntverify.errors import NOT_TOLD, CommandFailed, DeadlinePassed
from gntverify.ganeti.daemons import read_listeners
from gntverify.ganeti.displays import is_loopback
from gntverify.ganeti.exports import DIRECTORY as EXPORTS
from gntverify.ganeti.qemu import Machine, read_cards, read_machine, read_size_mib
from gntverify.transport.source import Fresh

if TYPE_CHECKING:
    from gntverify.cluster import Node
    from gntverify.drills.ledger import Entry
    from gntverify.drills.operator import Operator
    from gntverify.ganeti.instances import Instance
    from gntverify.site import Site

ADD_S = 300.0
MODIFY_S = 120.0
BOOT_S = 120.0
EXPORT_S = 900.0
NUMBER = 500
"""Of the instance; the one that is imported has the next."""
DISK_MIB, GROWN_MIB, IMPORTED_MIB = 1024, 1152, 1280
SCRIPTS = "OS create scripts"
"""In the words of a job that runs them (LUInstanceCreate)."""
LOOPBACK = "127.0.0.1"
KERNEL = f"kernel_path={DIRECTORY}/vmlinuz,initrd_path={DIRECTORY}/initrd.img,kernel_args=ro quiet"
# $1: directory, $2: the image, pressed, in base 64.
_PUT = """\
umask 077; mkdir -p "$1" || exit
exec python3 -c 'import base64, sys, zlib
with open(sys.argv[1] + "/cd.iso", "wb") as file:
    file.write(zlib.decompress(base64.b64decode(sys.argv[2])))' "$1" "$2"
"""


class Life:
    """One instance of the run's own, from its creation to its copy.

    Attributes:
        name: of the instance.
        copy: of what is imported from its export.
        node: where both are.
        bridge: on which its network cards are.
        lines: what its guest says on the serial console before an OS is installed.
    """

    def __init__(self, operator: "Operator", site: "Site") -> None:
        offered = "plain" in site.cluster.disk_templates
        need(offered, "the cluster has no disks of template plain")
        nodes = places(operator)[:1]
        need_os(operator, nodes)
        self.operator = operator
        self.node: Node = operator.node(nodes[0])
        self.bridge = site.network.private.bridge
        self.name, self.copy = operator.name(NUMBER), operator.name(NUMBER + 1)
        run = operator.run
        self.lines = Lines(f"CD {run}: installed", f"CD {run}: no disk", f"disk {run}: booted")
        self.place = f"{SCRATCH}/{run}-cd"
        self._entries: list[Entry] = []
        self._done: dict[str, list[str]] = {}

    # -- what is there -----------------------------------------------------------------------

    def instance(self, name: str = "") -> "Instance":
        """As it is configured now.

        Raises:
            CommandFailed: it is not there.
        """
        found = self.operator.instances().get(name or self.name)
        if found is None:
            raise CommandFailed(f"The drill's own instance {name or self.name!r} is gone.")
        return found

    def machine(self, name: str = "") -> Machine:
        """As it runs now.

        Raises:
            CommandFailed: it does not.
        """
        found = read_machine(self.node.source, name or self.name)
        if found is None:
            raise CommandFailed(f"{name or self.name!r} does not run on {self.node.short}.")
        return found

    # -- how steps are done ------------------------------------------------------------------

    def _step(
        self, words: str, after: "Callable[[], list[str]] | None", deed: "Callable[[], list[str]]"
    ) -> list[str]:
        """What went wrong with a step, a phrase each; it is done once, after the one before it.

        Raises:
            CommandFailed: the step before went wrong, or could not be told.
        """
        if words not in self._done:
            if after is not None and (before := after()):
                raise CommandFailed(f"It was not tried, since before it: {listed(before)}.")
            with self.operator.step(words):
                self._done[words] = [f"{words!r} broke off"]  # and is not done a second time
                self._done[words] = deed()
        return self._done[words]

    def _job(self, *argv: str, limit_s: float = MODIFY_S) -> list[str]:
        trouble = self.operator.job(*argv, limit_s=limit_s).trouble
        return [trouble] if trouble else []

    def _reboot(self) -> list[str]:
        return self._job("gnt-instance", "reboot", "--shutdown-timeout=0", self.name)

    def _says(self, want: str) -> list[str]:
        """That its guest says something else than that line."""
        pattern = rf"^((?:CD|disk) {self.operator.run}: .*)\n"
        seen = console.watch(self.node, self.name, pattern, BOOT_S)
        said = re.findall(pattern, seen.text, re.MULTILINE)
        return differ("the console", want, said[-1] if said else f"nothing of ours ({seen.last})")

    # -- steps -------------------------------------------------------------------------------

    def added(self) -> list[str]:
        """It is created with two network cards, not installed and not started."""
        return self._step("life: add", None, self._add)

    def _add(self) -> list[str]:
        cards = [w for n in range(2) for w in ("--net", f"{n}:mode=bridged,link={self.bridge}")]
        options = (
            *("-t", "plain", "-s", f"{DISK_MIB}m", "-o", OS, "-n", self.node.name),
            *("--no-start", "--no-install", "-B", "minmem=128M,maxmem=128M,vcpus=1", *cards),
            *("-H", f"kvm:vnc_bind_address={LOOPBACK},kernel_path=,serial_console=true"),
        )
        asked = self.operator.creating(self.name, *options)
        self._entries.append(self.operator.ledger.entries[-1])
        job = self.operator.job("gnt-instance", "add", *asked, limit_s=ADD_S)
        if job.trouble:
            return [job.trouble]
        one, running = self.instance(), read_machine(self.node.source, self.name)
        return [
            *differ("Ganeti's state", "down", one.admin_state),
            *differ("network cards", [self.bridge] * 2, [nic.link for nic in one.nics]),
            *differ("disks in MiB", (DISK_MIB,), one.disks_mib),
            *(["it runs"] if running else []),
            *(["its OS was installed"] if any(SCRIPTS in line for line in job.log) else []),
        ]

    def booted_from_cd(self) -> list[str]:
        """It boots once from the CD, which installs the disk; Ganeti remembers nothing of it."""
        return self._step("life: boot the CD", self.added, self._boot_cd)

    def _boot_cd(self) -> list[str]:
        operator, cd = self.operator, f"{self.place}/cd.iso"
        gone = f"rm -rf {shlex.quote(self.place)}; rmdir {SCRATCH} 2>/dev/null; true"
        words = f"a CD image lies on {self.node.short}"
        self._entries.append(operator.ledger.undo(words, self.node.name, gone))
        pressed = base64.b64encode(zlib.compress(cd_image(self.lines))).decode()
        operator.on(self.node, _PUT, self.place, pressed)
        once = f"boot_order=cdrom,cdrom_image_path={cd}"
        wrong = self._job("gnt-instance", "startup", "-H", once, self.name)
        if wrong:
            return wrong
        one, machine = self.instance(), self.machine()
        return [
            *differ("QEMU boots from", "cdrom", machine.boots),
            *differ("CDs", (cd,), machine.cds),
            *differ("Ganeti's CD", "", one.parameter("cdrom_image_path")),
            *differ("Ganeti's boot_order", "disk", one.parameter("boot_order")),
            *self._says(self.lines.written),
        ]

    def shown_on_loopback(self) -> list[str]:
        """While it is installed, its VNC listens on loopback, and nothing of it elsewhere."""
        return self._step("life: look at VNC", self.booted_from_cd, self._loopback)

    def _loopback(self) -> list[str]:
        machine = self.machine()
        there = list(self._listening(machine))
        open_ = [address for _, address in there if not is_loopback(address)]
        want = sorted(display.port for display in machine.vnc)
        return [
            *differ("Ganeti's VNC", LOOPBACK, self.instance().parameter("vnc_bind_address")),
            *differ("QEMU's VNC", [LOOPBACK], [display.address for display in machine.vnc]),
            *differ("ports that listen", want, sorted({port for port, _ in there})),
            *([f"it listens on {listed(open_)}"] if open_ else []),
        ]

    def _listening(self, machine: Machine) -> Iterator[tuple[int, str]]:
        """Port and address of its process's listeners."""
        for one in read_listeners(Fresh(self.node.source)):
            if machine.pid in one.pids:
                yield one.port, str(one.address)

    def booted_from_disk(self) -> list[str]:
        """VNC is taken off and it is rebooted: from its disk, that the CD has written."""
        return self._step("life: boot the disk", self.booted_from_cd, self._boot_disk)

    def _boot_disk(self) -> list[str]:
        off = ("gnt-instance", "modify", "-H", "vnc_bind_address=", self.name)
        wrong = self._job(*off) or self._reboot()
        if wrong:
            return wrong
        machine = self.machine()
        return [
            *differ("QEMU boots from", "disk", machine.boots),
            *differ("CDs", (), machine.cds),
            *self._says(self.lines.disk),
        ]

    def shown_nowhere(self) -> list[str]:
        """After that it has no VNC, and nothing of it listens."""
        return self._step("life: look for VNC", self.booted_from_disk, self._nowhere)

    def _nowhere(self) -> list[str]:
        machine = self.machine()
        return [
            *differ("Ganeti's VNC", "", self.instance().parameter("vnc_bind_address")),
            *differ("QEMU's VNC", [], [str(display) for display in machine.vnc]),
            *differ("what listens", [], sorted(self._listening(machine))),
        ]

    def resized(self) -> list[str]:
        """It gets other memory and another number of processors, at its next boot."""
        return self._step("life: memory and processors", self.booted_from_disk, self._resize)

    def _resize(self) -> list[str]:
        asked = ("-B", "minmem=160M,maxmem=160M,vcpus=2", self.name)
        wrong = self._job("gnt-instance", "modify", *asked) or self._reboot()
        if wrong:
            return wrong
        one, machine = self.instance(), self.machine()
        return [
            *differ("Ganeti's memory and CPUs", (160, 160, 2), (*one.memory_mib, one.vcpus)),
            *differ("QEMU's memory and CPUs", (160, 2), (machine.memory_mib, machine.cpus)),
            *self._says(self.lines.disk),
        ]

    def connected(self) -> list[str]:
        """It gets a third network card, at its next boot; all are on their bridge."""
        return self._step("life: add a network card", self.booted_from_disk, self._connect)

    def _connect(self) -> list[str]:
        card = ("--net", f"-1:add,mode=bridged,link={self.bridge}", self.name)
        wrong = self._job("gnt-instance", "modify", *card) or self._reboot()
        if wrong:
            return wrong
        nics = self.instance().nics
        taps = read_cards(self.node.source, self.name)
        return [
            *differ("Ganeti's cards", [self.bridge] * 3, [nic.link for nic in nics]),
            *differ("QEMU's cards", [nic.mac for nic in nics], list(self.machine().macs)),
            *differ("bridges of its taps", [self.bridge] * 3, list(taps.values())),
            *self._says(self.lines.disk),
        ]

    def grown(self) -> list[str]:
        """Its disk grows while it runs, and it boots from it."""
        return self._step("life: grow the disk", self.booted_from_disk, self._grow)

    def _grow(self) -> list[str]:
        more = f"{GROWN_MIB - DISK_MIB}m"
        wrong = self._job("gnt-instance", "grow-disk", self.name, "0", more) or self._reboot()
        return wrong or [*self._sized(self.name, GROWN_MIB), *self._says(self.lines.disk)]

    def _sized(self, name: str, want: int) -> list[str]:
        """What has another size: its disk in Ganeti's words, or what its QEMU has open."""
        paths = self.machine(name).disks
        have = [read_size_mib(self.node.source, path) for path in paths]
        return [
            *differ("Ganeti's disks in MiB", (want,), self.instance(name).disks_mib),
            *differ("QEMU's disks in MiB", [want], have),
        ]

    def installed(self) -> list[str]:
        """Its OS definition installs it, on the disk as it has grown, and its kernel boots."""
        return self._step("life: install the OS", self.grown, self._install)

    def _install(self) -> list[str]:
        wrong = (
            self._job("gnt-instance", "shutdown", "--timeout=0", self.name)
            or self._job("gnt-instance", "reinstall", "--force", self.name, limit_s=ADD_S)
            or self._job("gnt-instance", "modify", "-H", KERNEL, "-B", "vcpus=1", self.name)
            or self._job("gnt-instance", "startup", self.name)
        )
        if wrong:
            return wrong
        return [*differ("QEMU boots", "kernel", self.machine().boots), *self._ready(self.name)]

    def _ready(self, name: str) -> list[str]:
        seen = console.watch(self.node, name, r"^(READY \S+ [0-9]+ ok|BROKEN .*)\r?\n", BOOT_S)
        trouble = guest_trouble(name, seen.text)
        return [trouble] if trouble else []

    def imported(self) -> list[str]:
        """It is exported, and imported under another name with a larger disk that boots."""
        return self._step("life: export and import", self.installed, self._import)

    def _import(self) -> list[str]:
        operator, place = self.operator, f"{EXPORTS}/{self.name}"
        gone = f"rm -rf -- {place} {place}.new"
        operator.on(self.node, '[ ! -e "$1" ]', place)  # nobody's, since it bears our run
        words = f"an export lies on {self.node.short}"
        self._entries.append(operator.ledger.undo(words, self.node.name, gone))
        # Stopped by its power button, so it boots nowhere while data is moved: one that runs is
        # started again before its export, and daemons that must answer in 10 s compete with it.
        stop = ("gnt-instance", "shutdown", "--timeout=600", self.name)
        wrong = self._job(*stop, limit_s=EXPORT_S)
        export = ("gnt-backup", "export", "-n", self.node.name, self.name)
        wrong = wrong or self._job(*export, limit_s=EXPORT_S)
        if wrong:
            return wrong
        cards = range(len(self.instance().nics))
        nets = [
            w
            for n in cards
            for w in ("--net", f"{n}:mac=generate,mode=bridged,link={self.bridge}")
        ]
        options = (
            *("-n", self.node.name, "-t", "plain", "--disk", f"0:size={IMPORTED_MIB}m", *nets),
            *(f"--src-node={self.node.name}", f"--src-dir={place}"),
        )
        asked = operator.creating(self.copy, *options)
        self._entries.append(operator.ledger.entries[-1])
        wrong = self._job("gnt-backup", "import", *asked, limit_s=EXPORT_S)
        wrong = wrong or self._job("gnt-instance", "startup", self.copy)
        return wrong or [*self._sized(self.copy, IMPORTED_MIB), *self._ready(self.copy)]

    def end(self) -> None:
        """Remove all of it; what cannot be removed stays in the ledger."""
        with suppress(*NOT_TOLD, DeadlinePassed):
            await_jobs(self.operator)  # one that passed its limit still works on it
            self._undo_entries()

    def _undo_entries(self) -> None:
        while self._entries:
            entry = self._entries.pop()
            with suppress(*NOT_TOLD, DeadlinePassed):  # tried again at the end of the run
                undo(self.operator, entry)


def differ(what: str, want: object, have: object) -> list[str]:
    """That something is not as it should be, or nothing."""
    return [] if have == want else [f"{what}: {have or 'none'}, expected {want or 'none'}"]
