"""Burn-in by Ganeti's own tool, watched: each phase is judged as it ends, by its jobs as well.

The tool runs on the master in a unit of systemd's, ends within a second of our session, and is
told to leave its instances alone: what it cannot remove (it forgets a detached disk), we can.
"""

import re
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from gntverify.compare import listed
from gntverify.controls import NotApplicable, need
from gntverify.deadline import scaled, wait_for
from gntverify.drills import console
from gntverify.drills.keeper import (
    HEAR,
    KEEPER,
    START,
    forgetting,
    removing,
    stopping,
)
from gntverify.drills.pings import SCRATCH
from gntverify.drills.probeguest import KVM, OS, need_kvm
from gntverify.drills.reap import undo
from gntverify.errors import NOT_TOLD, CommandFailed, DeadlinePassed, GntverifyError
from gntverify.ganeti import burnin
from gntverify.ganeti.burnin import (
    PHASES,
    Line,
    Order,
    Phase,
    Played,
    Progress,
    left_out,
    of_phase,
    parse_jobs,
    parse_lines,
    progress,
)
from gntverify.ganeti.exports import DIRECTORY as EXPORTS
from gntverify.ganeti.nodes import read_groups, read_nodes
from gntverify.transport.source import Fresh

if TYPE_CHECKING:
    from gntverify.drills.ledger import Entry
    from gntverify.drills.operator import Operator
    from gntverify.site import Site

PHASE_S = 300.0
"""Of a phase, for each instance."""
LONGEST_S = 3000.0
"""Of the whole, for each instance, if nobody stops it; unscaled."""
MOST_S = 5 * 3600.0
"""Of any burn-in: it ends within the watcher's pause."""
GUEST = f"{KVM},kernel_args=ro quiet maxcpus=1"
"""Burn-in gives three processors at least; a guest that brings up one boots sooner."""
GUEST_S = 120.0
REMOVE_S = 300.0
JOBS_S = 60.0
GUESTS = "guests"
REMOVE = "remove"
NAMES = (*(phase.name for phase in PHASES), GUESTS, REMOVE)
"""Phases that are judged: burn-in's, and two of our own after them."""
_STARTED = 600
"""Number of the first instance, which those of other drills do not reach."""


class Burnin:
    """A burn-in with disks of one template."""

    def __init__(self, operator: "Operator", order: Order) -> None:
        self.operator = operator
        self.order = order
        self.unit = f"gntverify-burnin-{operator.run}-{order.template}"
        self.place = f"{SCRATCH}/{self.unit}"
        self.since = 0.0
        self._master = operator.master  # where it runs, whoever is master later
        self._entries: list[Entry] = []
        self._lines: list[Line] = []
        self._heard = 0
        self._told: set[str] = set()

    # -- its course --------------------------------------------------------------------------

    def start(self) -> None:
        """Have it begin; what must be undone is in the ledger then.

        Raises:
            CommandFailed: there is something of a name that it would use, or no burn-in.
        """
        self._refuse_strangers()
        operator, order = self.operator, self.order
        self.since = float(operator.on(self._master, "date +%s.%N"))
        enter = operator.ledger.undo
        for node in operator.cluster.nodes:
            words = f"burn-in exports to {node.short}"
            self._entries.append(enter(words, node.name, forgetting(order.names)))
        for name in (*order.names, order.spare):
            words = f"burn-in creates {name}"
            self._entries.append(enter(words, "", removing(order, name, self.since)))
        text = stopping(self.unit, self.place)
        self._entries.append(operator.ledger.stop("burn-in runs", self._master.name, text))
        limit = f"{min(scaled(LONGEST_S) * len(order.names), MOST_S):.0f}"
        operator.on(self._master, START, self.unit, self.place, limit, KEEPER, *order.argv())

    def _refuse_strangers(self) -> None:
        """Burn-in erases what it finds under a name it was given."""
        names = (*self.order.names, self.order.spare)
        there = self.operator.instances()
        taken = [f"the instance {name}" for name in names if name in there]
        look = 'for p in "$@"; do [ ! -e "$p" ] || echo "$p"; done'
        paths = [f"{EXPORTS}/{name}" for name in names]
        for node in self.operator.cluster.nodes:
            found = self.operator.on(node, look, *paths).split()
            taken += [f"{path} on {node.short}" for path in found]
        if taken:
            raise CommandFailed(f"Burn-in would erase {listed(taken)}; it is not started.")

    def hear(self) -> Progress:
        """What there is by now, once there is more, or after some seconds.

        Raises:
            ParseError: what it said was not understood.
        """
        if not self._ended:
            words = (f"{self.place}/said", str(self._heard), self.unit)
            state, _, rest = self.operator.on(self._master, HEAR, *words).partition("\n")
            whole = rest[: rest.rfind("\n") + 1]  # what is written meanwhile comes next time
            self._heard += len(whole)  # JSON in ASCII: a character is a byte
            self._lines += parse_lines(whole)
            if state == "ended" and not self._ended:
                self._give_up("it was killed, or stopped at its limit")
        made = progress(self._lines)
        self._tell(made)
        return made

    @property
    def _ended(self) -> bool:
        return bool(self._lines) and self._lines[-1].kind == "status"

    def _give_up(self, reason: str) -> None:
        at = max([self._lines[-1].at if self._lines else 0.0, time.time()])
        self._lines += [Line(at, "err", reason), Line(at, "status", "-9")]

    def _tell(self, made: Progress) -> None:
        for one in made.phases:
            words = f"burn-in, {self.order.template}: {one.name or 'prepare'}"
            if words not in self._told:
                self._told.add(words)
                self.operator.tell(f"{words} …")
            over = f"{words}, over"
            if one.ended is not None and over not in self._told:
                self._told.add(over)
                self.operator.note(words if one.passed else f"{words}, failed", one.seconds)

    def _await(self, phase: Phase) -> Progress:
        """Until that phase has ended, or burn-in has."""

        def probe() -> tuple[Progress | None, str]:
            made = progress(self._lines)
            made = made if made.beyond(phase.name) else self.hear()
            return (made if made.beyond(phase.name) else None), made.last

        try:
            limit_s = PHASE_S * len(self.order.names)
            return wait_for(f"The end of burn-in's phase {phase.name!r}", probe, limit_s)
        except DeadlinePassed as err:
            undo(self.operator, self._entries.pop())  # it hangs; what it made stays for later
            self._give_up(str(err))
            return self.hear()

    # -- its phases --------------------------------------------------------------------------

    def trouble(self, name: str) -> str:
        """Why a phase is not well; empty when it passed, and none of its jobs even warned.

        Raises:
            NotApplicable: it is not played.
            CommandFailed: burn-in did not come so far.
        """
        if name == GUESTS:
            return self._guests()
        if name == REMOVE:
            return self._removed()
        (phase,) = [one for one in PHASES if one.name == name]
        self._need(phase)
        for earlier in PHASES[: PHASES.index(phase) + 1]:
            if not self.order.not_played(earlier):
                made = self._await(earlier)
        if name in made.skipped:
            raise NotApplicable(f"burn-in says: {made.skipped[name]}")
        played = made.phase(name)
        if played is None:
            said = "; ".join(_words(made.phases[-1]))
            raise CommandFailed(f"Burn-in ended in {made.last}, so this was not tried; {said}.")
        return "; ".join([*self._jobs(played), *_words(played)])

    def _need(self, phase: Phase) -> None:
        if reason := self.order.not_played(phase):
            raise NotApplicable(reason)

    def _jobs(self, played: Played) -> list[str]:
        """Why jobs of a phase are not well, a phrase each."""
        argv = burnin.command(self.order.reason, played.began - burnin.EARLY_S)
        answer = self._master.source.ask(argv, timeout_s=JOBS_S, fresh=True)
        jobs = of_phase(parse_jobs(answer.text()), played)
        return [job.trouble for job in jobs if job.trouble]

    def _ended_well(self) -> None:
        for phase in PHASES:
            if not self.order.not_played(phase):
                made = self._await(phase)
        made = wait_for("The end of burn-in", self._over, PHASE_S)
        if made.status != 0:
            raise CommandFailed(f"Burn-in ended in {made.last}, so this was not tried.")

    def _over(self) -> tuple[Progress | None, str]:
        made = self.hear()
        return (None if made.status is None else made), made.last

    def _guests(self) -> str:
        """What is wrong with the guests that burn-in leaves running, by their own words."""
        self._ended_well()
        wrong = []
        for name in self.order.names:
            with self.operator.step(f"burn-in, {self.order.template}: {name} says"):
                node = self.operator.node(self.operator.instances()[name].primary)
                seen = console.watch(node, name, r"^(READY \S+ [0-9]+ ok|BROKEN .*)\r?\n", GUEST_S)
            wrong += [said] if (said := guest_trouble(name, seen.text)) else []
        return "; ".join(wrong)

    def _removed(self) -> str:
        """What went wrong as the instances were removed, which is no part of burn-in here."""
        self._ended_well()
        wrong = []
        for name in self.order.names:
            with self.operator.step(f"burn-in, {self.order.template}: remove {name}"):
                options = ("--force", "--shutdown-timeout=30")
                job = self.operator.job("gnt-instance", "remove", *options, name, limit_s=REMOVE_S)
            wrong += [job.trouble] if job.trouble else []
        return "; ".join(wrong)

    def end(self) -> None:
        """Stop it and undo what it did; what cannot be undone stays in the ledger."""
        while self._entries:
            entry = self._entries.pop()
            with suppress(*NOT_TOLD, DeadlinePassed):  # tried again at the end of the run
                undo(self.operator, entry)


def _words(played: Played) -> list[str]:
    """What burn-in itself says of a phase that is not well."""
    words = [f"burn-in says: {one}" for one in played.forgiven if played.name]
    if not played.passed:
        said = played.errors[-1] if played.errors else "nothing more"
        words.append(f"burn-in ended in it: {said}")
    return words


def guest_trouble(name: str, text: str) -> str:
    """What is wrong with a probe guest, by its console; empty when all is well."""
    lines = re.findall(r"^((?:READY|BROKEN) .*)\n", text, re.MULTILINE)  # whole ones only
    if not lines:
        last = [line.strip() for line in text.splitlines() if line.strip()]
        return f"the guest of {name} does not come up; its console: {listed(last[-1:])}"
    short = re.escape(name.partition(".")[0])
    well = re.fullmatch(rf"READY {short}(\.\S+)? [0-9]+ ok", lines[-1].strip())
    return "" if well else f"the guest of {name} says: {lines[-1].strip()}"


class Burnins:
    """The burn-ins of a run, one after the other."""

    def __init__(self, operator: "Operator", site: "Site", count: int) -> None:
        self.operator = operator
        self.site = site
        self.count = count
        self._template = ""
        self._now: Burnin | None = None
        self._failed: GntverifyError | NotApplicable | None = None
        self._number = _STARTED

    def of(self, template: str) -> Burnin:
        """The burn-in with disks of that template; it begins when it is first asked for.

        Raises:
            NotApplicable: the cluster has no such disks.
            GntverifyError: it could not begin.
        """
        if self._template != template:
            self.end()
            self._template = template
            try:
                self._now = Burnin(self.operator, self._order(template))
                self._now.start()
            except (GntverifyError, NotApplicable) as err:
                self._failed = err  # what cannot begin is not tried again for each phase
        if self._failed is not None:
            raise self._failed
        return need(self._now, "it has not begun")

    def _order(self, template: str) -> Order:
        operator = self.operator
        offered = template in self.site.cluster.disk_templates
        need(offered, f"the cluster has no disks of template {template}")
        nodes = places(operator)
        need(template == "plain" or nodes[1:], "a mirror takes two nodes of one group")
        need_os(operator, nodes)
        numbers = range(self._number, self._number + self.count + 1)
        self._number += self.count + 1
        *names, spare = map(operator.name, numbers)
        return Order(
            template=template,
            names=tuple(names),
            spare=spare,
            nodes=nodes,
            os=OS,
            hypervisor=f"kvm:{GUEST}",
            reason=f"gntverify:{operator.run}:burnin-{template}",
            release=operator.cluster.ssconf.release_version,
            left_out=left_out(self.site.drills.burnin),
            parallel=self.count > 1,
        )

    def end(self) -> None:
        """Of the one that goes on, whatever it has come to."""
        made, self._now, self._failed, self._template = self._now, None, None, ""
        if made is not None:
            made.end()


def places(operator: "Operator") -> tuple[str, ...]:
    """Nodes for burn-in: those of the largest group that take instances, the master last.

    A guest that boots takes time from Ganeti's own daemons, of which the master has the most.

    Raises:
        NotApplicable: there are none.
    """
    groups = read_groups(Fresh(operator.master.source))
    states = read_nodes(Fresh(operator.master.source))
    able = [node.name for node in operator.cluster.nodes if states[node.name].takes_instances]
    if not able:
        raise NotApplicable("no node takes instances")
    ((group, _),) = Counter(groups[name] for name in able).most_common(1)
    found = [name for name in able if groups[name] == group]
    return tuple(sorted(found, key=lambda name: name == operator.master.name))


def need_os(operator: "Operator", nodes: Iterable[str]) -> None:
    """See that the probe's OS definition can be used on nodes.

    Raises:
        NotApplicable: the cluster has no place for such guests.
        CommandFailed: it cannot.
    """
    need_kvm(operator)
    name, _, variant = OS.partition("+")
    for node in nodes:
        trouble = operator.cluster.os_trouble(name, node, frozenset([variant]))
        if trouble:
            raise CommandFailed(f"The OS {OS!r} cannot be used on {node!r}: {trouble}.")
