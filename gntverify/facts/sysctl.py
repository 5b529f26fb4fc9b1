"""Kernel parameters: what is in force per interface, and what the files set at boot."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.network import FILTERS
from gntverify.facts.shape import cat, parse_cat, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

RUNTIME = ("sysctl", "--all", "--pattern", r"^net\.ipv4\.conf\.")
# sysctl.d(5): of two files of one name the earlier directory's counts
DIRECTORIES = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d")
FILES = cat([f"{directory}/*.conf" for directory in DIRECTORIES])
# the first is there on any kernel: an answer without it is none
WITNESS = "/proc/sys/kernel/osrelease"
BRIDGE_CALL = "/proc/sys/net/bridge/bridge-nf-call-"
BRIDGE_CALLS = cat([WITNESS, f"{BRIDGE_CALL}*"])
PSEUDO = frozenset({"all", "default"})

Table = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that a file sets at boot."""

    value: str
    path: str


def parse_interface_sysctls(text: str) -> dict[str, dict[str, int]]:
    """Interface (``all`` and ``default`` too) to parameter to value, of ``net.ipv4.conf``.

    Raises:
        ParseError: the text is not what sysctl prints, or ``all`` or ``default`` is missing.
    """
    table: dict[str, dict[str, int]] = {}
    for line in text.splitlines():
        # a dot in an interface's name is printed as a slash: eth0/2186
        found = re.fullmatch(r"net\.ipv4\.conf\.([^.]+)\.(\w+) = (-?[0-9]+)", line, re.ASCII)
        if not found:
            raise refuse("sysctl --all", line)
        table.setdefault(found[1].replace("/", "."), {})[found[2]] = int(found[3])
    if not table.keys() >= PSEUDO:
        raise ParseError("`sysctl --all` prints no net.ipv4.conf.all and .default.")
    return table


def parse_parameters(text: str) -> dict[str, str]:
    """Parameter to value, as ``sysctl KEY KEY …`` prints them.

    Raises:
        ParseError: a line is no ``KEY = VALUE``.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, equals, value = line.partition(" = ")
        if not equals or not re.fullmatch(r"[\w./*-]+", key):
            raise refuse("sysctl", line)
        found[key] = value.strip()
    return found


def parse_bridge_calls(files: Mapping[str, str]) -> frozenset[str] | None:
    """``iptables``, ``ip6tables``, ``arptables``: those that see the frames of every bridge.

    None where br_netfilter is not loaded: then there are no such parameters, and nothing sees
    a frame.

    Raises:
        ParseError: no parameter of the kernel could be read at all, or one is neither 0 nor 1.
    """
    if not files.get(WITNESS, "").strip():
        raise ParseError(f"Nothing was read below /proc/sys, not even {WITNESS!r}.")
    values = {p.removeprefix(BRIDGE_CALL): t.strip() for p, t in files.items() if p != WITNESS}
    for name, value in values.items():
        if name not in FILTERS or value not in ("0", "1"):
            raise refuse(f"{BRIDGE_CALL}*", f"{name}: {value}")
    return frozenset(name for name, value in values.items() if value == "1") if values else None


def parse_sysctl_files(files: Mapping[str, str]) -> dict[str, Setting]:
    """Key or pattern to what systemd-sysctl would set at boot, keys with dots.

    Files are taken in the order of their names whatever directory they lie in, of two of one
    name that of the earlier directory; the last assignment of a key counts. A key excluded
    from patterns (``-key`` with no value) is there with an empty path.

    Raises:
        ParseError: a line is neither comment nor assignment (systemd-sysctl ignores such a line
            with a warning; here nobody can tell what was meant).
    """
    settings: dict[str, Setting] = {}
    for path in ordered(files):
        for line in files[path].split("\n"):
            text = line.strip()
            if not text or text[0] in "#;":
                continue
            key, equals, value = text.partition("=")
            key = key.strip()
            if not equals and not key.startswith("-"):
                raise refuse(path, line)
            made = Setting(value.strip(), path) if equals else Setting("", "")
            settings[_dotted(key.removeprefix("-"))] = made
    return settings


def ordered(paths: Iterable[str]) -> list[str]:
    """The files of sysctl.d that count, in the order in which systemd-sysctl reads them."""
    by_name: dict[str, str] = {}
    for path in sorted(paths, key=_rank):
        by_name.setdefault(path.rsplit("/", 1)[1], path)
    return [by_name[name] for name in sorted(by_name)]


def _rank(path: str) -> int:
    directory = path.rsplit("/", 1)[0]
    if directory not in DIRECTORIES:
        raise ParseError(f"{path!r} lies in none of the directories of sysctl.d(5).")
    return DIRECTORIES.index(directory)


def _dotted(key: str) -> str:
    # "If the first separator is a slash, remaining slashes and dots are left intact. If the
    # first separator is a dot, dots and slashes are interchanged", sysctl.d(5)
    first = re.search(r"[./]", key)
    return key if first is None or first[0] == "." else key.translate(str.maketrans("./", "/."))


def persisted(settings: Mapping[str, Setting], key: str) -> Setting | None:
    """What ``key`` is set to at boot; None when no file sets it.

    An explicit key counts before every pattern, wherever it stands; of patterns the last.
    """
    if key in settings:
        found = settings[key]
        return found if found.path else None
    last = None
    for pattern, setting in settings.items():
        # a * of glob(7) stays within one part of the key
        parts, wanted = pattern.split("."), key.split(".")
        if len(parts) == len(wanted) and all(map(fnmatchcase, wanted, parts)):
            last = setting
    return last if last and last.path else None


def _highest(every: int, own: int) -> int:
    return max(every, own)


def _either(every: int, own: int) -> int:
    return int(bool(every or own))


def _both(every: int, own: int) -> int:
    return int(bool(every and own))


# How the kernel joins conf/all with conf/INTERFACE: Documentation/networking/ip-sysctl.rst
_JOINS: dict[str, Callable[[int, int], int]] = {
    "rp_filter": _highest,
    "proxy_arp": _either,
    "log_martians": _either,
    "send_redirects": _either,
    "accept_source_route": _both,
}


def effective(table: Table, key: str) -> dict[str, int]:
    """Interface to the value of ``key`` really in force there, ``default`` for new ones.

    Raises:
        ParseError: the host told no such parameter.
    """
    try:
        every = table["all"]
        return {
            name: _join(key, own)(every[key], own[key])
            for name, own in table.items()
            if name != "all"
        }
    except KeyError as err:
        raise ParseError(f"`sysctl --all` prints no net.ipv4.conf.*.{err.args[0]}.") from err


def _join(key: str, own: Mapping[str, int]) -> Callable[[int, int], int]:
    if key == "accept_redirects":  # a router believes one only when both say so
        return _both if own["forwarding"] else _either
    return _JOINS[key]


def read_interface_sysctls(source: "Source") -> dict[str, dict[str, int]]:
    """``net.ipv4.conf`` of every interface, in force now."""
    return parse_interface_sysctls(source.ask(RUNTIME).text())


def read_parameters(source: "Source", keys: Sequence[str]) -> dict[str, str]:
    """The values in force now of ``keys``; a key the kernel does not know is left out."""
    answer = source.ask(("sysctl", *keys))
    # sysctl ends with 1 (255 before procps 4) after printing all it could find
    return parse_parameters(answer.stdout if answer.status() in (1, 255) else answer.text())


def read_bridge_calls(source: "Source") -> frozenset[str] | None:
    """What sees the frames of all the host's bridges; None without br_netfilter."""
    return parse_bridge_calls(parse_cat(source.ask(BRIDGE_CALLS).text()))


def read_sysctl_files(source: "Source") -> dict[str, Setting]:
    """What the files of sysctl.d set at boot."""
    return parse_sysctl_files(parse_cat(source.ask(FILES).text()))
