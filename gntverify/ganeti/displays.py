"""VNC and SPICE: which servers a command line of QEMU starts, and what protects them."""

import re
from dataclasses import dataclass
from ipaddress import ip_address

from gntverify.facts.shape import number, refuse

VNC_PORT = 5900


@dataclass(frozen=True, slots=True)
class Display:
    """A VNC or SPICE server that an instance's process was started with.

    Attributes:
        kind: ``VNC`` or ``SPICE``.
        address: where it listens; ``any`` for everywhere.
        port: likewise.
        missing: what keeps strangers out and is not there: ``password``, ``TLS``.
    """

    kind: str
    address: str
    port: int
    missing: tuple[str, ...]

    @property
    def open(self) -> bool:
        """Whether strangers from other hosts see a screen."""
        return bool(self.missing) and not is_loopback(self.address)

    def __str__(self) -> str:
        return f"{self.kind} on {self.address}:{self.port} without {' and '.join(self.missing)}"


def is_loopback(address: str) -> bool:
    """Whether only the node itself reaches that address, interface name or socket path."""
    if address.startswith("/") or address in ("lo", "localhost"):
        return True
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def properties(text: str) -> dict[str, str]:
    """Name to value of an option's parts behind commas; a bare name has an empty value."""
    pairs = (part.partition("=") for part in text.split(","))
    return {name: value for name, _, value in pairs}


def missing(password: bool, tls: bool) -> tuple[str, ...]:
    """What does not protect a server: ``password``, ``TLS``."""
    return (() if password else ("password",)) + (() if tls else ("TLS",))


def vnc(value: str) -> Display | None:
    """The server that ``-vnc VALUE`` starts; None where it is none, or listens on no network.

    Raises:
        ParseError: the value has a form that is not QEMU's.
    """
    place, _, rest = value.partition(",")
    if place == "none" or place.startswith("unix:"):
        return None
    found = re.fullmatch(r"(.*):([0-9]{1,5})", place)
    if not found:
        raise refuse("kvm -vnc", value)
    flags = properties(rest)
    password = flags.get("password", "off") in ("", "on") or "password-secret" in flags
    address = found[1].strip("[]") or "any"
    return Display(
        "VNC", address, VNC_PORT + int(found[2]), missing(password, "tls-creds" in flags)
    )


def spice(value: str) -> Display | None:
    """The server that ``-spice VALUE`` starts; None where it listens on no network.

    Raises:
        ParseError: the value has a form that is not QEMU's.
    """
    flags = properties(value)
    if flags.get("unix") == "on":
        return None
    port = flags.get("port") or flags.get("tls-port")
    if not port:
        raise refuse("kvm -spice", value)
    password = flags.get("disable-ticketing", "off") not in ("", "on")
    address = flags.get("addr") or "any"
    tls = "port" not in flags  # with both, clients choose
    return Display("SPICE", address, number("kvm -spice", port), missing(password, tls))
