"""What a climb of the restore ladder asks of a cluster, and what it makes of the answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest

from gntverify.backups import READ_ONLY
from gntverify.controls import NotApplicable
from gntverify.drills import answers, link, restore
from gntverify.drills.exports import Subject
from gntverify.drills.restore import Ladder
from gntverify.errors import CommandFailed
from gntverify.ganeti.exports import DIRECTORY, Export
from gntverify.ganeti.instances import Nic
from gntverify.site import load_site
from gntverify.site.drills import Probe
from selftest.suite import ROOT

SITE = load_site(ROOT / "sites" / "lab.toml")
NAME = "vm2.gnt.example"
MAC = "aa:00:00:11:22:33"
CONFIG = {
    "name": NAME,
    "os": "debootstrap+default",
    "hypervisor": "kvm",
    "nic_count": "2",
    "nic0_ip": "192.168.255.254",
    "nic0_mac": MAC.upper(),
}


class Operator:
    """Takes what it is asked, and answers what a test says."""

    run = "a1"

    def __init__(self) -> None:
        self.master = SimpleNamespace(
            name="node2.gnt.example", short="node2", source=SimpleNamespace(name="node2")
        )
        self.ledger = SimpleNamespace(undo=lambda *words: words, entries=["made"])
        self.asked: list[tuple[str, ...]] = []
        self.limits: list[float] = []
        self.took: dict[str, float] = {}
        self.found: dict[str, Any] = {}

    @contextmanager
    def step(self, _words: str) -> Iterator[None]:
        """Not told."""
        yield

    def note(self, words: str, seconds: float) -> None:
        """Kept."""
        self.took[words] = seconds

    def name(self, number: int) -> str:
        """A name of the run."""
        return f"gntverify-a1-{number}.gnt.example"

    def on(self, _node: object, *words: str) -> str:
        """Nothing comes back."""
        self.asked.append(words)
        return ""

    def creating(self, name: str, *options: str) -> tuple[str, ...]:
        """The options as they are."""
        return (*options, name)

    def job(self, *argv: str, limit_s: float) -> Any:
        """It succeeds."""
        self.asked.append(argv)
        self.limits.append(limit_s)
        return SimpleNamespace(trouble="")

    def instances(self) -> dict[str, Any]:
        """As the test says."""
        return self.found


@pytest.fixture
def operator() -> Operator:
    return Operator()


def climb(operator: Operator, site: Any = SITE, **config: str) -> Ladder:
    """A ladder whose export was read, and whose link was made."""
    node: Any = SimpleNamespace(name="node2.gnt.example", short="node2", source=None)
    files: Any = {"config.ini": SimpleNamespace(mode=READ_ONLY)}
    export = Export(files, {"os": CONFIG["os"]}, 60)
    anybody: Any = operator
    subject = Subject(NAME, node, PurePosixPath(DIRECTORY) / NAME, export)
    made = Ladder(anybody, site, subject)
    alone: Any = link.Link(node, "gntva1", "aa:bb", anybody)
    made._known |= {"config": (CONFIG | config, ""), "link": alone, "node": node}
    return made


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    found = frozenset(map(IPv4Address, addresses))
    monkeypatch.setattr(restore, "read_names", lambda _, names: dict.fromkeys(names, found))


def test_a_name_that_does_not_resolve_is_told(
    monkeypatch: pytest.MonkeyPatch, operator: Operator
) -> None:
    resolving(monkeypatch, "192.168.255.254")
    assert climb(operator).misplaced() == []
    assert operator.took == {f"{NAME}: age of the export": 60}
    resolving(monkeypatch)
    (wrong,) = climb(operator).misplaced()
    assert wrong == f"{NAME} does not resolve on node2, so `gnt-backup import` refuses it"
    lenient = SITE.model_copy(
        update={"drills": SITE.drills.model_copy(update={"name_check": False})}
    )
    assert climb(operator, lenient).misplaced() == []


def options(operator: Operator) -> dict[str, list[str]]:
    """Option to its values, of the import that was asked for."""
    words = list(operator.asked[-1])
    found: dict[str, list[str]] = {}
    for word, value in pairwise(words):
        if word.startswith("-"):
            found.setdefault(word, []).append(value)
    return found


def test_every_card_of_the_copy_is_on_the_drills_link(operator: Operator) -> None:
    climb(operator).imported()
    assert operator.asked[-1][:2] == ("gnt-backup", "import")
    assert options(operator)["--net"] == [
        f"{nic}:link=gntva1,mode=bridged,mac=generate" for nic in range(2)
    ]


def test_the_copy_has_no_screen_device_or_medium_of_the_original(operator: Operator) -> None:
    """Nobody else looks at it, and nothing that the export brings leads past the link."""
    climb(operator).imported()
    (words,) = options(operator)["-H"]
    hypervisor, _, said = words.partition(":")
    have = dict(word.split("=") for word in said.split(","))
    assert hypervisor == "kvm"
    empty = ("vnc_bind_address", "kvm_extra", "cdrom_image_path", "cdrom2_image_path")
    assert {have[name] for name in empty} == {""}
    assert (have["boot_order"], have["serial_console"]) == ("disk", "true")
    assert "spice_bind" not in have, "without it, its other parameters are refused"
    climb(operator, spice_bind="0.0.0.0").imported()  # noqa: S104 # of an export
    assert options(operator)["-H"][0].endswith(",spice_bind=127.0.0.1")
    of_xen = climb(operator, hypervisor="xen-pvm")
    of_xen.imported()
    assert "-H" not in options(operator)
    with pytest.raises(NotApplicable, match="a guest of xen-pvm"):
        of_xen.boots()


def test_an_import_has_the_time_that_the_site_gives_a_restore(operator: Operator) -> None:
    climb(operator).imported()
    assert operator.limits == [240 * 60]


@pytest.mark.parametrize(
    ("link", "mac", "strayed"),
    [
        ("gntva1", "aa:00:00:99:99:99", False),
        ("xen-br0", "aa:00:00:99:99:99", True),
        ("gntva1", MAC, True),
    ],
)
def test_a_card_on_another_link_or_with_the_originals_mac_is_told(
    operator: Operator, link: str, mac: str, *, strayed: bool
) -> None:
    made = climb(operator)
    nic = Nic("bridged", link, mac, "")
    operator.found = {made.name: SimpleNamespace(nics=[nic])}
    assert made.strayed() == ([str(nic)] if strayed else [])


@pytest.mark.parametrize("told", ["", "None", "999.1.1.1", "1.2.3"])
def test_what_is_no_address_is_none(operator: Operator, told: str) -> None:
    assert climb(operator, nic0_ip=told).address is None
    assert climb(operator).address == IPv4Address(CONFIG["nic0_ip"])


def asked(
    monkeypatch: pytest.MonkeyPatch, operator: Operator, *said: tuple[str, str]
) -> answers.Guest:
    """A guest that answers so, one after the other; no time passes."""
    made = climb(operator)
    turns = iter(said)
    last = said[-1]
    monkeypatch.setattr(link, "ask", lambda *_: next(turns, last))
    monkeypatch.setattr(answers, "ANSWER_S", 0.1)
    monkeypatch.setattr(answers, "EVERY_S", 0.01)
    anybody: Any = operator
    return answers.Guest(anybody, made.link, made.name, NAME, made.address)


def test_a_service_that_comes_late_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, operator: Operator
) -> None:
    guest = asked(monkeypatch, operator, ("", "refused"), ("welcome", ""))
    assert guest.silent([Probe(kind="http", want="welcome")]) == []


def test_what_is_not_answered_is_told_with_what_came(
    monkeypatch: pytest.MonkeyPatch, operator: Operator
) -> None:
    guest = asked(monkeypatch, operator, ("", "Connection refused"))
    assert guest.silent([Probe(kind="tcp", port=5432)]) == ["tcp 5432: Connection refused"]
    guest = asked(monkeypatch, operator, ("hello", ""))
    assert guest.silent([Probe(kind="http", want="welcome")]) == [
        "http /: 'hello', expected 'welcome'"
    ]


def test_a_guest_without_an_address_cannot_be_asked(operator: Operator) -> None:
    made = climb(operator, nic0_ip="")
    anybody: Any = operator
    guest = answers.Guest(anybody, made.link, made.name, NAME, made.address)
    with pytest.raises(CommandFailed, match=r"drills\.guests, address"):
        guest.silent([Probe(kind="ping")])


@pytest.mark.parametrize(("able", "place"), [(True, "node2"), (False, "node3")])
def test_a_node_that_takes_no_instances_is_not_restored_on(
    monkeypatch: pytest.MonkeyPatch, operator: Any, place: str, *, able: bool
) -> None:
    made = climb(operator)
    del made._known["node"]
    other = SimpleNamespace(name="node3.gnt.example", short="node3")
    operator.cluster = SimpleNamespace(nodes=[made.subject.node, other])
    states = {
        "node2.gnt.example": SimpleNamespace(takes_instances=able),
        "node3.gnt.example": SimpleNamespace(takes_instances=True),
    }
    monkeypatch.setattr(restore, "read_nodes", lambda _: states)
    assert made.node.short == place


def test_what_cannot_be_imported_here_is_not_tried_further(operator: Operator) -> None:
    made = climb(operator)
    made.levels = {"L0": "pass", "L1": "pass", "L2": "not-applicable"}
    with pytest.raises(NotApplicable, match="cannot be imported"), made.judged("L3"):
        raise AssertionError("was tried")
    assert made.levels["L3"] == "not-applicable"


def test_a_restore_that_lasts_is_told(operator: Operator) -> None:
    made = climb(operator)
    made.took = {"import": 60.0}
    assert made.late == ""
    made.took = {"import": 60.0 * 60 * 24}
    assert "restored in 1440.0 min, expected at most 240" in made.late
