"""``gnt-node list``: the role of every node as the master knows it."""

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
COMMAND = ("gnt-node", "list", "--no-headers", "--separator=|", "--output=name,role,pip,sip,uuid")

Role = Literal["M", "C", "R", "D", "O"]


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node's configuration.

    Attributes:
        role: M master, C candidate, R regular, D drained, O offline.
        primary_ip, secondary_ip: as Ganeti knows them.
        uuid: what some of Ganeti's commands call the node instead of its name.
    """

    role: Role
    primary_ip: IPv4Address
    secondary_ip: IPv4Address
    uuid: str


def parse_nodes(text: str) -> dict[str, NodeState]:
    """Node name to state; a cluster has at least one node.

    Raises:
        ParseError: a line has other fields.
    """
    found: dict[str, NodeState] = {}
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) != 5 or not all(fields) or fields[1] not in ("M", "C", "R", "D", "O"):
            raise refuse(TOOL, line)
        primary, secondary = (checked(IPv4Address, text, TOOL) for text in fields[2:4])
        found[fields[0]] = NodeState(cast("Role", fields[1]), primary, secondary, fields[4])
    if not found:
        raise refuse(TOOL, text)
    return found


def read_nodes(source: "Source") -> Mapping[str, NodeState]:
    """Ask the master."""
    return parse_nodes(source.ask(COMMAND, timeout_s=LIMIT_S).text())
