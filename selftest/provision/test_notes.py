"""docs/notes.md: every statement has its step and its control, and every step its statement."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from gntverify.catalogue import load_controls, load_drills
from gntverify.planned import load_planned
from gntverify.site import Site, load_site
from gntverify.site.image import Image
from gntverify.site.model import Kvm, OperatingSystem
from provision.connector import BlankConnector
from provision.engine import _planned, _prepared, step_name
from provision.inventory import make_inventory, new_state
from provision.notes import SECTIONS
from provision.section import Context

ROOM = Path(__file__).parents[2]
HEADINGS = [
    "What is Ganeti?",
    "Terminology",
    "Network Topology",
    "Base System Setup",
    "Setting Up Ganeti",
    "DRBD Configuration",
    "Installing the Operating System Support Packages",
    "Startup of the Cluster and the First Secondary Node",
    "Instance Creation from an Installation Image",
    "Instance Creation with ganeti-instance-image",
    "Private and Public Networks",
    "What About Security?",
    "High Availability",
    "Replication and Backup Strategies",
    "Performance Tuning",
    "Solving Problems",
    "Changelog",
]
"""Of the deployment notes, in their order."""
COLUMNS = ["the notes", "built by", "verified by", "today"]
IDS = re.compile(r"\b[A-Z][0-9]{2}\b")


@dataclass(frozen=True)
class Statement:
    """One row of the tables."""

    heading: str
    quote: str
    built_by: str
    verified_by: str
    today: str

    @property
    def steps(self) -> list[str]:
        """``module: step`` of each step it names."""
        return [step.replace("`", "") for step in self.built_by.split("; ") if step]


def statements() -> list[Statement]:
    """All rows of docs/notes.md."""
    found, heading = [], ""
    for line in (ROOM / "docs" / "notes.md").read_text(encoding="utf-8").splitlines():
        heading = line[3:] if line.startswith("## ") else heading
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if cells and cells != COLUMNS and set(line) != {"|", "-"}:
            found.append(Statement(heading, *cells))
    return found


def steps_of(site: Site) -> set[str]:
    """Every step of provision, ``module: name``, with NODE and CLUSTER for the site's names."""
    inventory = make_inventory(site, BlankConnector)
    for host in inventory:
        host.connected = True
    new_state(inventory)
    context = Context(site, inventory, site.nodes[0].name)
    found = set()
    for section in SECTIONS:
        for stage in section.stages:
            state = _prepared(section, stage, context)
            context.planned.extend(_planned(state))  # later steps build on it
            module = stage.deploy.__module__.rpartition(".")[2]
            names = [step_name(state, op_hash).partition(": ")[2] for op_hash in state.op_meta]
            found |= {f"{module}: {_general(name, site)}" for name in names}
    return found


def _general(step: str, site: Site) -> str:
    for node in site.nodes:
        step = step.replace(node.name, "NODE")
    return step.replace(site.cluster.name or "", "CLUSTER")


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The steps of the lab, and those that only another site asks for."""
    package = tmp_path_factory.mktemp("os") / "image.deb"
    package.touch()
    lab = load_site(ROOM / "sites" / "lab.toml")
    image = OperatingSystem(name="image", source=str(package))
    notes = Image.model_validate(
        {
            "settings": {"IMAGE_NAME": "debian-6.0"},
            "subnets": {"ripe": {"network": "178.33.145.128/26", "gateway": "178.33.145.190"}},
            "instances": {"vm117.ceondo.net": {"address": "178.33.145.157", "subnet": "ripe"}},
        }
    )
    other = lab.model_copy(
        update={"kvm": Kvm(wrapper=True), "os": [image], "image": notes},
    )
    return steps_of(lab) | steps_of(other)


def test_every_section_of_the_notes_is_there() -> None:
    told = [statement.heading for statement in statements()]
    assert list(dict.fromkeys(told)) == HEADINGS


def test_every_statement_has_a_control_or_a_reason() -> None:
    bare = [
        statement.quote
        for statement in statements()
        if not (
            re.fullmatch(r"[A-Z][0-9]{2}(, [A-Z][0-9]{2})*", statement.verified_by)
            or re.match("none: .{10}", statement.verified_by)
        )
    ]
    assert bare == []
    assert [statement.quote for statement in statements() if not statement.quote] == []


def test_every_control_that_is_named_is_there_or_will_be() -> None:
    planned = load_planned()
    there = {one.control.id for one in (*load_controls(), *load_drills())}
    promised = there | (planned.planned.keys() - planned.excused.keys())
    named = {id_ for one in statements() for id_ in IDS.findall(one.verified_by)}
    assert named - promised == set()
    mentioned = {id_ for one in statements() for id_ in IDS.findall(one.today)}
    assert mentioned - promised - planned.excused.keys() == set()


def test_every_control_is_asked_for_by_a_statement() -> None:
    named = {id_ for one in statements() for id_ in IDS.findall(f"{one.verified_by} {one.today}")}
    assert {one.control.id for one in load_controls()} - named == set()


def test_every_step_that_is_named_is_one(steps: set[str]) -> None:
    assert {step for one in statements() for step in one.steps} - steps == set()


def test_every_step_has_its_statement(steps: set[str]) -> None:
    assert steps - {step for one in statements() for step in one.steps} == set()
