"""The master role on another node and back.

`gnt-cluster master-failover` is no job: it runs on the node that is to be master, stops the
daemons of the old one and starts its own. Cut off in between it leaves a cluster without a master,
so it has a session of its own on the node, which ends with nobody of us.
"""

import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.controls import need
from gntverify.deadline import scaled, wait_for
from gntverify.drills.pings import SCRATCH
from gntverify.drills.reap import undo
from gntverify.errors import CommandFailed, DeadlinePassed
from gntverify.ganeti.nodes import read_nodes
from gntverify.ganeti.ssconf import PREFIX
from gntverify.transport.source import Fresh

if TYPE_CHECKING:
    from gntverify.cluster import Node
    from gntverify.drills.operator import Operator

ROLE_S = 180.0
SETTLE_S = 120.0
DAEMON_UTIL = "/usr/lib/ganeti/daemon-util"
# The lock tells whoever undoes this that it still runs; -o: no daemon inherits it.
_TAKE = """\
d=$1; (umask 077; mkdir -p "$d") || exit
setsid flock -o "$d/lock" sh -c '
gnt-cluster master-failover > "$1/said" 2>&1; echo $? > "$1/rc.new"; mv "$1/rc.new" "$1/rc"
' sh "$d" >/dev/null 2>&1 </dev/null &
"""
_TOLD = '[ ! -e "$1/rc" ] || { cat "$1/rc" "$1/said"; }'
# What cron's watcher would start within minutes, were it not paused: RAPI, where it listens on
# the cluster address, is started before luxid has brought that up, fails, and takes luxid along
# (daemon-util start-master ends at the first failure).
_SETTLE = f"""\
u={DAEMON_UTIL}
for daemon in ganeti-wconfd ganeti-luxid; do
    $u check $daemon >/dev/null 2>&1 || $u start $daemon >/dev/null 2>&1 || exit
done
tries=0
until gnt-cluster master-ping; do
    tries=$((tries + 1)); [ $tries -lt 20 ] || exit 1
    sleep 1
done
until $u check ganeti-rapi >/dev/null 2>&1 || $u start ganeti-rapi >/dev/null 2>&1; do
    tries=$((tries + 1)); [ $tries -lt 20 ] || {{ echo "ganeti-rapi does not start"; exit 0; }}
    sleep 1
done
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """A master failover that has come to its end.

    Attributes:
        trouble: what it complained of, with its exit status; empty when all went well.
        took_s: from the command to a master that takes commands.
    """

    trouble: str
    took_s: float


def candidate(operator: "Operator") -> "Node":
    """A node that may become master.

    Raises:
        NotApplicable: there is no other.
    """
    states = read_nodes(Fresh(operator.master.source))
    nodes = operator.cluster.nodes
    found = [node for node in nodes if states[node.name].role == "C" and node != operator.master]
    return need(found, "no other node is a master candidate")[0]


def taken(operator: "Operator", node: "Node") -> Taken:
    """Make the node the master; the operator gives commands there from then on.

    Raises:
        CommandFailed: it did not come to its end, or no master takes commands afterwards.
    """
    place = f"{SCRATCH}/{operator.run}-master"
    words = f"a master failover runs on {node.short}"
    entry = operator.ledger.undo(words, node.name, awaited(place))
    began = time.monotonic()
    operator.on(node, _TAKE, place)
    trouble = _told(operator, node, place)
    master = operator.follow()
    if master == node:
        left = operator.on(node, _SETTLE, limit_s=SETTLE_S).strip()
    else:
        left = f"{master.short} is still master"
    trouble = "; ".join(filter(None, (trouble, left)))
    took_s = time.monotonic() - began
    operator.on(node, awaited(place))
    operator.ledger.done(entry)
    return Taken(trouble, took_s)


def there_and_back(operator: "Operator", away: "Node", limit_s: float) -> str:
    """Make another node the master, and then the one that is master now; that it is, at last.

    What either complained of is returned, and that it took longer than ``limit_s`` (unscaled).

    Raises:
        GntverifyError: one of them did not end, or the role could not be given back.
    """
    home = operator.master
    words = f"the master role belongs to {home.short}"
    entry = operator.ledger.undo(words, home.name, given_back(home, operator.run))
    wrong = []
    try:
        for node in (away, home):
            with operator.step(f"master failover to {node.short}"):
                seen = taken(operator, node)
            wrong += [f"to {node.short}: {seen.trouble}"] if seen.trouble else []
            if seen.took_s > scaled(limit_s):
                wrong.append(f"to {node.short}: it took {seen.took_s:.0f} s")
            if operator.master != node:
                break
    finally:
        entries = operator.ledger.entries
        for one in reversed(entries[entries.index(entry) :]):  # one that runs is awaited first
            undo(operator, one)
    return "; ".join(wrong)


def _told(operator: "Operator", node: "Node", place: str) -> str:
    """Wait for its end: why it did not go well, or empty."""

    def probe() -> tuple[str | None, str]:
        return operator.on(node, _TOLD, place) or None, "it runs"

    try:
        text = wait_for(f"The master failover on {node.short}", probe, ROLE_S, every_s=1.0)
    except DeadlinePassed as err:
        raise CommandFailed(str(err)) from err
    return parse_told(text)


def parse_told(text: str) -> str:
    """What a master failover complained of, with its status; empty when it went well."""
    status, _, said = text.partition("\n")
    words = "; ".join(line.strip() for line in said.splitlines() if line.strip())
    if status == "0" and not words:
        return ""
    return f"`gnt-cluster master-failover` ended with status {status}: {words or 'no word'}"


def awaited(place: str) -> str:
    """Shell text that waits for the end of a master failover, and clears its place."""
    quoted = shlex.quote(place)
    return (
        f"[ ! -e {quoted}/lock ] || flock -w 100 {quoted}/lock true || exit; "
        f"rm -rf {quoted}; rmdir {SCRATCH} 2>/dev/null; true"
    )


def given_back(node: "Node", run: str) -> str:
    """Shell text for a node that was master: makes it that again, unless it is.

    Here too the failover has a session of its own: who waits for it may be killed.
    """
    said = shlex.quote(f"/run/gntverify-{run}-master")
    name = shlex.quote(node.name)
    return (
        f'is() {{ [ "$(cat {PREFIX}master_node)" = {name} ]; }}\n'
        f"is || setsid -w sh -c 'gnt-cluster master-failover > {said} 2>&1'\n"
        f"is || {{ cat {said} >&2; exit 1; }}\n"
        f"rm -f {said}\n"
        f"{_SETTLE}"
    )
