"""Where a probe guest is made, and what is seen of it, on nodes that answer what is planned."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gntverify.controls import NotApplicable
from gntverify.drills import failover, probeguest
from gntverify.drills.operator import Operator
from gntverify.drills.probeguest import Guests, ProbeGuest, free_address, places
from gntverify.drills.pulse import Pulse
from gntverify.errors import CommandFailed, SiteError
from gntverify.evidence import Answer
from gntverify.facts.arp import arping_argv
from gntverify.facts.drbd import PROC
from gntverify.ganeti import mirrors, nodes, verify

Plan = dict[tuple[str, ...], Answer]

FREE = "Sent 2 probes (2 broadcast(s))\nReceived 0 response(s)\n"
TAKEN = (
    "Unicast reply from 192.168.9.1 [AA:00:00:01:02:03]  1.1ms\n"
    "Sent 1 probes (1 broadcast(s))\nReceived 1 response(s)\n"
)
MINOR = "{}: cs:{} ro:Primary/Secondary ds:UpToDate/{} C r-----\n    ns:0 nr:0 dw:0 dr:0 al:0\n"
HEAD = "version: 8.4.11 (api:1/proto:86-101)\nsrcversion: 0\n"


class Planned:
    """A host that answers what is planned and raises on everything else."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.plan: Plan = {}

    def will(self, argv: Sequence[str], stdout: str, rc: int = 0) -> None:
        """Plan an answer."""
        self.plan[tuple(argv)] = Answer(self.name, tuple(argv), rc, stdout, "", 0.0, 0.1)

    def ask(self, argv: Sequence[str], *, timeout_s: float = 30, fresh: bool = False) -> Answer:
        """The planned answer."""
        del timeout_s
        assert fresh, f"what changes is asked afresh: {argv}"
        return self.plan[tuple(argv)]


def made(name: str, last: int) -> Any:
    ip = IPv4Address(f"192.168.0.{last}")
    return SimpleNamespace(
        name=f"{name}.gnt.example", short=name, source=Planned(name), primary_ip=ip,
        secondary_ip=ip,
    )  # fmt: skip


class Lab:
    """Three nodes, whose instances and jobs are what a test says."""

    def __init__(self, count: int = 3) -> None:
        self.nodes = [made(f"node{place}", place) for place in range(1, count + 1)]
        self.instances: dict[str, Any] = {}
        self.info = SimpleNamespace(hypervisors=("kvm",), nic_mode="bridged")
        cluster = SimpleNamespace(
            nodes=self.nodes, name="clust1", address=IPv4Address("192.168.1.1"), info=self.info
        )
        self.operator = cast("Any", Operator(cast("Any", cluster), self.nodes[0], cast("Any", 0)))
        self.operator.instances = lambda: self.instances
        names = [node.name for node in self.nodes]
        self.master.will(nodes.GROUPS, "".join(f"{name}|default\n" for name in names))
        self.roles("MCC"[:count])

    @property
    def master(self) -> Planned:
        """Where Ganeti is asked."""
        return cast("Planned", self.nodes[0].source)

    def roles(self, roles: str) -> None:
        """Say what each node is: a letter each."""
        rows = [
            f"{node.name}|{role}|{node.primary_ip}|{node.secondary_ip}|u|Y|Y\n"
            for node, role in zip(self.nodes, roles, strict=True)
        ]
        self.master.will(nodes.COMMAND, "".join(rows))

    def mirrored(self, name: str, primary: int, secondary: int) -> None:
        """Say that there is an instance on these two."""
        self.instances[name] = SimpleNamespace(
            primary=self.nodes[primary - 1].name,
            secondaries=(self.nodes[secondary - 1].name,),
            nics=[SimpleNamespace(ip="192.168.9.9")],
        )

    def guest(self) -> ProbeGuest:
        """A probe guest on the first two nodes."""
        self.mirrored("probe", 1, 2)
        self.master.will(
            mirrors.command("probe"),
            '[{"port": 11005, "minors": {"node1.gnt.example": 0, "node2.gnt.example": 3}}]',
        )
        home = (self.nodes[0], self.nodes[1])
        return ProbeGuest(self.operator, "probe", IPv4Address("192.168.9.1"), home, self.nodes[2])

    def minor(self, node: int, number: int, connection: str, peer: str = "UpToDate") -> None:
        """Say how a node sees one minor."""
        text = HEAD + MINOR.format(number, connection, peer)
        shown = "".join(f"| {line}\n" for line in text.splitlines())
        self.nodes[node - 1].source.will(PROC, f"> /proc/drbd\n{shown}")


@pytest.fixture
def lab() -> Lab:
    return Lab()


def shorts(found: tuple[Any, ...]) -> list[str]:
    return [node.short for node in found]


def test_the_copy_goes_where_no_other_is(lab: Lab) -> None:
    lab.mirrored("vm1", 2, 1)
    lab.mirrored("vm2", 1, 2)
    assert shorts(places(lab.operator)) == ["node2", "node3", "node1"]


def test_of_two_nodes_one_is_the_witness() -> None:
    assert shorts(places(Lab(2).operator)) == ["node2", "node1", "node1"]


def test_what_is_out_of_service_takes_no_guest(lab: Lab) -> None:
    lab.roles("MOD")
    with pytest.raises(NotApplicable):
        places(lab.operator)


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [("hypervisors", ("xen-pvm",), "xen-pvm"), ("nic_mode", "openvswitch", "Open vSwitch")],
)
def test_where_no_guest_of_ours_can_run_there_is_none(
    lab: Lab, key: str, value: Any, told: str
) -> None:
    setattr(lab.info, key, value)
    with pytest.raises(NotApplicable, match=told):
        places(lab.operator)


def site(*addresses: str) -> Any:
    return SimpleNamespace(
        name="lab",
        drills=SimpleNamespace(addresses=[IPv4Address(one) for one in addresses]),
        network=SimpleNamespace(private=SimpleNamespace(bridge="xen-br0")),
    )


def test_an_address_that_nobody_has_is_taken(lab: Lab) -> None:
    lab.mirrored("vm1", 1, 2)
    for address, text, rc in (("192.168.9.1", TAKEN, 1), ("192.168.9.2", FREE, 0)):
        argv = arping_argv(IPv4Address(address), "xen-br0")
        lab.nodes[0].source.will(argv, text, rc)
    lan = site("192.168.9.9", "192.168.1.1", "192.168.0.2", "192.168.9.1", "192.168.9.2")
    assert str(free_address(lab.operator, lan, lab.nodes[0])) == "192.168.9.2"


def test_no_free_address_is_told_with_its_owners(lab: Lab) -> None:
    lab.mirrored("vm1", 1, 2)
    with pytest.raises(CommandFailed, match=r"192\.168\.1\.1 is clust1's, 192.168.9.9 is vm1's"):
        free_address(lab.operator, site("192.168.9.9", "192.168.1.1"), lab.nodes[0])
    with pytest.raises(SiteError, match=r"drills\.addresses"):
        free_address(lab.operator, site(), lab.nodes[0])


def test_a_mirror_is_whole_when_both_nodes_say_so(lab: Lab) -> None:
    guest = lab.guest()
    lab.minor(1, 0, "Connected")
    lab.minor(2, 3, "Connected")
    assert guest.apart() == []
    assert guest.mirror_trouble(0.0) == ""


@pytest.mark.parametrize(
    ("number", "connection", "peer", "wrong"),
    [
        (3, "StandAlone", "DUnknown", "minor 3: StandAlone UpToDate/DUnknown"),
        (3, "Connected", "Inconsistent", "minor 3: Connected UpToDate/Inconsistent"),
        (4, "Connected", "UpToDate", "there is no minor 3"),
    ],
)
def test_a_mirror_that_is_not_whole_is_told(
    lab: Lab, number: int, connection: str, peer: str, wrong: str
) -> None:
    guest = lab.guest()
    lab.minor(1, 0, "Connected")
    lab.minor(2, number, connection, peer)
    assert guest.apart() == [f"node2.gnt.example: {wrong}"]
    assert wrong in guest.mirror_trouble(0.0)


def report(*lines: str) -> str:
    stamp = "Wed Nov 25 07:00:00 2026"
    body = "".join(f"{stamp}   - WARNING:{line}\n" for line in lines)
    return f"{stamp} * Verifying cluster config\n{stamp} * Verifying group 'default'\n{body}"


def test_what_is_new_afterwards_is_told(lab: Lab) -> None:
    guest = lab.guest()
    lab.minor(1, 0, "Connected")
    lab.minor(2, 3, "Connected")
    lab.master.will(verify.COMMAND, report("ENODEORPHANLV:node:node1:old"))
    guest.before = guest.findings()
    assert guest.aftermath() == []
    again = report("ENODEORPHANLV:node:node1:others", "ENODEORPHANLV:node:node2:new")
    lab.master.will(verify.COMMAND, again)
    lab.mirrored("probe", 2, 1)
    assert guest.aftermath() == [
        "probe is on node2.gnt.example and node1.gnt.example, not node1.gnt.example and "
        "node2.gnt.example",
        "`gnt-cluster verify` finds ENODEORPHANLV (node2)",
    ]


def test_only_a_copy_that_is_alone_is_evacuated(lab: Lab) -> None:
    guest = lab.guest()
    lab.mirrored("vm1", 3, 2)
    with pytest.raises(NotApplicable, match="node2 has copies of vm1"):
        failover.evacuated(guest)


def test_a_job_that_was_submitted_by_another_and_warns_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The evacuation itself succeeds as soon as it has submitted what does the work."""
    moved = {"id": 8, "received": 5.0, "ops": [
        {"name": "OP_INSTANCE_REPLACE_DISKS", "status": "success", "result": None,
         "log": [["message", " - WARNING: Can't remove old LV"]]},
    ]}  # fmt: skip
    sent = {"id": 7, "received": 4.0, "ops": [
        {"name": "OP_NODE_EVACUATE", "status": "success", "result": None, "log": []},
    ]}  # fmt: skip
    asked: list[tuple[str, ...]] = []

    def ask(argv: Sequence[str], **_: object) -> Any:
        asked.append(tuple(argv))
        return SimpleNamespace(text=lambda: json.dumps([sent, moved]))

    operator: Any = SimpleNamespace(
        run="a1", master=SimpleNamespace(source=SimpleNamespace(ask=ask))
    )
    monkeypatch.setattr(failover, "await_jobs", lambda _: None)
    assert "Can't remove old LV" in failover.complaints(operator, 3.0)
    assert asked[0][-2:] == ("gntverify:a1", "3.000")


def test_a_third_node_is_none_of_its_own(lab: Lab) -> None:
    assert failover.third(lab.guest()).short == "node3"
    lab.roles("MCO")
    with pytest.raises(NotApplicable):
        failover.third(lab.guest())


class Watched:
    """A guest whose answers, and whose silence, a test says."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, lab: Lab, beats: list[int], data: str = ""
    ) -> None:
        self.done: list[str] = []
        self.guest = lab.guest()

        @contextmanager
        def echo(*_: object) -> Iterator[SimpleNamespace]:
            yield SimpleNamespace(silence_s=1.5)

        def answer(*_: object) -> tuple[Any, str]:
            return Pulse("probe", beats.pop(0)), "it answers"

        monkeypatch.setattr(probeguest, "pinged", echo)
        monkeypatch.setattr(probeguest, "read_pulse", answer)
        monkeypatch.setattr(probeguest, "read_data", lambda *_: data)


def test_what_is_done_is_seen(monkeypatch: pytest.MonkeyPatch, lab: Lab) -> None:
    seen = Watched(monkeypatch, lab, [7, 9]).guest.watched("a deed", lambda: "")
    assert (seen.wrong, seen.silence_s) == ([], 1.5)


def test_data_that_is_broken_under_a_beating_heart_is_told(
    monkeypatch: pytest.MonkeyPatch, lab: Lab
) -> None:
    broken = "its data is broken: data/03 differs"
    seen = Watched(monkeypatch, lab, [7, 9], broken).guest.watched("a deed", lambda: "")
    assert seen.wrong == [broken]


def test_lost_data_and_a_jobs_trouble_are_both_told(
    monkeypatch: pytest.MonkeyPatch, lab: Lab
) -> None:
    seen = Watched(monkeypatch, lab, [7, 5]).guest.watched("a deed", lambda: "job 7 warned")
    assert seen.wrong == [
        "a deed: job 7 warned",
        "its data went back from heartbeat 7 to 5",
    ]


def test_what_was_heard_during_the_deed_must_not_be_lost(
    monkeypatch: pytest.MonkeyPatch, lab: Lab
) -> None:
    guest = Watched(monkeypatch, lab, [7, 9, 8]).guest
    seen = guest.watched("a crash", lambda: guest.pulse()[1] and "")
    assert seen.wrong == ["its data went back from heartbeat 9 to 8"]


def test_the_last_word_of_a_killed_guest_is_heard(
    monkeypatch: pytest.MonkeyPatch, lab: Lab
) -> None:
    guest = Watched(monkeypatch, lab, [7, 9, 8]).guest
    monkeypatch.setattr(guest.operator, "on", lambda *_: "")
    monkeypatch.setattr(failover, "known_down", lambda _: "it was not noticed")
    assert failover.killed(guest, 60).wrong[1:] == ["its data went back from heartbeat 9 to 8"]


def test_what_could_not_be_made_is_not_made_again(lab: Lab) -> None:
    guests = Guests(lab.operator, site())
    with pytest.raises(SiteError):
        guests.sound()
    lab.operator.instances = None  # it is not even asked
    with pytest.raises(SiteError):
        guests.sound()
