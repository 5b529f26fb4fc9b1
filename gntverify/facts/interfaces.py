"""``/etc/network/interfaces`` and what it takes in: ifupdown's stanzas."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.shape import cat, parse_cat, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

MAIN = "/etc/network/interfaces"
DIRECTORY = "/etc/network/interfaces.d"
FILES = cat([MAIN, f"{DIRECTORY}/*"])
# what else may stand at the start of a line outside an iface stanza, interfaces(5)
_ELSEWHERE = ("no-auto-down", "no-scripts", "rename")


@dataclass(frozen=True, slots=True)
class Stanza:
    """An ``iface`` stanza.

    Attributes:
        name, family, method: as written, e.g. ``eth0 inet static``.
        options: option to its values, one a line it stands on; ``bridge-ports``, which ifupdown
            takes for the same, is called ``bridge_ports``.
        automatic: whether an ``auto`` or ``allow-hotplug`` names it, so that a boot brings it up.
    """

    name: str
    family: str
    method: str
    options: dict[str, tuple[str, ...]]
    automatic: bool


@dataclass(slots=True)
class _Reading:
    """What has been read so far; ``options`` is where the lines of a stanza go."""

    files: Mapping[str, str]
    heads: list[tuple[str, str, str, dict[str, list[str]]]] = field(default_factory=list)
    automatic: set[str] = field(default_factory=set)
    options: dict[str, list[str]] | None = None


def parse_interfaces(files: Mapping[str, str]) -> tuple[Stanza, ...]:
    """The stanzas of path to content, as the main file takes in the others.

    Raises:
        ParseError: a line fits nowhere, takes in what was not read, or means more than its
            words say (``inherits``, patterns); or the main file is not there.
    """
    if MAIN not in files:
        raise ParseError(f"{MAIN!r} does not exist; something else sets up the network.")
    reading = _Reading(files)
    _parse_file(reading, (MAIN,))
    return tuple(
        Stanza(n, f, m, {k: tuple(v) for k, v in options.items()}, n in reading.automatic)
        for n, f, m, options in reading.heads
    )


def _parse_file(reading: _Reading, chain: tuple[str, ...]) -> None:
    """Read the last of ``chain``; those before it are the files that took it in."""
    path = chain[-1]
    reading.options = None
    for line in reading.files[path].replace("\\\n", " ").split("\n"):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] not in ("source", "source-directory"):
            _parse_line(path, line, reading)
            continue
        for taken in _taken_in(path, line, reading.files):
            if taken in chain:
                raise refuse(path, line)
            _parse_file(reading, (*chain, taken))
        reading.options = None


def _parse_line(path: str, line: str, reading: _Reading) -> None:
    words = line.split()
    if words[0] == "iface":
        if len(words) < 4 or "inherits" in words:
            raise refuse(path, line)
        reading.options = {}
        reading.heads.append((words[1], words[2], words[3], reading.options))
    elif words[0] == "auto" or words[0].startswith("allow-"):
        if set("*?[/") & set(line):
            raise refuse(path, line)
        reading.automatic.update(words[1:])
        reading.options = None
    elif words[0] == "mapping":
        reading.options = {}  # its options belong to nobody here
    elif words[0] in _ELSEWHERE:
        reading.options = None
    elif reading.options is None:
        raise refuse(path, line)
    else:
        name = words[0].replace("-", "_")
        reading.options.setdefault(name, []).append(" ".join(words[1:]))


def _taken_in(path: str, line: str, files: Mapping[str, str]) -> list[str]:
    """The files that a ``source`` line takes in; only those of :data:`DIRECTORY` were read."""
    word, _, pattern = line.strip().partition(" ")
    pattern = pattern.strip().removeprefix("/etc/network/")  # relative to the main file's place
    if word == "source-directory":
        # "only files whose names consist of ASCII letters, digits, underscores and hyphens"
        known = [p for p in files if re.fullmatch(r"[\w-]+", p.rsplit("/", 1)[1], re.ASCII)]
        pattern = f"{pattern.rstrip('/')}/*"
    else:
        known = list(files)
    directory, _, name = pattern.partition("/")
    if directory != DIRECTORY.rsplit("/", 1)[1] or not name or "/" in name:
        raise refuse(path, line)
    wanted = f"{DIRECTORY}/{name}"
    return sorted(p for p in known if p != MAIN and fnmatchcase(p, wanted))


def read_interfaces(source: "Source") -> tuple[Stanza, ...]:
    """The host's ifupdown stanzas."""
    return parse_interfaces(parse_cat(source.ask(FILES).text()))
