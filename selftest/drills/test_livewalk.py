"""The walk's machine on a made-up cluster: its commands, its ledger, and its way back."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gntverify.drills.ledger import Entry
from gntverify.drills.livemachine import LiveMachine, forgetting
from gntverify.drills.machine import (
    EFFECTS,
    KILL,
    Done,
    ModelMachine,
    Place,
    State,
    Step,
    command,
)
from gntverify.drills.pulse import Pulse
from gntverify.drills.walk import Failure, Walk
from gntverify.evidence import Answer
from gntverify.ganeti.jobs import QUEUE, Job
from gntverify.ganeti.nodes import COMMAND as NODES
from gntverify.ganeti.nodes import GROUPS

A, B, C = (f"node{n}.gnt.example" for n in "123")
NAME, LINK = "probe.gnt.example", "xen-br0"
HOME = State(running=True, primary=A, secondary=B, disk_mib=1024)


class Guest:
    """The guest of a cluster, always well."""

    name = NAME
    address = IPv4Address("192.168.9.1")
    before = frozenset[tuple[str, str]]()

    def __init__(self, cluster: "Cluster") -> None:
        self.cluster = cluster
        self.home = (cluster.nodes[0], cluster.nodes[1])

    @property
    def instance(self) -> Any:
        """As the model has it."""
        return self.cluster.instances()[NAME]

    def findings(self) -> frozenset[tuple[str, str]]:
        """None."""
        return self.before

    def answer(self) -> Pulse:
        """With the heartbeat of the test."""
        return Pulse(NAME, self.cluster.beat)

    def data_trouble(self) -> str:
        """As the test says."""
        return self.cluster.rotten

    def mirror_trouble(self) -> str:
        """None."""
        return ""


class Cluster:
    """Operator, ledger and guests of a cluster that is a model; what it does not know raises."""

    def __init__(self) -> None:
        self.model = ModelMachine(Place((A, B, C), (B, C)), HOME)
        self.run = "c0ffee"
        self.left: list[Entry] = []
        self.asked: list[str] = []
        self.nodes = [SimpleNamespace(name=name, source=self) for name in (A, B, C)]
        self.name = A
        self.master = self.nodes[0]
        self.cluster = SimpleNamespace(
            nodes=self.nodes,
            address=IPv4Address("192.168.1.1"),
            ssconf=SimpleNamespace(release_version="3.0.2"),
        )
        self.ledger = SimpleNamespace(undo=self.enter, done=self.left.remove, entries=self.left)
        self.operator = self
        self.beat, self.ended, self.trouble, self.rotten = 1, 0, "", ""
        self.guest = Guest(self)

    # what Guests and Operator offer

    def sound(self) -> Any:
        """The guest, which always is."""
        return self.guest

    def end(self) -> None:
        """It is removed."""
        self.ended += 1

    def tell(self, words: str) -> None:
        """To nobody."""

    @contextmanager
    def step(self, words: str) -> Iterator[None]:
        """Not timed."""
        del words
        yield

    def node(self, name: str) -> Any:
        """By its name."""
        return next(node for node in self.nodes if node.name == name)

    def follow(self) -> Any:
        """Never another one."""
        return self.master

    def enter(self, name: str, node: str, text: str) -> Entry:
        """Into the ledger."""
        entry = Entry(self.run, len(self.left) + 1, "undo", name, node, text, 0.0)
        self.left.append(entry)
        return entry

    def instances(self) -> dict[str, Any]:
        """As the model has it."""
        state = self.model.state()
        nics = [None] * state.nics
        found = SimpleNamespace(
            primary=state.primary,
            secondaries=(state.secondary,),
            disks_mib=(state.disk_mib,),
            nics=nics,
        )
        return {NAME: found}

    def live(self) -> dict[str, Any]:
        """With another one that runs."""
        running = {NAME: self.model.state().running, "other": True}
        return {name: SimpleNamespace(running=on) for name, on in running.items()}

    def ask(self, argv: Any, **_: Any) -> Answer:
        """Groups and roles."""
        drained = self.model.state().drained
        if tuple(argv) == GROUPS:
            text = "".join(f"{name}|default\n" for name in (A, B, C))
        elif QUEUE in argv:
            text = ""  # no job is open
        else:
            assert tuple(argv) == NODES
            roles = {A: "M"} | {name: "D" if name in drained else "C" for name in (B, C)}
            text = "".join(
                f"{name}|{role}|192.168.0.1|192.168.0.1|u|Y|Y\n" for name, role in roles.items()
            )
        return Answer("h", tuple(argv), 0, text, "", 0.0, 0.0)

    def on(self, node: Any, text: str, *args: str, limit_s: float = 0.0) -> str:
        """What the machine asks of nodes, and undoing."""
        del args, limit_s
        if "ssconf_master_node" in text:
            return f"{A}\n" + ("inet 192.168.1.1/32\n" if node.name == A else "")
        if "python3" in text:
            return json.dumps({"instance other": "1"})
        if "-printf" in text:
            return "config.data.backup-1\n"  # somebody's, from before
        if text.startswith("[ ! -e "):
            return "there\n" if self.model.state().export == node.name else ""
        assert text == KILL or text in [entry.undo for entry in self.left]
        self.asked.append(text)
        return ""

    def job(self, *argv: str, limit_s: float) -> Job:
        """A step of the model, found by its command."""
        assert limit_s > 0
        for deed in EFFECTS:
            for node in (A, B, C):
                step = Step(deed, node)
                if command(step, NAME, LINK) == argv:
                    self.beat += 1
                    done = self.model.do(step).done
                    error = "" if done else "Can't use drained node wrong_state"
                    log = (self.trouble,) if self.trouble else ()
                    return Job(1, "success" if done else "error", log, error)
        raise AssertionError(argv)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def machine(cluster: Cluster) -> LiveMachine:
    return LiveMachine(cast("Any", cluster), LINK)


def test_a_walk_on_it_finds_nothing_and_leaves_nothing(
    cluster: Cluster, machine: LiveMachine
) -> None:
    walk = Walk(machine, 4, limit_s=60)
    assert walk.go(most=40) is None
    assert walk.taken > 100
    assert cluster.left
    machine.end()
    assert cluster.left == []
    assert cluster.ended > 0


def test_it_begins_at_home(cluster: Cluster, machine: LiveMachine) -> None:
    for step in (Step("drain", C), Step("migrate"), Step("stop"), Step("export", B), Step("grow")):
        assert machine.do(step) == Done(done=True)
    assert machine.state().primary == B
    state = machine.begin()
    assert state == State(running=True, primary=A, secondary=B, disk_mib=1088)


def test_a_refusal_and_a_warning_are_told_apart(cluster: Cluster, machine: LiveMachine) -> None:
    machine.do(Step("drain", B))
    assert machine.do(Step("migrate")) == Done(done=False)
    cluster.trouble = " - WARNING: could not close disks"
    done = machine.do(Step("stop"))
    assert "could not close disks" in done.trouble


def test_what_is_touched_is_in_the_ledger_once(cluster: Cluster, machine: LiveMachine) -> None:
    for _ in range(2):
        machine.do(Step("drain", B))
        machine.do(Step("undrain", B))
        machine.do(Step("kill", C))
        machine.do(Step("export", C))
    told = {entry.name: (entry.node, entry.undo) for entry in cluster.left}
    assert len(told) == len(cluster.left) == 4
    assert told[f"{B} is drained"] == (
        "",
        f"gnt-node modify --drained=no {B} && gnt-node modify --master-candidate=yes {B}",
    )
    place = f"/var/lib/ganeti/export/{NAME}"
    assert (C, f"rm -rf {place} {place}.new") in told.values()


def test_data_that_goes_back_is_told(cluster: Cluster, machine: LiveMachine) -> None:
    cluster.beat = 10
    assert machine.wrong() == []
    cluster.beat = 9
    (wrong,) = machine.wrong()
    assert "went back" in wrong
    cluster.beat, cluster.rotten = 11, "its data is broken: data/03 differs"
    assert machine.wrong() == [cluster.rotten]


def test_only_what_may_be_drained_is(machine: LiveMachine) -> None:
    assert machine.place == Place((A, B, C), (B, C))


def test_the_script_has_the_guests_own_creation(machine: LiveMachine) -> None:
    text = machine.repeated(9, Failure((Step("stop"),), ("it runs",)))
    assert f"-n {A}:{B} --no-name-check --no-ip-check " in text
    assert text.endswith('gnt-instance shutdown "$1"\n# it runs\n')


def test_of_a_demoted_candidate_only_new_copies_go() -> None:
    text = forgetting(["config.data.backup-1"])
    assert text.endswith("! -name config.data.backup-1 -delete")
    assert "-name 'config.data.backup-*'" in text
