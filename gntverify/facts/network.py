"""Links, addresses and routes, from iproute2's JSON."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, ValidationInfo, field_validator

from gntverify.facts.shape import Row, checked, load_json, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

LINKS = ("ip", "-details", "-json", "link", "show")
ADDRESSES = ("ip", "-json", "-4", "address", "show")
ROUTES = ("ip", "-json", "-4", "route", "show", "table", "all")


GUEST_KINDS = ("tun", "veth", "macvtap")
"""Kinds of the ports that guests bring to a bridge."""
FILTERS = ("iptables", "ip6tables", "arptables")
"""What a bridge may have look at the frames it forwards."""


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface.

    Attributes:
        name: without the ``@parent`` that ``ip`` shows to people.
        kind: ``bridge``, ``vlan``, ``tun`` …; ``""`` for hardware.
        mac: empty for links without one.
        mtu: bytes.
        up: whether it is switched on *and* has carrier (flags UP and LOWER_UP).
        enabled: whether it is switched on, with carrier or without.
        master: name of the bridge or bond it is a port of.
        parent: the interface a VLAN stands on.
        vlan: its id.
        stp: whether the spanning tree protocol is on, of a bridge.
        forward_delay_s: of a bridge, in seconds.
        filters: of a bridge, what it calls by its own choice: ``iptables`` and the like.
    """

    name: str
    kind: str
    mac: str
    mtu: int
    up: bool
    enabled: bool
    master: str | None = None
    parent: str | None = None
    vlan: int | None = None
    stp: bool | None = None
    forward_delay_s: float | None = None
    filters: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Address:
    """An IPv4 address on a link; ``dynamic`` when it has a lease and is not static."""

    link: str
    interface: IPv4Interface
    dynamic: bool

    @property
    def ip(self) -> IPv4Address:
        """The address without its prefix."""
        return self.interface.ip

    @property
    def network(self) -> IPv4Network:
        """The network its prefix makes."""
        return self.interface.network


@dataclass(frozen=True, slots=True)
class Route:
    """A unicast IPv4 route; ``link`` is None for one without a device (blackhole …)."""

    destination: IPv4Network
    gateway: IPv4Address | None
    link: str | None

    def __str__(self) -> str:
        via = f" via {self.gateway}" if self.gateway else ""
        return f"{self.destination}{via}"


class _InfoData(Row):
    id: int | None = None
    stp_state: int | None = None
    forward_delay: int | None = None
    nf_call_iptables: int = 0
    nf_call_ip6tables: int = 0
    nf_call_arptables: int = 0


class _LinkInfo(Row):
    info_kind: str = ""
    info_data: _InfoData = _InfoData()

    @field_validator("info_data", mode="before")
    @classmethod
    def _only_known_kinds(cls, value: object, info: ValidationInfo) -> object:
        # other kinds use the same keys for other things (an "id" of vxlan, of geneve)
        known = info.data.get("info_kind") in ("bridge", "vlan")
        return value if known else _InfoData()


class _LinkRow(Row):
    ifname: Annotated[str, Field(min_length=1)]
    flags: list[str]
    mtu: int
    address: str = ""
    master: str | None = None
    link: str | None = None
    linkinfo: _LinkInfo = _LinkInfo()


class _AddressInfo(Row):
    local: IPv4Address
    prefixlen: Annotated[int, Field(ge=0, le=32)]
    dynamic: bool = False


class _AddressRow(Row):
    ifname: Annotated[str, Field(min_length=1)]
    addr_info: list[_AddressInfo]


class _Hop(Row):
    dev: str | None = None
    gateway: IPv4Address | None = None


class _RouteRow(_Hop):
    type: str = "unicast"
    dst: str
    nexthops: tuple[_Hop, ...] = ()


def parse_links(text: str) -> dict[str, Link]:
    """Name to link of ``ip -details -json link show``; every namespace has at least ``lo``.

    Raises:
        ParseError: the text is not what iproute2 prints.
    """
    rows = checked(list[_LinkRow], load_json(text, "ip link"), "ip link")
    if not rows:
        raise refuse("ip link", text)
    return {row.ifname: _link(row) for row in rows}


def _link(row: _LinkRow) -> Link:
    kind, data = row.linkinfo.info_kind, row.linkinfo.info_data
    delay = data.forward_delay
    return Link(
        name=row.ifname,
        kind=kind,
        mac=row.address,
        mtu=row.mtu,
        up={"UP", "LOWER_UP"} <= set(row.flags),
        enabled="UP" in row.flags,
        master=row.master,
        parent=row.link,
        vlan=data.id if kind == "vlan" else None,
        stp=None if data.stp_state is None else data.stp_state != 0,
        forward_delay_s=None if delay is None else delay / 100,  # USER_HZ
        filters=frozenset(f for f in FILTERS if getattr(data, f"nf_call_{f}")),
    )


def parse_addresses(text: str) -> tuple[Address, ...]:
    """IPv4 addresses of ``ip -json -4 address show``; at least 127.0.0.1 on any host.

    Raises:
        ParseError: the text is not what iproute2 prints.
    """
    # with a family given, iproute2 prints {} for every link that has no such address
    data = load_json(text, "ip address")
    rows = checked(list[dict[str, object]], data, "ip address")
    found = checked(list[_AddressRow], [row for row in rows if row], "ip address")
    if not found:
        raise refuse("ip address", text)
    return tuple(
        Address(row.ifname, IPv4Interface(f"{info.local}/{info.prefixlen}"), info.dynamic)
        for row in found
        for info in row.addr_info
    )


def parse_routes(text: str) -> tuple[Route, ...]:
    """Unicast routes of all tables, of ``ip -json -4 route show table all``; there may be none.

    Without any route, not even a local one, no address works.

    Raises:
        ParseError: the text is not what iproute2 prints.
    """
    rows = checked(list[_RouteRow], load_json(text, "ip route"), "ip route")
    if not rows:
        raise refuse("ip route", text)
    return tuple(
        Route(_destination(row.dst), hop.gateway, hop.dev)
        for row in rows
        if row.type == "unicast"
        for hop in row.nexthops or (row,)
    )


def _destination(text: str) -> IPv4Network:
    return checked(IPv4Network, "0.0.0.0/0" if text == "default" else text, "ip route")


def read_links(source: "Source") -> dict[str, Link]:
    """The host's links by name."""
    return parse_links(source.ask(LINKS).text())


def read_addresses(source: "Source") -> tuple[Address, ...]:
    """The host's IPv4 addresses."""
    return parse_addresses(source.ask(ADDRESSES).text())


def read_routes(source: "Source") -> tuple[Route, ...]:
    """The host's unicast IPv4 routes, of all tables."""
    return parse_routes(source.ask(ROUTES).text())
