"""The probe guest of a run: a mirrored instance of our own, to which everything may happen."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import permutations
from time import monotonic
from typing import TYPE_CHECKING

from gntverify.compare import listed
from gntverify.controls import NotApplicable, need
from gntverify.deadline import wait_for
from gntverify.drills.operator import Operator
from gntverify.drills.pings import pinged
from gntverify.drills.pulse import Pulse, lost, read_data, read_pulse
from gntverify.drills.reap import undo
from gntverify.errors import (
    NOT_TOLD,
    CommandFailed,
    DeadlinePassed,
    GntverifyError,
    SiteError,
)
from gntverify.facts.arp import read_answers
from gntverify.facts.drbd import Minor, read_proc
from gntverify.ganeti.mirrors import read_mirrors
from gntverify.ganeti.nodes import read_groups, read_nodes
from gntverify.ganeti.verify import read_report
from gntverify.transport.source import Fresh

if TYPE_CHECKING:
    from gntverify.cluster import Node
    from gntverify.drills.ledger import Entry
    from gntverify.ganeti.instances import Instance
    from gntverify.site import Site

OS = "gntverify-probe+default"
DIRECTORY = "/var/lib/gntverify-probe"
KVM = f"kernel_path={DIRECTORY}/vmlinuz,initrd_path={DIRECTORY}/initrd.img,serial_console=true"
CREATE_S = 600.0
ANSWER_S = 60.0
SYNC_S = 600.0
WHOLE = ("Connected", "VerifyS", "VerifyT")

Findings = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Seen:
    """What something that was done did to the guest.

    Attributes:
        wrong: what was not as it should be, a phrase each: the job's trouble, data that was
            lost, a guest that did not answer again.
        silence_s: the longest time that it did not answer an echo.
        took_s: from the command to an answer of the guest.
    """

    wrong: list[str]
    silence_s: float
    took_s: float


@dataclass
class ProbeGuest:
    """A running instance with a heartbeat on a mirrored disk.

    Attributes:
        name: of the instance, and of its guest.
        address: of the guest, on the private network.
        home: primary and secondary node, where it was made and belongs.
        witness: the node from which it is asked; neither of them, where there is a third.
        before: what `gnt-cluster verify` found while all was well: code and name.
        heard: the guest's latest answer.
    """

    operator: Operator
    name: str
    address: IPv4Address
    home: tuple["Node", "Node"]
    witness: "Node"
    before: Findings = frozenset()
    heard: Pulse | None = None

    @property
    def instance(self) -> "Instance":
        """As it is configured now.

        Raises:
            CommandFailed: it is gone.
        """
        found = self.operator.instances().get(self.name)
        if found is None:
            raise CommandFailed(f"The drill's own instance {self.name!r} is gone.")
        return found

    @property
    def primary(self) -> "Node":
        """The node it is meant to run on now."""
        return self.operator.node(self.instance.primary)

    @property
    def secondary(self) -> "Node":
        """The node that has the other copy of its disk now."""
        (name,) = self.instance.secondaries
        return self.operator.node(name)

    def answer(self, limit_s: float = ANSWER_S) -> Pulse:
        """What the guest says, once it says anything.

        Raises:
            DeadlinePassed: it was silent all the time.
        """
        what = f"An answer of the guest {self.name!r} at {self.address}"
        return wait_for(what, self.pulse, limit_s)

    def pulse(self) -> tuple[Pulse | None, str]:
        """What the guest says now, or None; and in words what was seen."""
        found, said = read_pulse(self.witness.source, self.address)
        self.heard = found or self.heard
        return found, said

    def data_trouble(self) -> str:
        """What is wrong with its data, which it reads from its disk now; empty when nothing is."""
        return read_data(self.witness.source, self.address)

    def watched(self, words: str, deed: Callable[[], str], limit_s: float = ANSWER_S) -> Seen:
        """Do something to the guest and see how it takes that; at last it reads all its data.

        Args:
            words: what is done, for people.
            deed: does it, and returns why it went wrong, or nothing; what the guest answers
                meanwhile (:meth:`pulse`) must not be lost either.
            limit_s: until the guest answers again; unscaled.

        Raises:
            DeadlinePassed: the guest did not answer before anything was done.
        """
        before = self.answer()
        with (
            self.operator.step(words),
            pinged(self.operator, self.witness, self.address) as pinger,
        ):
            began = monotonic()
            trouble = deed()
            wrong = [f"{words}: {trouble}"] if trouble else []
            try:
                last = self.heard or before
                wrong += lost(before, last) or lost(last, self.answer(limit_s))
            except DeadlinePassed as err:
                wrong.append(str(err))
            took_s = monotonic() - began
        if not wrong and (trouble := self.data_trouble()):
            wrong.append(trouble)
        self.operator.note(f"{words}, silence of the guest", pinger.silence_s)
        return Seen(wrong, pinger.silence_s, took_s)

    def job(self, *argv: str, limit_s: float) -> str:
        """Trouble of a job, which not to end in time is too."""
        try:
            return self.operator.job(*argv, limit_s=limit_s).trouble
        except DeadlinePassed as err:
            return str(err)

    def minors(self) -> dict[str, Minor | None]:
        """Node and minor, in words, to what that node says of it; None: it is not configured."""
        found: dict[str, Minor | None] = {}
        for mirror in read_mirrors(self.operator.master.source, self.name):
            for node, number in mirror.minors.items():
                proc = read_proc(Fresh(self.operator.node(node).source))
                states = {minor.number: minor for minor in (proc.minors if proc else ())}
                found[f"{node} minor {number}"] = states.get(number)
        return found

    def apart(self) -> list[str]:
        """What is not whole of its mirror, a phrase each node; none when all is."""
        return [
            f"{place.split()[0]}: {minor or 'there is no ' + place.split(' ', 1)[1]}"
            for place, minor in self.minors().items()
            if minor is None
            or minor.connection not in WHOLE
            or (minor.disk, minor.peer_disk) != ("UpToDate", "UpToDate")
        ]

    def mirror_trouble(self, limit_s: float = SYNC_S) -> str:
        """Why its mirror did not become whole in time; empty when it is."""

        def probe() -> tuple[bool | None, str]:
            wrong = self.apart()
            return (None if wrong else True), listed(wrong)

        try:
            wait_for(f"The mirror of {self.name!r}", probe, limit_s, every_s=1.0)
        except DeadlinePassed as err:
            return str(err)
        return ""

    def findings(self) -> Findings:
        """What `gnt-cluster verify` finds now: code and name.

        Raises:
            CommandFailed: it did not look at everything.
        """
        report = read_report(Fresh(self.operator.master.source))
        report.complete()
        return frozenset((found.code, found.name) for found in report.findings)

    def aftermath(self) -> list[str]:
        """What a drill has left behind that was not so before, a phrase each."""
        wrong = [trouble] if (trouble := self.mirror_trouble()) else []
        found = self.instance
        have = (found.primary, *found.secondaries)
        want = tuple(node.name for node in self.home)
        if have != want:
            wrong.append(f"{self.name} is on {' and '.join(have)}, not {' and '.join(want)}")
        new = sorted(self.findings() - self.before)
        return wrong + [f"`gnt-cluster verify` finds {code} ({name})" for code, name in new]

    @property
    def is_sound(self) -> bool:
        """Whether it answers, whole, from where it belongs; else the next drill needs another."""
        try:
            pulse = self.answer()
            placed = (self.primary, self.secondary) == self.home
            return placed and not pulse.broken and not self.apart()
        except (*NOT_TOLD, DeadlinePassed, ValueError):
            return False


class Guests:
    """The probe guest of a run: the one there is, or a new one when a drill has spoilt it."""

    def __init__(self, operator: Operator, site: "Site") -> None:
        self.operator = operator
        self.site = site
        self._guest: ProbeGuest | None = None
        self._entry: Entry | None = None
        self._number = 0
        self._failed: GntverifyError | None = None

    def sound(self) -> ProbeGuest:
        """A guest that answers, its mirror whole.

        Raises:
            NotApplicable: the cluster cannot have mirrored instances.
            GntverifyError: none could be made.
        """
        if self._failed is not None:
            raise self._failed
        if self._guest is not None and self._guest.is_sound:
            return self._guest
        self.end()
        try:
            self._guest = self._made()
        except GntverifyError as err:
            self._failed = err  # what fails once fails for each drill, and takes its time
            raise
        return self._guest

    def _made(self) -> ProbeGuest:
        operator = self.operator
        primary, secondary, witness = places(operator)
        address = free_address(operator, self.site, primary)
        self._number += 1
        name = operator.name(800 + self._number)
        link = self.site.network.private.bridge
        options = (
            *("-t", "drbd", "-s", "1g", "-o", OS, "-n", f"{primary.name}:{secondary.name}"),
            *("-H", f"kvm:{KVM}", "-B", "minmem=128M,maxmem=128M,vcpus=1"),
            *("--net", f"0:ip={address},mode=bridged,link={link}"),
        )
        with operator.step(f"a probe guest on {primary.short} and {secondary.short}"):
            asked = operator.creating(name, *options)
            self._entry = operator.entry_of(name)
            operator.must("gnt-instance", "add", *asked, limit_s=CREATE_S)
            made = ProbeGuest(operator, name, address, (primary, secondary), witness)
            _refuse_stranger(made, made.answer())
        trouble = made.mirror_trouble()
        if trouble:
            raise CommandFailed(trouble)
        made.before = made.findings()
        return made

    def end(self) -> None:
        """Remove it; what cannot be removed stays in the ledger, and is tried at the end again."""
        if self._entry is not None:
            undo(self.operator, self._entry)
        self._guest = self._entry = None


def _refuse_stranger(guest: ProbeGuest, pulse: Pulse) -> None:
    if pulse.name.split(".")[0] != guest.name.split(".")[0]:
        raise CommandFailed(
            f"{guest.address} is answered by {pulse.name!r}, not by {guest.name!r}; is it free? "
            "See drills.addresses."
        )
    if pulse.broken:
        raise CommandFailed(f"The new guest {guest.name!r} is broken: {pulse.broken}.")


def places(operator: Operator) -> tuple["Node", "Node", "Node"]:
    """Nodes for a probe guest: primary, secondary, and the one from which it is asked.

    The secondary is the one that has the fewest mirrors of others, since what is done to it (an
    evacuation) must be done to the probe alone. The master is taken last: a guest takes time from
    Ganeti's own daemons.

    Raises:
        NotApplicable: there are no two nodes of one group that take instances, or no KVM.
    """
    need_kvm(operator)
    groups = read_groups(Fresh(operator.master.source))
    states = read_nodes(Fresh(operator.master.source))
    mirrors = Counter(s for one in operator.instances().values() for s in one.secondaries)
    able = [node for node in operator.cluster.nodes if states[node.name].takes_instances]
    pairs = [p for p in permutations(able, 2) if groups[p[0].name] == groups[p[1].name]]
    if not pairs:
        raise NotApplicable("a mirrored guest needs two nodes of one group that take instances")

    def burden(pair: tuple["Node", "Node"]) -> tuple[int, bool, bool]:
        primary, secondary = (node == operator.master for node in pair)
        return mirrors[pair[1].name], primary, secondary

    primary, secondary = min(pairs, key=burden)
    peers = [node for node in able if groups[node.name] == groups[primary.name]]
    others = [node for node in peers if node not in (primary, secondary)]
    return primary, secondary, (*others, secondary)[0]


def need_kvm(operator: Operator) -> None:
    """See that the drills' own guests can run here: on KVM, their NICs on a bridge.

    Raises:
        NotApplicable: they cannot.
    """
    info = operator.cluster.info
    need(
        "kvm" in info.hypervisors,
        f"the drills' own guests run on KVM, and here is {listed(info.hypervisors)}",
    )
    need(
        info.nic_mode != "openvswitch",
        "the drills' own guests are put on a bridge, and here is Open vSwitch",
    )


def free_address(operator: Operator, site: "Site", node: "Node") -> IPv4Address:
    """One of the site's addresses for drills that nobody has or claims.

    Raises:
        SiteError: the site names none.
        CommandFailed: each of them is somebody's.
    """
    if not site.drills.addresses:
        raise SiteError(
            f"The site {site.name!r} names no drills.addresses, and a guest that is watched needs "
            "one: free addresses of the private network."
        )
    claims = dict(_claims(operator))
    taken = []
    for address in site.drills.addresses:
        if owner := claims.get(str(address)):
            taken.append(f"{address} is {owner}'s")
            continue
        macs = read_answers(Fresh(node.source), address, site.network.private.bridge)
        if not macs:
            return address
        taken.append(f"{address} is answered by {listed(macs)}")
    raise CommandFailed(f"None of drills.addresses is free: {listed(taken)}.")


def _claims(operator: Operator) -> Iterator[tuple[str, str]]:
    """Addresses that the cluster's configuration gives to somebody."""
    yield str(operator.cluster.address), operator.cluster.name
    for node in operator.cluster.nodes:
        yield str(node.primary_ip), node.name
        yield str(node.secondary_ip), node.name
    for name, one in operator.instances().items():
        for nic in one.nics:
            yield nic.ip, name
