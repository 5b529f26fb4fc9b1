"""Ganeti's version on one node: of the software, of its configuration, and what is to come."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.facts.shape import number, refuse
from gntverify.ganeti.ssconf import DATA_DIR

if TYPE_CHECKING:
    from gntverify.transport.source import Source

LIBRARY = "/usr/lib/ganeti"
TOOL = f"{LIBRARY}/mon-collector"
# Python takes the version out of config.data and leaves the rest, secrets of it too, where it is.
# mon-collector tells the software's version at once; the tools in Python need seconds for it, and
# a daemon's program that is asked is one daemon too many for whoever lists them meanwhile.
# Debian keeps versions side by side and links the one in use (`gnt-cluster upgrade` moves the
# link); built from source there is no such link.
_VERSION = 'import json, sys; print("configuration", json.load(open(sys.argv[1]))["version"])'
COMMAND = [
    "sh",
    "-c",
    f'set -e; v=$({TOOL} --version); echo "software $v" | head -n 1; '
    f"f={DATA_DIR}/config.data; [ ! -e $f ] || python3 -c '{_VERSION}' $f; "
    f'f={DATA_DIR}/intent-to-upgrade; [ ! -e $f ] || echo "intent $(cat $f)"; '
    'f=/etc/ganeti/lib; [ ! -L $f ] || echo "used $(readlink $f)"; '
    f'for d in {LIBRARY}/[0-9]*; do [ ! -d "$d" ] || echo "installed $d"; done',
]
_SOFTWARE = re.compile(
    r"mon-collector \(ganeti\S*\) (?:version )?v?([0-9]{1,4}(?:\.[0-9]{1,4}){2}).*"
)
_SERIES = re.compile(r"(?:\S*/)?([0-9]{1,4})\.([0-9]{1,4})/?")


@dataclass(frozen=True, slots=True)
class Versions:
    """What one node has.

    Attributes:
        software: the release that is installed and in use, e.g. ``3.0.2``.
        configuration: of config.data; None on a node that keeps none.
        intent: what ``gnt-cluster upgrade`` left for its next start; empty without one.
        used: series that the link names, ``(3, 0)``; None where there is no such link.
        installed: series that are there.
    """

    software: str
    configuration: int | None
    intent: str
    used: tuple[int, int] | None
    installed: frozenset[tuple[int, int]]

    @property
    def format(self) -> int:
        """The configuration version that goes with the software: 3.1.2 writes 3010000."""
        major, minor, _ = self.software.split(".")
        return int(major) * 1_000_000 + int(minor) * 10_000

    @property
    def pending(self) -> str:
        """Why an upgrade is not at its end; empty when none is under way."""
        if self.intent:
            return f"an upgrade was begun and not finished ({self.intent})"
        newer = {one for one in self.installed if self.used and one > self.used}
        if newer and self.used:
            return f"{_series(max(newer))} is installed and {_series(self.used)} in use"
        return ""


def _series(pair: tuple[int, int]) -> str:
    return f"{pair[0]}.{pair[1]}"


def parse_versions(text: str) -> Versions:
    """What :data:`COMMAND` printed.

    Raises:
        ParseError: a line is not understood, or the software's version is missing.
    """
    values: dict[str, list[str]] = {
        key: [] for key in ("software", "configuration", "intent", "used", "installed")
    }
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key not in values or (key != "installed" and values[key]):
            raise refuse(f"{TOOL} --version", line)
        values[key].append(value)
    software = _SOFTWARE.fullmatch("".join(values["software"]))
    if not software:
        raise refuse(f"{TOOL} --version", text)
    numbers = [number("config.data", value) for value in values["configuration"]]
    links = [_pair(value) for value in values["used"]]
    return Versions(
        software=software[1],
        configuration=numbers[0] if numbers else None,
        intent=" ".join(values["intent"]) or ("empty" if values["intent"] else ""),
        used=links[0] if links else None,
        installed=frozenset(_pair(value) for value in values["installed"]),
    )


def _pair(path: str) -> tuple[int, int]:
    found = _SERIES.fullmatch(path)
    if not found:
        raise refuse(f"ls {LIBRARY}", path)
    return int(found[1]), int(found[2])


def read_versions(source: "Source") -> Versions:
    """The node's versions."""
    return parse_versions(source.ask(COMMAND).text())
