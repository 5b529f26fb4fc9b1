"""``gnt-node list``: the role and the group of every node as the master knows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Literal, cast

from gntverify.facts.shape import checked, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

TOOL = "gnt-node list"
LIMIT_S = 60.0
# "|" occurs in no field; all are configuration, so no node is asked for them
FIELDS = "name,role,pip,sip,uuid,master_capable,vm_capable"
COMMAND = ("gnt-node", "list", "--no-headers", "--separator=|", f"--output={FIELDS}")
GROUPS = (*COMMAND[:-1], "--output=name,group")

Role = Literal["M", "C", "R", "D", "O"]


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node's configuration.

    Attributes:
        role: M master, C candidate, R regular, D drained, O offline.
        primary_ip, secondary_ip: as Ganeti knows them.
        uuid: what some of Ganeti's commands call the node instead of its name.
        master_capable: whether it may become a candidate.
        vm_capable: whether it may have instances.
    """

    role: Role
    primary_ip: IPv4Address
    secondary_ip: IPv4Address
    uuid: str
    master_capable: bool
    vm_capable: bool

    @property
    def is_candidate(self) -> bool:
        """Whether it keeps the configuration; the master does."""
        return self.role in ("M", "C")

    @property
    def is_eligible(self) -> bool:
        """Whether it could be a candidate, as it is now."""
        return self.master_capable and self.in_service

    @property
    def in_service(self) -> bool:
        """Whether it is neither drained nor offline."""
        return self.role not in ("D", "O")

    @property
    def takes_instances(self) -> bool:
        """Whether an instance may be put on it now."""
        return self.vm_capable and self.in_service


def parse_nodes(text: str) -> dict[str, NodeState]:
    """Node name to state; a cluster has at least one node.

    Raises:
        ParseError: a line has other fields.
    """
    found: dict[str, NodeState] = {}
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) != 7 or not all(fields) or fields[1] not in ("M", "C", "R", "D", "O"):
            raise refuse(TOOL, line)
        if not set(fields[5:]) <= {"Y", "N"}:
            raise refuse(TOOL, line)
        primary, secondary = (checked(IPv4Address, text, TOOL) for text in fields[2:4])
        able = [word == "Y" for word in fields[5:]]
        found[fields[0]] = NodeState(cast("Role", fields[1]), primary, secondary, fields[4], *able)
    if not found:
        raise refuse(TOOL, text)
    return found


def read_nodes(source: "Source") -> Mapping[str, NodeState]:
    """Ask the master."""
    return parse_nodes(source.ask(COMMAND, timeout_s=LIMIT_S).text())


def parse_groups(text: str) -> Mapping[str, str]:
    """Node to its group.

    Raises:
        ParseError: a line has other fields, or there is none.
    """
    rows = [line.split("|") for line in text.splitlines()]
    for row in rows or [[]]:
        if len(row) != 2 or not all(row):
            raise refuse(TOOL, "|".join(row))
    return {row[0]: row[1] for row in rows}


def read_groups(source: "Source") -> Mapping[str, str]:
    """Ask the master."""
    return parse_groups(source.ask(GROUPS, timeout_s=LIMIT_S).text())
