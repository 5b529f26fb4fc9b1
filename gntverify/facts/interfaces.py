"""``/etc/network/interfaces`` and what it takes in: ifupdown's stanzas."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.shape import cat, parse_cat, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

MAIN = "/etc/network/interfaces"
FILES = cat([MAIN, "/etc/network/interfaces.d/*"])
# what may stand at the start of a line outside an iface stanza, interfaces(5)
_ELSEWHERE = ("source", "source-directory", "no-auto-down", "no-scripts", "rename")


@dataclass(frozen=True, slots=True)
class Stanza:
    """An ``iface`` stanza.

    Attributes:
        name, family, method: as written, e.g. ``eth0 inet static``.
        options: option to its values, one a line it stands on.
        automatic: whether an ``auto`` or ``allow-hotplug`` names it, so that a boot brings it up.
    """

    name: str
    family: str
    method: str
    options: dict[str, tuple[str, ...]]
    automatic: bool


def parse_interfaces(files: Mapping[str, str]) -> tuple[Stanza, ...]:
    """The stanzas of path to content, in the order of the files.

    Raises:
        ParseError: a line fits nowhere, or the main file is not there.
    """
    if MAIN not in files:
        raise ParseError(f"{MAIN!r} does not exist; something else sets up the network.")
    automatic: set[str] = set()
    heads: list[tuple[str, str, str, dict[str, list[str]]]] = []
    for path, content in files.items():
        _parse_file(path, content, heads, automatic)
    return tuple(
        Stanza(n, f, m, {k: tuple(v) for k, v in options.items()}, n in automatic)
        for n, f, m, options in heads
    )


def _parse_file(
    path: str,
    content: str,
    heads: list[tuple[str, str, str, dict[str, list[str]]]],
    automatic: set[str],
) -> None:
    options: dict[str, list[str]] | None = None
    for line in content.replace("\\\n", " ").split("\n"):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "iface":
            if len(words) < 4:
                raise refuse(path, line)
            options = {}
            heads.append((words[1], words[2], words[3], options))
        elif words[0] == "auto" or words[0].startswith("allow-"):
            automatic.update(words[1:])
            options = None
        elif words[0] == "mapping":
            options = {}  # its options belong to nobody here
        elif words[0] in _ELSEWHERE:
            options = None
        elif options is None:
            raise refuse(path, line)
        else:
            options.setdefault(words[0], []).append(" ".join(words[1:]))


def read_interfaces(source: "Source") -> tuple[Stanza, ...]:
    """The host's ifupdown stanzas."""
    return parse_interfaces(parse_cat(source.ask(FILES).text()))
