"""``/etc/default/ganeti``: what the daemons are started with."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.shape import cat, parse_cat, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

PATH = "/etc/default/ganeti"
COMMAND = cat([PATH])
_NAME = re.compile(r"(?:export\s+)?([A-Z][A-Z0-9_]*)=(.*)")
ANY = "0.0.0.0"  # noqa: S104 - what a daemon without -b listens on; nothing is bound here


@dataclass(frozen=True)
class Defaults:
    """Variable to value, as the shell of the init script would read them."""

    values: Mapping[str, str]

    def arguments(self, daemon: str) -> tuple[str, ...]:
        """What ``daemon`` (``"noded"``) is started with, one word an item."""
        upper = daemon.upper()
        keys = (f"{upper}_ARGS", f"EXTRA_{upper}_ARGS")
        return tuple(word for key in keys for word in self.values.get(key, "").split())

    def bind(self, daemon: str) -> str:
        """The address in the daemon's arguments, ``0.0.0.0`` when they name none."""
        return bind_of(self.arguments(daemon))

    def apart_from(self, own: str) -> dict[str, str]:
        """Every variable, with the node's own address written ``<own>``: fit to compare."""
        return {
            key: " ".join("<own>" if word == own else word for word in value.split())
            for key, value in self.values.items()
        }


def bind_of(arguments: Sequence[str]) -> str:
    """The last ``-b ADDRESS`` or ``--bind=ADDRESS`` of a command line, ``0.0.0.0`` without one.

    Raises:
        ParseError: the option stands at the end, without its address.
    """
    address = ANY
    words = iter(arguments)
    for word in words:
        if word in ("-b", "--bind"):
            following = next(words, None)
            if following is None:
                raise ParseError(f"{' '.join(arguments)!r} ends with {word} and no address.")
            address = following
        elif found := re.fullmatch(r"--bind=(.+)|-b(.+)", word):
            address = found[1] or found[2]
    return address


def parse_defaults(text: str) -> Defaults:
    """Variables of a file that only assigns.

    Raises:
        ParseError: it does more than that (expands variables, runs commands), so that only a
            shell could tell.
    """
    values: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _NAME.fullmatch(line.strip())
        if not found or re.search(r"[$`\\]", found[2]):
            raise refuse(f"cat {PATH}", line)
        values[found[1]] = _unquoted(found[2], line)
    return Defaults(values)


def _unquoted(text: str, line: str) -> str:
    try:
        words = shlex.split(text, comments=True)
    except ValueError as err:
        raise refuse(f"cat {PATH}", line) from err
    if len(words) > 1:
        raise refuse(f"cat {PATH}", line)
    return words[0] if words else ""


def read_defaults(source: "Source") -> Defaults:
    """The node's file; without one the daemons start with no arguments at all."""
    files = parse_cat(source.ask(COMMAND).text())
    return parse_defaults(files.get(PATH, ""))
