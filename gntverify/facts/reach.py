"""Whether a node reaches others from one of its own addresses: echo and a TCP port."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from gntverify.facts.shape import checked, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Reach:
    """What came back from one target; ``tcp`` is None when no port was asked."""

    echo: bool
    tcp: bool | None

    @property
    def whole(self) -> bool:
        """Whether everything that was asked came back."""
        return self.echo and self.tcp is not False

    def __str__(self) -> str:
        parts = [] if self.echo else ["no echo"]
        return ", ".join(parts if self.tcp is not False else [*parts, "port closed or filtered"])


def reach_argv(origin: IPv4Address, targets: Sequence[IPv4Address], port: int | None) -> list[str]:
    """One command that asks all targets at once: 3 echo requests each, one TCP connect each."""
    words = " ".join(shlex.quote(str(target)) for target in targets)
    echo = f"fping -A -r 2 -t 1000 -S {origin} {words} 2>/dev/null; [ $? -le 1 ] || exit 2"
    if port is None:
        return ["sh", "-c", echo]
    connect = f'nc -n -z -w 5 -s {origin} "$t" {port} >/dev/null 2>&1; echo "$t tcp $?"'
    return ["sh", "-c", f"{echo}; for t in {words}; do ( {connect} ) & done; wait"]


def parse_reach(text: str, port: int | None) -> dict[IPv4Address, Reach]:
    """Target to what came back.

    Raises:
        ParseError: a line is not understood, or the echo or the connect of a target is missing.
    """
    echo: dict[IPv4Address, bool] = {}
    tcp: dict[IPv4Address, bool] = {}
    for line in text.splitlines():
        found = re.fullmatch(r"(\S+) (is alive|is unreachable|tcp [01])", line)
        if not found:
            raise refuse("fping and nc", line)
        target = checked(IPv4Address, found[1], "fping and nc")
        if found[2].startswith("is "):
            echo[target] = found[2] == "is alive"
        else:
            tcp[target] = found[2] == "tcp 0"
    if not echo or (port is not None and set(tcp) != set(echo)):
        raise refuse("fping and nc", text)
    return {target: Reach(alive, tcp.get(target)) for target, alive in echo.items()}


def read_reach(
    source: "Source", origin: IPv4Address, targets: Sequence[IPv4Address], port: int | None
) -> dict[IPv4Address, Reach]:
    """What comes back from ``targets`` when asked from ``origin``.

    Raises:
        ParseError: a target is missing in the answer.
    """
    argv = reach_argv(origin, targets, port)
    found = parse_reach(source.ask(argv, timeout_s=LIMIT_S).text(), port)
    if set(found) != set(targets):
        raise refuse("fping and nc", " ".join(map(str, found)))
    return found
