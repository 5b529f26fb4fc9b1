"""``gnt-instance list``: the NICs of instances."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.facts.shape import refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

TOOL = "gnt-instance list"
LIMIT_S = 60.0
# all are configuration, so no node is asked for them
FIELDS = "name,nic.modes,nic.links,nic.macs,nic.ips"
COMMAND = ("gnt-instance", "list", "--no-headers", "--separator=|", f"--output={FIELDS}")


@dataclass(frozen=True, slots=True)
class Nic:
    """A NIC of an instance.

    Attributes:
        instance: its name.
        number: its place, from 0.
        mode: ``bridged``, ``routed`` or ``openvswitch``.
        link: the bridge it is on, the switch, or the routing table.
        mac: in lower case.
        ip: the address Ganeti gave it, empty when it has none.
    """

    instance: str
    number: int
    mode: str
    link: str
    mac: str
    ip: str

    def __str__(self) -> str:
        return f"{self.instance} NIC {self.number}"


def parse_nics(text: str) -> tuple[Nic, ...]:
    """All NICs of all instances; a cluster without instances prints nothing.

    Raises:
        ParseError: a line has other fields, or the NICs of one are not told whole.
    """
    return tuple(nic for line in text.splitlines() for nic in _nics(line))


def _nics(line: str) -> list[Nic]:
    fields = line.split("|")
    if len(fields) != 5 or not fields[0]:
        raise refuse(TOOL, line)
    name, *columns = fields
    lists = [column.split(",") if column else [] for column in columns]
    if len({len(values) for values in lists}) != 1 or not all(map(all, lists)):
        raise refuse(TOOL, line)
    return [
        Nic(name, number, mode, link, mac.lower(), "" if ip == "None" else ip)
        for number, (mode, link, mac, ip) in enumerate(zip(*lists, strict=True))
    ]


def read_nics(source: "Source") -> tuple[Nic, ...]:
    """Ask the master."""
    return parse_nics(source.ask(COMMAND, timeout_s=LIMIT_S).text())
