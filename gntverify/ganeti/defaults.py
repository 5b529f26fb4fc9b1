"""``/etc/default/ganeti``: what the daemons are started with."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.shape import cat, parse_cat, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

PATH = "/etc/default/ganeti"
COMMAND = cat([PATH])
# What a shell takes literally, and no more: quotes end on their line, what is bare holds no
# operator, and "#" opens a comment behind a blank only. shlex reads "A=1;B=2", "A= b" and "A=a#b"
# otherwise than a shell.
_ASSIGNS = re.compile(
    r"""(?:export[ \t]+)?([A-Z][A-Z0-9_]*)="""
    r"""((?:"[^"$`\\]*"|'[^']*'|[^ \t"'$`\\;&|<>()~#])*)(?:[ \t]+#.*)?"""
)
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
        neutral = {f"{option}{own}": f"{option}<own>" for option in ("", "-b", "--bind=")}
        return {
            key: " ".join(neutral.get(word, word) for word in value.split())
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


def parse_defaults(text: str, path: str = PATH) -> Defaults:
    """Variables of a file that only assigns; ``path`` is what an error calls it.

    Raises:
        ParseError: it does more than that (expands variables, runs commands), so that only a
            shell could tell.
    """
    values: dict[str, str] = {}
    for line in text.split("\n"):
        plain = line.strip(" \t")
        if not plain or plain.startswith("#"):
            continue
        found = _ASSIGNS.fullmatch(plain)
        if not found or not found[2].isprintable():
            raise refuse(f"cat {path}", line)
        values[found[1]] = re.sub("\"([^\"]*)\"|'([^']*)'", r"\1\2", found[2])
    return Defaults(values)


def read_defaults(source: "Source") -> Defaults:
    """The node's file; without one the daemons start with no arguments at all."""
    files = parse_cat(source.ask(COMMAND).text())
    return parse_defaults(files.get(PATH, ""))
