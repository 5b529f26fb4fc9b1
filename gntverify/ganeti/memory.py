"""Memory: what each node has left, and what it would need if another one failed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.errors import CommandFailed
from gntverify.facts.shape import number, refuse
from gntverify.ganeti.instances import Instance

if TYPE_CHECKING:
    from gntverify.transport.source import Source

LIMIT_S = 90.0
# Free memory is live: the master asks each node for it.
NODES = (
    "gnt-node",
    "list",
    "--no-headers",
    "--units=m",
    "--separator=|",
    "--output=name,mtotal,mfree",
)
UNTOLD = ("?", "*", "-")
"""Printed for a node that did not tell, is marked offline, or takes no instances."""


@dataclass(frozen=True, slots=True)
class Room:
    """A node's memory in MiB."""

    total_mib: int
    free_mib: int


@dataclass(frozen=True)
class Memory:
    """All nodes and instances by name; None for a node that did not tell."""

    rooms: Mapping[str, Room | None]
    instances: Mapping[str, Instance]

    @property
    def mirrored(self) -> frozenset[str]:
        """Instances that another node is to take over."""
        return frozenset(
            name for name, one in self.instances.items() if one.balanced and one.secondaries
        )

    def left_mib(self, node: str) -> int:
        """What a failover may use there: what is free, less what is promised and not taken yet.

        KVM gives a guest its memory as the guest first touches it, so that what is free may long
        be promised; Ganeti's own check does not see that.

        Raises:
            CommandFailed: the node did not tell.
        """
        room = self.rooms.get(node)
        if room is None:
            raise CommandFailed(f"`gnt-node list` has no word of the memory of {node!r}.")
        own = [
            one.memory_mib[0]
            for one in self.instances.values()
            if one.primary == node and one.admin_state == "up"
        ]
        return min(room.free_mib, room.total_mib - sum(own))

    def needed_mib(self) -> Mapping[tuple[str, str], int]:
        """Secondary and primary to what the first needs if the second fails.

        As Ganeti counts: stopped instances too, since someone may want to start them then.
        """
        needs: Counter[tuple[str, str]] = Counter()
        for name in self.mirrored:
            one = self.instances[name]
            for secondary in one.secondaries:
                needs[secondary, one.primary] += one.memory_mib[0]
        return needs

    def shortages(self, nodes: frozenset[str]) -> dict[str, str]:
        """Those of the nodes that could not take over from another one, and what they lack.

        Raises:
            CommandFailed: one of them did not tell.
        """
        return {
            f"{node} for {primary}": f"{needed} MiB needed, {self.left_mib(node)} MiB left"
            for (node, primary), needed in sorted(self.needed_mib().items())
            if node in nodes and needed > self.left_mib(node)
        }


def parse_rooms(text: str) -> dict[str, Room | None]:
    """Node to its memory; a cluster has at least one node.

    Raises:
        ParseError: a line has other fields.
    """
    found: dict[str, Room | None] = {}
    for line in text.splitlines():
        fields = line.split("|")
        if len(fields) != 3 or not all(fields):
            raise refuse("gnt-node list", line)
        name, *sizes = fields
        known = not set(sizes) & set(UNTOLD)
        found[name] = Room(*(number("gnt-node list", size) for size in sizes)) if known else None
    if not found:
        raise refuse("gnt-node list", text)
    return found


def read_rooms(source: "Source") -> Mapping[str, Room | None]:
    """Ask the master, which asks the nodes."""
    return parse_rooms(source.ask(NODES, timeout_s=LIMIT_S).text())
