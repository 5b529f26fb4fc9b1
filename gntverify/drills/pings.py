"""How long a guest is silent: it is pinged from a node while something is done to it."""

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from gntverify.deadline import scaled
from gntverify.errors import CommandFailed
from gntverify.facts.shape import refuse

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from gntverify.cluster import Node
    from gntverify.drills.operator import Operator

SCRATCH = "/var/lib/gntverify/scratch"
INTERVAL_S = 0.2
LONGEST_S = 1800.0
"""A pinger that nobody stops ends by itself after so long, unscaled."""
TOOL = "ping -D"
# It ends once its directory goes, so whoever undoes the ledger needs no process id. `ping -w`
# would do worse: it stops at the first "unreachable", which is what we are here to see.
_START = f"""\
d=$1; umask 077; command -v ping timeout >/dev/null || exit
mkdir -p "$d" && : > "$d/on" && date +"begin %s.%N" > "$d/log" || exit
(
    timeout -s KILL "$3" ping -n -D -i {INTERVAL_S} "$2" >> "$d/log" 2>/dev/null &
    child=$!
    while [ -e "$d/on" ] && kill -0 $child 2>/dev/null; do sleep 0.2; done
    [ ! -e "$d/on" ] || echo "ping has ended by itself" >> "$d/log"
    date +"end %s.%N" > "$d/end"
    kill $child; wait $child
    mv "$d/end" "$d/ended"
) >/dev/null 2>&1 </dev/null &
"""
_STOP = """\
d=$1; rm -f "$d/on"; tries=0
until [ -e "$d/ended" ]; do
    tries=$((tries + 1)); [ $tries -lt "$2" ] || exit 1
    sleep 0.1
done
cat "$d/log" "$d/ended"
"""
_REPLY = re.compile(r"\[([0-9]{1,12}\.[0-9]{1,9})\] [0-9]{1,5} bytes from \S+: icmp_seq=.*")
_MARK = re.compile(r"(begin|end) ([0-9]{1,12}\.[0-9]{1,9})")
_NOISE = re.compile(
    r"|PING \S+ .*|--- \S+ ping statistics ---|[0-9]+ packets transmitted,.*|rtt min/avg/.*"
    r"|pipe [0-9]+|(?:\[[0-9]+\.[0-9]+\] )?From \S+ icmp_seq=.*"
    r"|\[[0-9]+\.[0-9]+\] no answer yet for icmp_seq=[0-9]+"
)


@dataclass(frozen=True, slots=True)
class Pings:
    """Echoes of a guest; times are Unix times of the node that asked.

    Attributes:
        begin, end: from when to when it was asked.
        replies: when it answered, in their order.
    """

    begin: float
    end: float
    replies: tuple[float, ...]

    @property
    def silence_s(self) -> float:
        """The longest time without an answer, in seconds; the interval is within it."""
        times = (self.begin, *self.replies, max(self.end, *self.replies, self.begin))
        return max(after - before for before, after in pairwise(times))


def parse_pings(text: str) -> Pings:
    """What a pinger left.

    Raises:
        ParseError: a line is none of iputils' ping, or its begin or end is missing.
    """
    marks: dict[str, float] = {}
    replies = []
    for line in text.splitlines():
        if reply := _REPLY.fullmatch(line):
            replies.append(float(reply[1]))
        elif (mark := _MARK.fullmatch(line)) and mark[1] not in marks:
            marks[mark[1]] = float(mark[2])
        elif not _NOISE.fullmatch(line):
            raise refuse(TOOL, line)
    if marks.keys() != {"begin", "end"}:
        raise refuse(TOOL, text[-200:])
    times = (marks["begin"], *replies)
    if any(after < before for before, after in pairwise(times)):
        raise refuse(TOOL, "times that go backwards: the node's clock was set meanwhile")
    return Pings(marks["begin"], marks["end"], tuple(replies))


@dataclass
class Pinger:
    """What is known of the silence once the pinger has been stopped."""

    pings: Pings | None = field(default=None)

    @property
    def silence_s(self) -> float:
        """See :attr:`Pings.silence_s`.

        Raises:
            CommandFailed: it has not been stopped yet, or told nothing.
        """
        if self.pings is None:
            raise CommandFailed("The guest was not pinged to the end.")
        return self.pings.silence_s


@contextmanager
def pinged(operator: "Operator", node: "Node", address: "IPv4Address") -> Iterator[Pinger]:
    """Ping a guest from a node while the block runs; the ledger has what is left there.

    Raises:
        CommandFailed, CommandTimeout, ParseError: the pinger did not start, or not tell.
    """
    entries = operator.ledger.entries
    number = max((entry.number for entry in entries), default=0) + 1
    place = f"{SCRATCH}/{operator.run}-{number}"
    gone = f"rm -rf {shlex.quote(place)}; rmdir {SCRATCH} 2>/dev/null; true"
    entry = operator.ledger.undo(f"a guest is pinged from {node.short}", node.name, gone)
    made = Pinger()
    operator.on(node, _START, place, str(address), f"{scaled(LONGEST_S):.0f}")
    try:
        yield made
        tries = f"{scaled(100):.0f}"
        made.pings = parse_pings(operator.on(node, _STOP, place, tries))
    finally:
        operator.on(node, gone)
        operator.ledger.done(entry)
