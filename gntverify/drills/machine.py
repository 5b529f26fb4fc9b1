"""What the random walk does to an instance and sees of it; and a model of what Ganeti answers.

The model is the expectation: what is done, what is refused (a drained node takes nothing), and
where everything is afterwards. The walk plays the same steps on the model and on the cluster and
compares them step by step, so each lab run checks the model too.
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

GROW_MIB = 64
DAEMON = "ganeti-noded"
DAEMON_UTIL = "/usr/lib/ganeti/daemon-util"
# What is not waited for would be found in the pid file by whoever starts it again. The daemon
# must let go of the pipes, or the answer never comes. A child of the old one that still answers
# has the lock of the pid file: then the new one ends at once, and says that all is well.
REVIVE = f"{DAEMON_UTIL} check {DAEMON} || {DAEMON_UTIL} start {DAEMON} >/dev/null 2>&1 </dev/null"
KILL = (
    f'pid=$(cat /var/run/ganeti/{DAEMON}.pid) && kill -KILL "$pid" || exit; '
    'timeout 20 sh -c "while kill -0 $pid 2>/dev/null; do sleep 0.1; done"; '
    f"{DAEMON_UTIL} start {DAEMON} >/dev/null 2>&1 </dev/null; sleep 1; {REVIVE}"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done: a key of :data:`EFFECTS`, and at which node where that is open."""

    deed: str
    node: str = ""

    def __str__(self) -> str:
        return f"{self.deed} {self.node}".rstrip()


@dataclass(frozen=True, slots=True)
class State:
    """What can be seen of the instance, and of the nodes by what is done to them.

    Attributes:
        running: as its primary node sees it.
        export: the node that has an export of it; empty when none has.
        drained: of the nodes of the walk.
    """

    running: bool
    primary: str
    secondary: str
    disk_mib: int
    nics: int = 1
    export: str = ""
    drained: frozenset[str] = frozenset()

    def differences(self, have: "State") -> list[str]:
        """Where what is seen is not this, a phrase each."""
        return [
            f"{name} is {getattr(have, name)!r}, expected {getattr(self, name)!r}"
            for name in self.__slots__
            if getattr(self, name) != getattr(have, name)
        ]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a walk goes: nodes that take instances, and those of them that may be drained."""

    nodes: tuple[str, ...]
    drainable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a step: whether it was done, not refused; and why it was not done well."""

    done: bool
    trouble: str = ""


class Machine(Protocol):
    """An instance on its cluster, to which steps are done.

    Attributes:
        place: its nodes.
    """

    place: Place

    def begin(self) -> State:
        """Bring it to where every walk begins, and tell; only its disk may have grown.

        Raises:
            GntverifyError: it cannot be brought there.
        """

    def do(self, step: Step) -> Done:
        """Do a step.

        Raises:
            GntverifyError: it could not be tried.
        """

    def state(self) -> State:
        """What is seen now.

        Raises:
            GntverifyError: it was not told.
        """

    def wrong(self) -> list[str]:
        """What must always hold and does not, a phrase each.

        Raises:
            GntverifyError: it was not told.
        """


def _swapped(state: State) -> State | None:
    """On its other node; a drained node takes nothing (CheckNodeNotDrained)."""
    if state.secondary in state.drained:
        return None
    return replace(state, primary=state.secondary, secondary=state.primary)


def _moved(state: State, node: str) -> State | None:
    if node in state.drained or node in (state.primary, state.secondary):
        return None
    return replace(state, secondary=node)


def _exported(state: State, node: str) -> State | None:
    return None if node in state.drained else replace(state, export=node)


EFFECTS: Mapping[str, Callable[[State, str], State | None]] = {
    "start": lambda state, _: replace(state, running=True),
    "stop": lambda state, _: replace(state, running=False),
    "migrate": lambda state, _: _swapped(state) if state.running else None,
    "failover": lambda state, _: _swapped(state),
    "replace": lambda state, _: state,
    "move": _moved,
    "grow": lambda state, _: replace(state, disk_mib=state.disk_mib + GROW_MIB),
    "add-nic": lambda state, _: replace(state, nics=state.nics + 1),
    "drop-nic": lambda state, _: replace(state, nics=state.nics - 1),
    "export": _exported,
    "unexport": lambda state, _: replace(state, export=""),
    "drain": lambda state, node: replace(state, drained=state.drained | {node}),
    "undrain": lambda state, node: replace(state, drained=state.drained - {node}),
    "kill": lambda state, _: state,
}
"""Deed to what it makes of a state; None: Ganeti refuses."""


class ModelMachine:
    """The model: a state in memory, and the effects of Ganeti 3.0's own sources on it."""

    def __init__(self, place: Place, state: State) -> None:
        self.place = place
        self._start = self._state = state

    def begin(self) -> State:
        """Anew, with the disk as large as it has become."""
        self._state = replace(self._start, disk_mib=self._state.disk_mib)
        return self._state

    def do(self, step: Step) -> Done:
        """The step's effect, or a refusal, which changes nothing."""
        after = EFFECTS[step.deed](self._state, step.node)
        self._state = self._state if after is None else after
        return Done(after is not None)

    def state(self) -> State:
        """The state."""
        return self._state

    def wrong(self) -> list[str]:
        """Nothing: a model has no data to lose."""
        return []


def homeward(state: State, home: State) -> list[Step]:
    """Steps that bring an instance back to where it began; its disk stays as it has grown."""
    steps = [Step("undrain", node) for node in sorted(state.drained - home.drained)]
    primary, secondary = state.primary, state.secondary
    while (primary, secondary) != (home.primary, home.secondary):
        if secondary == home.primary:
            steps.append(Step("migrate" if state.running else "failover"))
            primary, secondary = secondary, primary
        else:
            secondary = home.secondary if primary == home.primary else home.primary
            steps.append(Step("move", secondary))
    if state.running != home.running:
        steps.append(Step("start" if home.running else "stop"))
    steps += [Step("drop-nic")] * (state.nics - home.nics)
    return steps + ([Step("unexport")] if state.export else [])


def command(step: Step, name: str, link: str) -> tuple[str, ...]:
    """The ``gnt-…`` command of a step; empty for what Ganeti has none for.

    Args:
        step: what is done.
        name: of the instance.
        link: to which a new NIC is connected.
    """
    instance: dict[str, tuple[str, ...]] = {
        "start": ("startup",),
        "stop": ("shutdown",),
        "migrate": ("migrate", "-f"),
        "failover": ("failover", "-f"),
        "replace": ("replace-disks", "-s"),
        "move": ("replace-disks", "-n", step.node),
        "add-nic": ("modify", f"--net=-1:add,mode=bridged,link={link}"),
        "drop-nic": ("modify", "--net=-1:remove"),
    }
    others: dict[str, tuple[str, ...]] = {
        "grow": ("gnt-instance", "grow-disk", name, "0", f"{GROW_MIB}m"),
        "export": ("gnt-backup", "export", "-n", step.node, "--noshutdown", name),
        "unexport": ("gnt-backup", "remove", name),
        "drain": ("gnt-node", "modify", "--drained=yes", step.node),
        "undrain": ("gnt-node", "modify", "--drained=no", step.node),
        "kill": (),
    }
    if step.deed in instance:
        return ("gnt-instance", *instance[step.deed], name)
    return others[step.deed]


def line(step: Step, link: str) -> str:
    """A step as a line of shell for the master; the instance's name is ``$1``."""
    name = "INSTANCE"
    argv = command(step, name, link) or ("ssh", step.node, KILL)
    return " ".join('"$1"' if word == name else shlex.quote(word) for word in argv)


def script(seed: int, creation: str, link: str, steps: Sequence[Step], told: Sequence[str]) -> str:
    """A shell script that repeats the steps on a new instance, and says what was seen then.

    Args:
        seed: of the walk.
        creation: the command that makes the instance, as shell text; its name is ``$1``.
        link: to which new NICs are connected.
        steps: the last is the one after which something was wrong.
        told: what was wrong.
    """
    return "\n".join(
        [
            "#!/bin/sh",
            f"# gntverify, random walk with seed {seed}. On the master: sh FILE NAME, the name of",
            "# a new instance; afterwards gnt-instance remove -f NAME, and undo what is drained.",
            "set -ux",
            creation,
            *(line(step, link) for step in steps),
            *(f"# {' '.join(phrase.split())}" for phrase in told),
            "",
        ]
    )
