"""Packages, versions, locales, clock and names."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.shape import checked, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

PACKAGES = (
    "dpkg-query",
    "--show",
    "--showformat=${Package}\\t${db:Status-Status}\\t${Version}\\n",
)
KERNEL = ("uname", "--kernel-release")
LOCALES = ("locale", "-a")
CLOCK = ("timedatectl", "show", "--property=Timezone", "--property=NTPSynchronized")
TOO_LATE = "Connection timed out"
"""What timedatectl says when timed, which its question starts, was not up within 25 seconds."""
FQDN = ("hostname", "--fqdn")
OWNERS = ("dpkg-query", "--search")


@dataclass(frozen=True, slots=True)
class Clock:
    """The zone as set, and whether the kernel holds the clock for synchronised."""

    timezone: str
    synchronised: bool


def parse_packages(text: str) -> dict[str, str]:
    """Installed package to version; removed ones and left-over configuration are left out.

    Raises:
        ParseError: the text is not what dpkg-query was told to print, or names no package.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, _, rest = line.partition("\t")
        status, tab, version = rest.partition("\t")
        if not (name and status and tab and "\t" not in version):
            raise refuse("dpkg-query", line)
        if status == "installed":
            found[name] = version
    if not found:
        raise ParseError("`dpkg-query` names no installed package.")
    return found


def parse_owners(text: str) -> dict[str, str]:
    """Path to the package that brought it, as ``dpkg-query --search`` prints them.

    Raises:
        ParseError: a line is neither of these nor tells of a diversion.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        packages, colon, path = line.partition(": /")
        if not colon:
            raise refuse("dpkg-query --search", line)
        if not packages.startswith(("diversion by ", "local diversion ")):
            found[f"/{path}"] = packages.split(", ")[0].partition(":")[0]
    return found


def parse_kernel(text: str) -> str:
    """The running kernel's release.

    Raises:
        ParseError: it is not one word.
    """
    words = text.split()
    if len(words) != 1:
        raise refuse("uname", text)
    return words[0]


def parse_locales(text: str) -> frozenset[str]:
    """Locales as :func:`locale_key` writes them.

    Raises:
        ParseError: not even the C locale is there, which no system lacks.
    """
    found = frozenset(locale_key(line) for line in text.splitlines() if line.strip())
    if "C" not in found:
        raise refuse("locale -a", text)
    return found


def locale_key(name: str) -> str:
    """A locale's name with its codeset in one spelling: ``en_US.UTF-8`` is ``en_US.utf8``."""
    language, dot, codeset = name.strip().partition(".")
    return language + dot + codeset.replace("-", "").lower()


def zone_key(name: str) -> str:
    """A time zone with its aliases in one spelling: ``Etc/UTC`` and ``Zulu`` are ``UTC``."""
    bare = name.removeprefix("Etc/")
    return "UTC" if bare in ("UTC", "UCT", "Universal", "Zulu") else name


def parse_clock(text: str) -> Clock:
    """Zone and synchronisation of ``timedatectl show``.

    Raises:
        ParseError: one of the two is not there.
    """
    values = dict(line.partition("=")[::2] for line in text.splitlines())
    zone, synchronised = values.get("Timezone"), values.get("NTPSynchronized")
    if not zone or synchronised not in ("yes", "no"):
        raise refuse("timedatectl show", text)
    return Clock(zone, synchronised == "yes")


def parse_fqdn(text: str) -> str:
    """The host's own name for itself.

    Raises:
        ParseError: it is not one word.
    """
    words = text.split()
    if len(words) != 1:
        raise refuse("hostname --fqdn", text)
    return words[0]


def names_argv(names: Sequence[str]) -> list[str]:
    """The command that resolves all ``names`` as the host's programs do, for parse_names."""
    words = " ".join(map(shlex.quote, names))
    return [
        "sh",
        "-c",
        f'for n in {words}; do printf "> %s\\n" "$n"; '
        'getent ahostsv4 "$n" || [ $? -eq 2 ] || exit 1; done',
    ]


def parse_names(text: str) -> dict[str, frozenset[IPv4Address]]:
    """Name to its IPv4 addresses; a name that does not resolve has none.

    Raises:
        ParseError: a line is neither a name asked nor an address.
    """
    found: dict[str, set[IPv4Address]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("> "):
            name = line[2:]
            found[name] = set()
        elif name and re.match(r"\S+ +(STREAM|DGRAM|RAW)\b", line):
            found[name].add(checked(IPv4Address, line.split()[0], "getent ahostsv4"))
        else:
            raise refuse("getent ahostsv4", line)
    return {name: frozenset(addresses) for name, addresses in found.items()}


def read_packages(source: "Source") -> dict[str, str]:
    """Installed packages and their versions."""
    return parse_packages(source.ask(PACKAGES).text())


def read_owners(source: "Source", paths: Sequence[str]) -> dict[str, str]:
    """Which package brought each of these paths; one that none brought is left out."""
    answer = source.ask((*OWNERS, *paths))
    return parse_owners(answer.stdout if answer.status() == 1 else answer.text())


def read_kernel(source: "Source") -> str:
    """The running kernel."""
    return parse_kernel(source.ask(KERNEL).text())


def read_locales(source: "Source") -> frozenset[str]:
    """The locales that exist."""
    return parse_locales(source.ask(LOCALES).text())


def read_clock(source: "Source") -> Clock:
    """Zone and synchronisation; where timed came up too late for the question, asked once more."""
    answer = source.ask(CLOCK)
    if answer.rc and TOO_LATE in answer.stderr:
        answer = source.ask(CLOCK, fresh=True)
    return parse_clock(answer.text())


def read_fqdn(source: "Source") -> str:
    """What the host calls itself, in full."""
    return parse_fqdn(source.ask(FQDN).text())


def read_names(source: "Source", names: Sequence[str]) -> Mapping[str, frozenset[IPv4Address]]:
    """What each of ``names`` resolves to on the host.

    Raises:
        ParseError: the answer is not about exactly these names.
    """
    found = parse_names(source.ask(names_argv(names)).text())
    if set(found) != set(names):
        raise refuse("getent ahostsv4", " ".join(found))
    return found
