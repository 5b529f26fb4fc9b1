"""What is lost of frames of full size, sent to other nodes from one of a node's own addresses."""

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
SENT = 50
EVERY_MS = 20
HEADERS = 28
"""Bytes of IPv4 and ICMP in a frame, which fping does not count."""
LARGEST = 65488
"""Bytes that fping sends at most."""
TOOL = "fping -c"
_LINE = re.compile(r"(\S+) +: xmt/rcv/%(?:loss|return) = (\d{1,6})/(\d{1,6})/\d{1,6}%(?:, .*)?")


@dataclass(frozen=True, slots=True)
class Loss:
    """Echo requests that were sent to a target, and how many of them were answered."""

    sent: int
    back: int

    @property
    def lost(self) -> int:
        """How many were not; one that is answered twice makes up for none."""
        return max(0, self.sent - self.back)

    def __str__(self) -> str:
        return f"{self.lost} of {self.sent} lost"


def loss_argv(origin: IPv4Address, targets: Sequence[IPv4Address], mtu: int) -> list[str]:
    """One command for all targets, which must not be fragmented; late is not lost."""
    words = " ".join(shlex.quote(str(target)) for target in targets)
    how = f"-q -c {SENT} -p {EVERY_MS} -i 1 -t 2000 -M -b {min(mtu - HEADERS, LARGEST)}"
    return ["sh", "-c", f"fping {how} -S {origin} {words} 2>&1; [ $? -le 1 ] || exit 2"]


def parse_losses(text: str) -> dict[IPv4Address, Loss]:
    """Target to what was lost on the way there and back; complaints on the way are left out.

    Raises:
        ParseError: a line is not understood, nothing was sent to a target, or there is none.
    """
    found: dict[IPv4Address, Loss] = {}
    for line in text.splitlines():
        if line.startswith("ICMP ") or " : duplicate for [" in line:
            continue
        told = _LINE.fullmatch(line)
        if not told or not int(told[2]):
            raise refuse(TOOL, line)
        found[checked(IPv4Address, told[1], TOOL)] = Loss(int(told[2]), int(told[3]))
    if not found:
        raise refuse(TOOL, text)
    return found


def read_losses(
    source: "Source", origin: IPv4Address, targets: Sequence[IPv4Address], mtu: int
) -> dict[IPv4Address, Loss]:
    """What is lost on the way to ``targets`` and back, in frames of ``mtu`` bytes.

    Raises:
        ParseError: a target is missing in the answer.
    """
    argv = loss_argv(origin, targets, mtu)
    found = parse_losses(source.ask(argv, timeout_s=LIMIT_S).text())
    if set(found) != set(targets):
        raise refuse(TOOL, " ".join(map(str, found)))
    return found
