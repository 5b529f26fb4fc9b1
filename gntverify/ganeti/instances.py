"""``gnt-instance list``: where the mirrors of instances should be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.facts.shape import refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

TOOL = "gnt-instance list"
LIMIT_S = 60.0
# "|" occurs in no field; all are configuration, so no node is asked for them
FIELDS = "name,disk_template,admin_state,pnode,snodes"
COMMAND = ("gnt-instance", "list", "--no-headers", "--separator=|", f"--output={FIELDS}")
STATES = ("up", "down", "offline")


@dataclass(frozen=True, slots=True)
class InstanceState:
    """An instance's configuration.

    Attributes:
        template: of its disks, e.g. ``drbd``.
        admin_state: ``up``, ``down`` or ``offline``: what it should be.
        nodes: primary and secondary nodes.
    """

    template: str
    admin_state: str
    nodes: frozenset[str]


def parse_instances(text: str) -> dict[str, InstanceState]:
    """Instance to its state; a cluster without instances prints nothing.

    Raises:
        ParseError: a line has other fields.
    """
    found: dict[str, InstanceState] = {}
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) != 5 or not all(fields[:4]) or fields[2] not in STATES:
            raise refuse(TOOL, line)
        name, template, state, primary, secondaries = fields
        nodes = frozenset({primary, *filter(None, secondaries.split(","))})
        found[name] = InstanceState(template, state, nodes)
    return found


def read_instances(source: "Source") -> Mapping[str, InstanceState]:
    """Ask the master."""
    return parse_instances(source.ask(COMMAND, timeout_s=LIMIT_S).text())
