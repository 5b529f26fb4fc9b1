"""Between which addresses DRBD mirrors: as its connections are set up, and as sockets show it."""

from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from gntverify.facts.shape import checked, number, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

# drbdsetup shows the shared secret too: nothing but names and addresses leaves the node
ENDS = (
    "sh",
    "-c",
    "all=$(drbdsetup show) && printf '%s\\n' \"$all\" | awk '"
    '$1 == "resource" {print $1, $2} '
    "$1 ~ /_host$/ {host = $1} "
    '$1 == "address" {print host, $2, $3}\'',
)
SOCKETS = ("ss", "-a", "-n", "-t", "-H")
LIVE = ("ESTAB", "LISTEN", "SYN-SENT", "SYN-RECV")

Ip = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class End:
    """This node's end of a connection; ``peer`` is None for a socket that only listens.

    Attributes:
        what: the resource of DRBD, or the state of the socket.
        own, peer: addresses.
        ports: own and peer's.
    """

    what: str
    own: Ip
    peer: Ip | None
    ports: tuple[int, int]

    def __str__(self) -> str:
        far = f" → {self.peer}:{self.ports[1]}" if self.peer else ""
        return f"{self.what} {self.own}:{self.ports[0]}{far}"


def parse_ends(text: str) -> tuple[End, ...]:
    """Connections as DRBD has them, of :data:`ENDS`; a resource may be without one.

    Raises:
        ParseError: a line is not understood, a connection has one end, or there is no resource.
    """
    found: list[End] = []
    resource, hosts = "", dict[str, tuple[IPv4Address, int]]()
    for line in [*text.splitlines(), "resource "]:
        words = line.split(" ")
        if words[0] == "resource" and len(words) == 2:
            if hosts:
                found.append(_end(resource, hosts))
            resource, hosts = words[1], {}
        elif resource and len(words) == 3 and words[1] == "ipv4" and words[0] not in hosts:
            place, _, port = words[2].rstrip(";").rpartition(":")
            hosts[words[0]] = (checked(IPv4Address, place, "drbdsetup"), number("drbdsetup", port))
        else:
            raise refuse("drbdsetup show", line)
    if "resource " not in text:
        raise refuse("drbdsetup show", text)
    return tuple(found)


def _end(resource: str, hosts: dict[str, tuple[IPv4Address, int]]) -> End:
    if hosts.keys() != {"_this_host", "_remote_host"}:
        raise refuse("drbdsetup show", f"{resource}: {', '.join(hosts)}")
    (own, own_port), (peer, peer_port) = hosts["_this_host"], hosts["_remote_host"]
    return End(resource, own, peer, (own_port, peer_port))


def parse_sockets(text: str) -> tuple[End, ...]:
    """Live TCP sockets of ``ss -a``; a host has one at least, its sshd's.

    Raises:
        ParseError: a line is not what ss prints, or there is none.
    """
    found = [_socket(line) for line in text.splitlines()]
    if not found:
        raise refuse("ss", text)
    return tuple(end for end in found if end.what in LIVE)


def _socket(line: str) -> End:
    fields = line.split()
    if len(fields) < 5 or not fields[1].isdecimal() or not fields[2].isdecimal():
        raise refuse("ss", line)
    (own, own_port), (peer, peer_port) = (_place(field, line) for field in fields[3:5])
    listens = fields[0] == "LISTEN"
    return End(fields[0], own, None if listens else peer, (own_port, peer_port))


def _place(text: str, line: str) -> tuple[Ip, int]:
    place, _, port = text.rpartition(":")
    plain = place.partition("%")[0].strip("[]")
    try:
        # ss writes * for any address, and for any port
        ip = ip_address("0.0.0.0" if plain == "*" else plain)  # noqa: S104 - nothing is bound
    except ValueError as err:
        raise refuse("ss", line) from err
    return ip, 0 if port == "*" else number("ss", port)


def of_ports(sockets: Collection[End], ends: Collection[End]) -> tuple[End, ...]:
    """The sockets of these connections: with its own port at this end, or the peer's there."""
    own, far = {end.ports[0] for end in ends}, {end.ports[1] for end in ends}
    return tuple(s for s in sockets if s.ports[0] in own or (s.peer and s.ports[1] in far))


def read_ends(source: "Source") -> tuple[End, ...]:
    """The connections of the host's DRBD, whose module must be loaded: asking would load it."""
    return parse_ends(source.ask(ENDS).text())


def read_sockets(source: "Source") -> tuple[End, ...]:
    """The host's live TCP sockets."""
    return parse_sockets(source.ask(SOCKETS).text())
