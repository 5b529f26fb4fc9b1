"""The restore ladder: an export, climbed level by level until its content stands in a guest.

L0 it is there · L1 it is whole · L2 it is imported, on a link that leads nowhere · L3 its guest
boots · L4 the guest answers · L5 its content is what was saved. The content is read before the
guest runs, since a guest writes. Nothing of the original is touched: the export is mounted
read-only under the drill's name, and imported from there.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, TypeVar

from gntverify.backups import READ_ONLY, unfit
from gntverify.controls import NotApplicable, need
from gntverify.deadline import scaled
from gntverify.drills import answers, console, content, link
from gntverify.drills.exports import (
    Subject,
    claimed,
    damaged,
    digests,
    mismatch,
    read_config,
    torn,
)
from gntverify.drills.ledger import Entry
from gntverify.drills.operator import Operator
from gntverify.drills.reap import undo
from gntverify.drills.record import LEVELS, OVER, Record, keep
from gntverify.errors import CommandFailed, GntverifyError
from gntverify.facts.system import read_names
from gntverify.ganeti.exports import DIRECTORY
from gntverify.ganeti.nodes import read_nodes
from gntverify.site.drills import Guest, Probe
from gntverify.transport.source import Fresh

if TYPE_CHECKING:
    from gntverify.cluster import Node
    from gntverify.ganeti.jobs import Job
    from gntverify.site import Site

T = TypeVar("T")
OWN_OS = "gntverify-probe"
IMPORT_S = 3600.0
"""For an import at least; a site that allows more to a restore gives it that."""
BOOT_S = 180.0
ALONE = (
    "vnc_bind_address=,kvm_extra=,boot_order=disk,cdrom_image_path=,cdrom2_image_path=,"
    "floppy_image_path=,serial_console=true"
)
"""Of a KVM guest, whatever the export says: no screen on the node's network, no device past the
drill's link, its own disk and no other medium; and a console that can be read."""
_MOUNT = f"""\
set -e
mkdir -p {DIRECTORY}/"$2"
mount --bind "$1" {DIRECTORY}/"$2"
mount -o remount,bind,ro {DIRECTORY}/"$2"
"""


@dataclass
class Ladder:
    """One climb.

    Attributes:
        operator: who works.
        site: what it may know of the guest.
        subject: the export.
        last: the record of the last climb of the same export, if there was one.
        levels: outcome by level, as far as it came; the caller judges and says so.
        took: phase to seconds.
    """

    operator: Operator
    site: "Site"
    subject: Subject
    last: Record | None = None
    levels: dict[str, str] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    _entries: list[Entry] = field(default_factory=list)
    _known: dict[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The drill's name of the instance."""
        return self.operator.name(1)

    @property
    def guest(self) -> Guest:
        """What the site says of the guest."""
        return self.site.drills.guest(self.subject.instance)

    @property
    def own_guest(self) -> bool:
        """Whether it is a probe guest, of which more is known."""
        return self.subject.export.value("os").partition("+")[0] == OWN_OS

    @property
    def node(self) -> "Node":
        """Where it is restored."""
        if named := self.site.drills.node:
            return self.operator.node(named)
        return self._once("node", self._place)

    def _place(self) -> "Node":
        """Where the export lies, or the first node that takes instances if that one does not."""
        states = read_nodes(Fresh(self.operator.master.source))
        nodes = (self.subject.node, *self.operator.cluster.nodes)
        able = [node for node in nodes if states[node.name].takes_instances]
        return able[0] if able else self.subject.node

    @contextmanager
    def judged(self, level: str) -> Iterator[None]:
        """The test of a level; a level above one that did not hold is not tried.

        Raises:
            CommandFailed: a lower level did not hold, or was not judged.
        """
        below = LEVELS[: LEVELS.index(level)]
        low = next((name for name in below if self.levels.get(name) not in OVER), None)
        if low:
            raise CommandFailed(f"{level} was not tried, since {low} did not hold.")
        self.levels[level] = "unknown"
        try:
            if self.levels.get("L2") == "not-applicable":
                raise NotApplicable("it cannot be imported here, and so not tried")
            yield
        except AssertionError:
            self.levels[level] = "fail"
            raise
        except NotApplicable:
            self.levels[level] = "not-applicable"
            raise
        self.levels[level] = "pass"

    @property
    def ended(self) -> bool:
        """Whether the climb came to its end: to the last level, or to one that did not hold."""
        return len(self.levels) == len(LEVELS) or not set(self.levels.values()) <= set(OVER)

    @contextmanager
    def phase(self, words: str) -> Iterator[None]:
        """A phase: told, and timed."""
        began = time.monotonic()
        with self.operator.step(f"{self.subject.instance}: {words}"):
            yield
        self.took[words] = round(time.monotonic() - began, 1)

    def _once(self, key: str, make: Callable[[], T]) -> T:
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]  # type: ignore[return-value] # of the same key

    @property
    def config(self) -> Mapping[str, str]:
        """What config.ini says; empty when it cannot be read."""
        return self._once("config", lambda: read_config(self.subject))[0]

    def trouble(self) -> list[str]:
        """L1: what is wrong with the export, each a phrase."""
        with self.phase("check"):
            config, unreadable = self._once("config", lambda: read_config(self.subject))
            said = unreadable or mismatch(config, self.subject) or self.subject.export.trouble
            if said:
                return [f"config.ini: {said}"]
            self.digests = digests(self.subject)
            same = self.last if self._same_export else None
            wrong = damaged(self.digests, claimed(self.subject), same.digests if same else {})
            return wrong or torn(self.subject)

    def misplaced(self) -> list[str]:
        """L0: why this is no export that the site accepts, each a phrase."""
        export, backup = self.subject.export, self.site.backup
        if not export.files:
            return ["no export"]
        age = unfit(float("inf") if export.age_s is None else export.age_s / 3600, self.site)
        wanted = backup.nodes or [self.subject.node.name]
        elsewhere = self.subject.of_cluster and self.subject.node.name not in wanted
        if export.age_s is not None:
            self.operator.note(f"{self.subject.instance}: age of the export", export.age_s)
        modes = {name: file.mode for name, file in export.files.items() if file.mode != READ_ONLY}
        return [
            *([age] if age else []),
            *([f"it is on {self.subject.node.short}"] if elsewhere else []),
            *self._unresolved(),
            *(f"{name} is {mode}" for name, mode in modes.items() if not self.subject.of_cluster),
        ]

    def _unresolved(self) -> list[str]:
        name, master = self.subject.instance, self.operator.master
        if not self.site.drills.name_check or read_names(Fresh(master.source), [name])[name]:
            return []
        return [f"{name} does not resolve on {master.short}, so `gnt-backup import` refuses it"]

    @property
    def plain(self) -> bool:
        """Whether the cluster has disks with one copy, as which everything is restored."""
        return "plain" in self.site.cluster.disk_templates

    @property
    def rto_min(self) -> float:
        """Minutes from the import to an answer."""
        return sum(self.took.get(phase, 0.0) for phase in ("import", "boot", "answer")) / 60

    @property
    def late(self) -> str:
        """That it took longer than the site allows; empty when it did not."""
        took, allowed = self.rto_min, scaled(self.site.drills.restore_min)
        late = f"restored in {took:.1f} min, expected at most {allowed:g}"
        return f"{self.subject.instance}: {late}" if took > allowed else ""

    @property
    def exported(self) -> int:
        """When the export was made, Unix time; 0 when it does not say."""
        stamp = self.subject.export.value("timestamp")
        return int(stamp) if stamp.isdigit() else 0

    @property
    def _same_export(self) -> bool:
        return self.last is not None and self.last.exported == self.exported != 0

    def isolated(self) -> list[str]:
        """L2: production addresses that a guest of this drill could reach; none is as it must be.

        The bridge is made, and tried from; nothing else is on it yet.
        """
        with self.phase("isolate"):
            made = link.make_link(self.operator, self.node)
            self._entries.append(made.entry)
            self._known["link"] = made
            targets = link.production(self.operator.cluster, self.site)
            return link.reached(self.operator, made, targets)

    @property
    def link(self) -> link.Link:
        """The link of the guest.

        Raises:
            CommandFailed: there is none yet.
        """
        made = self._known.get("link")
        if not isinstance(made, link.Link):
            raise CommandFailed("The link of the drill was not made.")
        return made

    def imported(self) -> "Job":
        """L2: import the export under the drill's name; the job that did it."""
        with self.phase("import"):
            self._present()
            nics = range(int(self.config["nic_count"]))
            nets = [
                word
                for nic in nics
                for word in ("--net", f"{nic}:link={self.link.name},mode=bridged,mac=generate")
            ]
            place = f"{DIRECTORY}/{self.name}"
            source = (f"--src-node={self.subject.node.name}", f"--src-dir={place}")
            options = ("-n", self.node.name, "-t", "plain", *source, *nets, *self._alone())
            created = self.operator.creating(self.name, *options, *self._own_address())
            self._entries.append(self.operator.ledger.entries[-1])
            limit_s = max(IMPORT_S, 60 * self.site.drills.restore_min)
            return self.operator.job("gnt-backup", "import", *created, limit_s=limit_s)

    def _alone(self) -> tuple[str, ...]:
        """Its screen and its media are nobody else's."""
        if self.config.get("hypervisor") != "kvm":
            return ()
        spice = ",spice_bind=127.0.0.1" if self.config.get("spice_bind") else ""
        return ("-H", f"kvm:{ALONE}{spice}")

    def _own_address(self) -> tuple[str, ...]:
        """A probe guest takes no address of its original by itself; here nobody else has it."""
        return ("-O", f"address={self.address}/24") if self.own_guest and self.address else ()

    def _present(self) -> None:
        """Show the export under the drill's name where Ganeti reads exports, read-only."""
        place = f"{DIRECTORY}/{self.name}"
        entry = self.operator.ledger.undo(
            f"{place} on {self.subject.node.short}",
            self.subject.node.name,
            f"! mountpoint -q {place} || umount {place}; [ ! -e {place} ] || rmdir {place}",
        )
        self._entries.append(entry)
        self.operator.on(self.subject.node, _MOUNT, str(self.subject.path), self.name)

    def strayed(self) -> list[str]:
        """L2: NICs of the imported instance on another link, or with a MAC of the original."""
        nics = self.operator.instances()[self.name].nics
        taken = {value.lower() for key, value in self.config.items() if key.endswith("_mac")}
        return [str(nic) for nic in nics if nic.link != self.link.name or nic.mac in taken]

    def content(self) -> list[str]:
        """L5: what of the content is not as it was saved; it was read before the guest ran.

        Raises:
            GntverifyError: it could not be read.
        """
        found = self._once("content", self._tried_content)
        if isinstance(found, GntverifyError):
            raise found
        return found

    def _tried_content(self) -> list[str] | GntverifyError:
        try:
            return self._read_content() if self.tells_content else []
        except GntverifyError as err:
            return err

    @property
    def tells_content(self) -> bool:
        """Whether anybody knows what the content should be."""
        return self.own_guest or bool(self.guest.content)

    def _read_content(self) -> list[str]:
        with self.phase("read the disk"):
            text = self.operator.on(self.operator.master, content.ACTIVATE, self.name, limit_s=120)
            device = content.device_of(text)
            found = (
                content.canary(self.node, device)
                if self.own_guest
                else content.differing(self.node, device, self.guest)
            )
            self.operator.must("gnt-instance", "deactivate-disks", self.name, limit_s=120)
            return found

    def boots(self) -> console.Seen:
        """L3: start the guest and watch its console.

        Raises:
            NotApplicable: it is none of KVM's.
        """
        kind = self.config.get("hypervisor")
        need(kind == "kvm", f"it is a guest of {kind}, and only KVM's consoles can be watched")
        self._once("content", self._tried_content)
        pattern = self.guest.ready or console.READY
        with self.phase("boot"):
            job = self.operator.job("gnt-instance", "start", self.name, limit_s=BOOT_S)
            if job.trouble:
                return console.Seen(False, job.trouble)
            return console.watch(self.node, self.name, pattern, BOOT_S)

    @property
    def probes(self) -> list[Probe]:
        """What the guest is asked: by the site, or what every probe guest answers."""
        if self.guest.probes or not self.own_guest:
            return list(self.guest.probes)
        return [
            Probe(kind="ping"),
            Probe(kind="http", path="/hostname.txt", want=re.escape(self.name.split(".", 1)[0])),
        ]

    @property
    def address(self) -> IPv4Address | None:
        """Where the guest answers, if anybody knows."""
        if self.guest.address:
            return self.guest.address
        with suppress(ValueError):
            return IPv4Address(self.config.get("nic0_ip", ""))
        return None

    def silent(self) -> list[str]:
        """L4: probes that were not answered as they should be, each with what came instead."""
        with self.phase("answer"):
            asked = (self.operator, self.link, self.name, self.subject.instance, self.address)
            silent = answers.Guest(*asked).silent(self.probes)
        words = f"{self.subject.instance}: import, boot and answer"
        self.operator.note(words, 60 * self.rto_min)
        return silent

    @property
    def record(self) -> Record:
        """What is remembered of the climb."""
        return Record(
            self.subject.instance,
            round(time.time(), 1),
            self.exported,
            self.levels,
            self.took,
            self.digests,
        )

    def end(self) -> None:
        """Write the record, and remove what was restored; what cannot be is left to the reaper.

        A climb of some levels only (``-k``) proves nothing, and leaves no record.
        """
        if self.ended and self.levels.get("L2") != "not-applicable":
            keep(self.operator.cluster.nodes, self.record)
        with self.operator.step(f"{self.subject.instance}: remove what was restored"):
            for entry in reversed(self._entries):
                undo(self.operator, entry)
