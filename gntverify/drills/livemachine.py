"""The random walk's machine that is a cluster: a probe guest, and the nodes that may have it."""

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gntverify.compare import listed
from gntverify.deadline import wait_for
from gntverify.drills.machine import (
    KILL,
    REVIVE,
    Done,
    Place,
    State,
    Step,
    command,
    homeward,
    script,
)
from gntverify.drills.probeguest import KVM, OS, Guests, ProbeGuest
from gntverify.drills.pulse import Pulse, lost
from gntverify.drills.reap import await_jobs, undo
from gntverify.drills.walk import Failure
from gntverify.errors import CommandFailed, CommandTimeout, DeadlinePassed
from gntverify.facts.shape import checked, load_json, refuse
from gntverify.ganeti.exports import DIRECTORY
from gntverify.ganeti.instances import Live, unchecked
from gntverify.ganeti.jobs import Job
from gntverify.ganeti.nodes import NodeState, read_groups, read_nodes
from gntverify.ganeti.ssconf import DATA_DIR, PREFIX
from gntverify.transport.source import Fresh

if TYPE_CHECKING:
    from gntverify.drills.ledger import Entry

GROWN_MIB = 4096
"""A guest whose disk has become that large is replaced by a new one."""
LIMITS_S: Mapping[str, float] = {
    "replace": 900.0,
    "move": 900.0,
    "grow": 600.0,
    "export": 1800.0,
}
LIMIT_S = 300.0
TELL_S = 30.0
REFUSALS = ("wrong_state", "wrong_input")
"""How the error of an opcode ends that was refused before it did anything (OpPrereqError)."""
NO_VERDICT = ("drain", "undrain")
"""Their logs warn of what was meant: a candidate is demoted, or promoted again."""
# Digests leave the node, the objects do not. What the walk itself changes is left out.
_FOREIGN = """\
import hashlib, json, sys
with open("/var/lib/ganeti/config.data") as file:
    config = json.load(file)
def bare(value, drop):
    if isinstance(value, dict):
        return {key: bare(value[key], drop) for key in value if key not in drop}
    return [bare(one, drop) for one in value] if isinstance(value, list) else value
def digest(value, *more):
    drop = {"serial_no", "mtime", "ctime", *more}
    return hashlib.sha256(json.dumps(bare(value, drop), sort_keys=True).encode()).hexdigest()[:16]
found = {"node " + n["name"]: digest(n, "drained", "master_candidate")
         for n in config["nodes"].values()}
found.update({"instance " + i["name"]: digest([i, [config["disks"][d] for d in i["disks"]]])
              for i in config["instances"].values() if i.get("name") not in (None, sys.argv[1])})
print(json.dumps(found))
"""
_BACKUPS = f"find {DATA_DIR} -maxdepth 1 -name 'config.data.backup-*' -printf '%f\\n'"
_MASTER = f'cat {PREFIX}master_node && ip -o -4 address show to "$1/32"'


def refused(job: Job) -> bool:
    """Whether a job was refused before it did anything."""
    return job.status == "error" and job.error.rstrip(" .").endswith(REFUSALS)


class LiveMachine:
    """A probe guest of the run, done to as the walk says; a :class:`Machine`.

    Attributes:
        place: the nodes of the guest's group that take instances, its own two first.
    """

    def __init__(self, guests: Guests, link: str) -> None:
        self.operator = guests.operator
        self._guests = guests
        self._link = link
        self._entries: dict[tuple[str, str], Entry] = {}
        self._guest = guests.sound()
        live = self.operator.live()
        self._silent = {n for n, one in live.items() if one.running is None} - {self._guest.name}
        self._roles = read_nodes(Fresh(self.operator.master.source))
        self.place = self._placed()
        self._home = self.state()
        self._pulse: Pulse | None = None
        self._foreign = self._others()

    def _placed(self) -> Place:
        source = self.operator.master.source
        groups = read_groups(Fresh(source))
        home = [node.name for node in self._guest.home]
        there = [node.name for node in self.operator.cluster.nodes]
        able = [
            name
            for name in there
            if groups[name] == groups[home[0]] and self._roles[name].takes_instances
        ]
        nodes = (*home, *(name for name in able if name not in home))
        return Place(nodes, tuple(name for name in nodes if drainable(name, self._roles)))

    # -- what a walk asks for ----------------------------------------------------------------

    def begin(self) -> State:
        """The guest at home, sound; a new one where the last one cannot be brought there.

        Raises:
            GntverifyError: there is none.
        """
        trouble = self._brought_home()
        if trouble:
            self.operator.tell(f"the guest is given up: {trouble}")
            self._guests.end()
        guest = self._guests.sound()
        if guest is not self._guest:
            self._guest, self._pulse = guest, None
        state = self.state()
        if (state.primary, state.secondary) != (self._home.primary, self._home.secondary):
            raise CommandFailed(
                f"The walk began on {self._home.primary}; a new guest stands on {state.primary}."
            )
        return state

    def _brought_home(self) -> str:
        """Why the guest cannot be brought to where it began; empty when it is there."""
        state = self.state()
        for step in homeward(state, self._home):
            done = self.do(step)
            if done.trouble or not done.done:
                return f"{step}: {done.trouble or 'refused'}"
        return "its disk has grown" if state.disk_mib > GROWN_MIB else ""

    def do(self, step: Step) -> Done:
        """Have Ganeti do a step; the ledger knows before how what it touches is undone."""
        self._enter(step)
        argv = command(step, self._guest.name, self._link)
        with self.operator.step(str(step)):
            try:
                if not argv:
                    self.operator.on(self.operator.node(step.node), KILL)
                    return Done(done=True)
                job = self.operator.job(*argv, limit_s=LIMITS_S.get(step.deed, LIMIT_S))
            except (CommandFailed, CommandTimeout, DeadlinePassed) as err:
                return Done(done=False, trouble=str(err))
        if refused(job):
            return Done(done=False)
        good = job.status == "success" and step.deed in NO_VERDICT
        return Done(done=True, trouble="" if good else job.trouble)

    def state(self) -> State:
        """What Ganeti says of the guest, and where exports of it lie."""
        operator, found = self.operator, self._guest.instance
        running = bool(self._live()[self._guest.name].running)
        roles = read_nodes(Fresh(operator.master.source))
        drained = {name for name in self.place.nodes if roles[name].role == "D"}
        return State(
            running=running,
            primary=found.primary,
            secondary="".join(found.secondaries),
            disk_mib=sum(found.disks_mib),
            nics=len(found.nics),
            export=" and ".join(node for node in self.place.nodes if self._has_export(node)),
            drained=frozenset(drained),
        )

    def _live(self) -> Mapping[str, Live]:
        """Instances as their nodes see them; one that has told before is asked again.

        Raises:
            DeadlinePassed: it does not tell any more.
        """

        def probe() -> tuple[Mapping[str, Live] | None, str]:
            live = self.operator.live()
            silent = {name for name, one in live.items() if one.running is None} - self._silent
            return (None if silent else live), f"nothing of {listed(silent)}"

        return wait_for("What the nodes say of their instances", probe, TELL_S, every_s=2.0)

    def _has_export(self, node: str) -> bool:
        text = f"[ ! -e {self._export} ] || echo there"
        return bool(self.operator.on(self.operator.node(node), text).strip())

    @property
    def _export(self) -> str:
        return f"{DIRECTORY}/{shlex.quote(self._guest.name)}"

    def wrong(self) -> list[str]:
        """Data lost, a mirror apart, a new finding of verify, two masters, others changed."""
        guest = self._guest
        wrong = self._unwell() if self._live()[guest.name].running else []
        new = sorted(guest.findings() - guest.before)
        wrong += [f"`gnt-cluster verify` finds {code} ({name})" for code, name in new]
        wrong += self._masters()
        now = self._others()
        return wrong + [
            f"{name} was {self._foreign.get(name, 'not there')}, is {now.get(name, 'gone')}"
            for name in sorted(self._foreign.keys() | now.keys())
            if self._foreign.get(name) != now.get(name)
        ]

    # -- invariants --------------------------------------------------------------------------

    def _unwell(self) -> list[str]:
        """What the running guest has lost since it was last asked, and what of its mirror."""
        try:
            pulse = self._guest.answer()
        except DeadlinePassed as err:
            return [str(err)]
        wrong = lost(self._pulse or pulse, pulse)
        self._pulse = pulse
        troubles = (self._guest.data_trouble(), self._guest.mirror_trouble())
        return [*wrong, *filter(None, troubles)]

    def _masters(self) -> list[str]:
        """That all nodes name one master, and it alone has the cluster address."""
        operator, address = self.operator, str(self.operator.cluster.address)
        said = {node.name: operator.on(node, _MASTER, address) for node in operator.cluster.nodes}
        return masters(said, operator.master.name)

    def _others(self) -> Mapping[str, str]:
        """What of the cluster is not the walk's, by a digest, and whether it runs."""
        text = self.operator.on(
            self.operator.master, f"exec python3 -c {shlex.quote(_FOREIGN)} {self._guest.name}"
        )
        found = checked(dict[str, str], load_json(text, "config.data"), "config.data")
        states = {
            f"instance {name} (running)": str(one.running)
            for name, one in self._live().items()
            if name != self._guest.name
        }
        return found | states

    # -- ledger ------------------------------------------------------------------------------

    def _enter(self, step: Step) -> None:
        node = step.node
        if step.deed == "drain":
            text = f"gnt-node modify --drained=no {node}"
            if self._roles[node].role == "C":
                text += f" && gnt-node modify --master-candidate=yes {node}"
                self._forget_backups(node)
            self._undo("drain", node, f"{node} is drained", "", text)
        elif step.deed == "kill":
            self._undo("kill", node, f"a daemon of {node} is killed", node, REVIVE)
        elif step.deed == "export":
            words = f"an export of {self._guest.name} on {node}"
            text = f"rm -rf {self._export} {self._export}.new"
            self._undo(self._export, node, words, node, text)

    def _forget_backups(self, node: str) -> None:
        """A candidate that is demoted keeps a copy of its configuration; no new one is to stay."""
        if ("backup", node) not in self._entries:
            there = self.operator.on(self.operator.node(node), _BACKUPS).split()
            words = f"the copy of the configuration that {node} keeps when it is drained"
            self._undo("backup", node, words, node, forgetting(there))

    def _undo(self, kind: str, node: str, words: str, where: str, text: str) -> None:
        """Once for each node: what undoes it may run as often as one likes."""
        if (kind, node) not in self._entries:
            self._entries[kind, node] = self.operator.ledger.undo(words, where, text)

    def end(self) -> None:
        """Undo all; what cannot be undone stays in the ledger.

        Raises:
            GntverifyError: it was not told whether something is undone.
        """
        await_jobs(self.operator)  # one that passed its limit still works on it
        while self._entries:
            _, entry = self._entries.popitem()
            undo(self.operator, entry)
        self._guests.end()

    def repeated(self, number: int, failure: Failure) -> str:
        """A script that repeats a failure; ``number`` is the walk's seed."""
        guest: ProbeGuest = self._guest
        nodes = f"{self._home.primary}:{self._home.secondary}"
        lenient = " ".join(unchecked(self.operator.cluster.ssconf.release_version))
        creation = (
            f"gnt-instance add -t drbd -s 1g -o {OS} -n {nodes} {lenient} "
            f"-H kvm:{KVM} -B minmem=128M,maxmem=128M,vcpus=1 "
            f'--net 0:ip={guest.address},mode=bridged,link={self._link} "$1"'
        )
        return script(number, creation, self._link, failure.steps, failure.wrong)


def forgetting(kept: Sequence[str]) -> str:
    """Shell text that removes copies of the configuration but those."""
    kept_ones = "".join(f"! -name {shlex.quote(name)} " for name in kept)
    return f"find {DATA_DIR} -maxdepth 1 -name 'config.data.backup-*' {kept_ones}-delete"


def drainable(name: str, roles: Mapping[str, NodeState]) -> bool:
    """Whether that node may be drained, or lost, and no role but its own changes meanwhile.

    The master cannot be drained; a candidate only if nobody has to be promoted in its place. One
    that may not be master could come back as a candidate: Ganeti does not look (node.py,
    _DecideSelfPromotion).
    """
    own = roles[name]
    spare = [one for one in roles.values() if one.role == "R" and one.master_capable]
    return own.master_capable and (own.role == "R" or (own.role == "C" and not spare))


def masters(said: Mapping[str, str], master: str) -> list[str]:
    """What is wrong with who is master, by what each node printed for it, a phrase each.

    Raises:
        ParseError: a node printed no master.
    """
    wrong = []
    for node, text in said.items():
        name, _, address = text.partition("\n")
        if not name.strip():
            raise refuse(f"cat {PREFIX}master_node", text)
        if name.strip() != master:
            wrong.append(f"{node} takes {name.strip()} for the master, not {master}")
        if bool(address.strip()) != (node == master):
            has = "has" if address.strip() else "lacks"
            wrong.append(f"{node} {has} the cluster address, and {master} is the master")
    return wrong
