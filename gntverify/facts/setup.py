"""How links are set up: by ifupdown at the next boot, and as they are now, in the same words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.interfaces import MAIN, Stanza
from gntverify.facts.network import GUEST_KINDS, Address, Link, Route
from gntverify.facts.shape import checked, number, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

IFUPDOWN = "networking.service"
SETTERS = (IFUPDOWN, "NetworkManager.service", "systemd-networkd.service")
COMMAND = ("systemctl", "show", "--property=Id,UnitFileState,ActiveState", *SETTERS)
LEASED = frozenset({"leased"})
DEFAULT_DELAY_S = 15.0
"""Of a bridge whose stanza says nothing of it: the kernel's."""
HOOKS = ("pre_up", "up", "post_up")

Setup = dict[tuple[str, str], object]
"""Link and aspect to what is set; an aspect that nobody sets is not there.

The aspects: ``address``, ``gateway``, ``ports``, ``STP``, ``forward delay``, ``VLAN``, ``MTU``.
"""


@dataclass(frozen=True, slots=True)
class Unit:
    """A service of systemd: whether a boot starts it, and whether it runs."""

    enabled: bool
    active: bool


def parse_units(text: str) -> dict[str, Unit]:
    """Name of each of :data:`SETTERS` to its state; one that is not installed does not run.

    Raises:
        ParseError: one is missing, or a line is not what systemctl was told to print.
    """
    found: dict[str, Unit] = {}
    for block in text.strip("\n").split("\n\n"):
        fields = dict(line.split("=", 1) for line in block.split("\n") if "=" in line)
        if fields.keys() != {"Id", "UnitFileState", "ActiveState"}:
            raise refuse("systemctl show", block)
        enabled = fields["UnitFileState"] in ("enabled", "enabled-runtime", "generated")
        found[fields["Id"]] = Unit(enabled, fields["ActiveState"] == "active")
    if found.keys() != set(SETTERS):
        raise refuse("systemctl show", text)
    return found


def setter(units: Mapping[str, Unit]) -> str:
    """The one service that sets up the network at boot; empty when none does.

    Raises:
        ParseError: several would, and which of them sets what is known to nobody but them.
    """
    found = [name for name, u in units.items() if u.enabled or (u.active and name != IFUPDOWN)]
    if len(found) > 1:
        raise ParseError(
            f"Several services set up the network here ({', '.join(found)}), and which of them "
            "sets what cannot be told from their files."
        )
    return found[0] if found else ""


def at_boot(stanzas: Sequence[Stanza]) -> Setup:
    """What a boot sets by the stanzas that an ``auto`` names.

    Raises:
        ParseError: a value is not understood, or only a script knows what it means.
    """
    found: Setup = {}
    for stanza in stanzas:
        if not stanza.automatic or stanza.family != "inet":
            continue
        for key, value in _set_by(stanza):
            # several stanzas of one link add up: eth0, and its alias eth0:1
            before = found.get(key)
            both = isinstance(before, frozenset) and isinstance(value, frozenset)
            found[key] = before | value if both else value  # type: ignore[operator]  # both sets
    return found


def _set_by(stanza: Stanza) -> Iterator[tuple[tuple[str, str], object]]:
    link = link_of(stanza)
    if stanza.method == "dhcp":
        yield (link, "address"), LEASED
    if stanza.method == "static":
        yield (link, "address"), frozenset({_address(stanza)})
        if gateway := _value(stanza, "gateway"):
            yield (link, "gateway"), frozenset({str(checked(IPv4Address, gateway, MAIN))})
    if mtu := _value(stanza, "mtu"):
        yield (link, "MTU"), number(f"{MAIN}: mtu", mtu)
    yield from _vlan(link, stanza)
    if "bridge_ports" in stanza.options:
        yield from _bridge(link, stanza)


def link_of(stanza: Stanza) -> str:
    """The link that a stanza sets up: ``eth0`` of ``eth0:1``."""
    return stanza.name.partition(":")[0]


def _value(stanza: Stanza, option: str) -> str:
    values = stanza.options.get(option, ())
    if len(values) > 1:
        raise refuse(MAIN, f"iface {stanza.name}: {option} {' | '.join(values)}")
    return values[0] if values else ""


def _address(stanza: Stanza) -> str:
    text, mask = _value(stanza, "address"), _value(stanza, "netmask")
    if "/" not in text:
        own = checked(IPv4Address, text, MAIN)
        text = f"{own}/{mask or _class_length(own)}"
    return str(checked(IPv4Interface, text, MAIN))


def _class_length(address: IPv4Address) -> int:
    # seen with `ifup --no-act`: without a netmask ifupdown goes by the classes of RFC 791
    first = address.packed[0]
    return 8 if first < 128 else 16 if first < 192 else 24


def _vlan(link: str, stanza: Stanza) -> Iterator[tuple[tuple[str, str], object]]:
    raw, own_id = _value(stanza, "vlan_raw_device"), _value(stanza, "vlan_id")
    parent, dot, last = link.rpartition(".")
    if raw or dot:
        name = own_id or (last if dot else link.removeprefix("vlan"))
        yield (link, "VLAN"), f"{number(f'{MAIN}: VLAN of {link}', name)} on {raw or parent}"


def _bridge(link: str, stanza: Stanza) -> Iterator[tuple[tuple[str, str], object]]:
    words = _value(stanza, "bridge_ports").split()
    if {"all", "regex", "noregex"} & set(words):
        raise refuse(MAIN, f"iface {stanza.name}: bridge_ports {' '.join(words)}")
    ports = frozenset(words) - {"none"}
    if ports:
        yield (link, "ports"), ports
    stp, delay = _value(stanza, "bridge_stp"), _value(stanza, "bridge_fd")
    yield (link, "STP"), "on" if stp in ("on", "yes") else "off"
    yield (link, "forward delay"), f"{_seconds(stanza, delay)} s"
    for port in sorted(ports):  # bridge-utils makes a tagged port by its name
        yield from _vlan(port, Stanza(port, "inet", "manual", {}, True))


def _seconds(stanza: Stanza, text: str) -> float:
    try:
        return float(text) if text else DEFAULT_DELAY_S
    except ValueError as err:
        raise refuse(MAIN, f"iface {stanza.name}: bridge_fd {text}") from err


def scripted(stanzas: Iterable[Stanza]) -> frozenset[str]:
    """The links whose stanzas run commands of their own at boot, which may set anything."""
    return frozenset(
        link_of(stanza)
        for stanza in stanzas
        if stanza.automatic and set(HOOKS) & set(stanza.options)
    )


def in_force(
    links: Iterable[Link], addresses: Iterable[Address], routes: Iterable[Route]
) -> Setup:
    """What is set now, on all links but those of guests."""
    own = {link.name: link for link in links if link.kind not in GUEST_KINDS}
    sets: dict[tuple[str, str], set[str]] = {}
    for address in addresses:
        if not address.ip.is_loopback:
            shown = "leased" if address.dynamic else str(address.interface)
            sets.setdefault((address.link, "address"), set()).add(shown)
    for route in routes:
        if route.destination.prefixlen == 0 and route.link:
            sets.setdefault((route.link, "gateway"), set()).add(str(route.gateway))
    for link in own.values():
        if link.master:
            sets.setdefault((link.master, "ports"), set()).add(link.name)
    found: Setup = {key: frozenset(value) for key, value in sets.items() if key[0] in own}
    for link in own.values():
        found[link.name, "MTU"] = link.mtu
        if link.kind == "vlan":
            found[link.name, "VLAN"] = f"{link.vlan} on {link.parent}"
        if link.kind == "bridge":
            found[link.name, "STP"] = "on" if link.stp else "off"
            found[link.name, "forward delay"] = f"{link.forward_delay_s} s"
    return found


def read_units(source: "Source") -> dict[str, Unit]:
    """The services that could set up the host's network."""
    return parse_units(source.ask(COMMAND).text())
