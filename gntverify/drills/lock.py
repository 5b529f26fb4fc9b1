"""The run lock: one run of drills on a cluster at a time.

It is held on every node by a process of its own, which ends within seconds of the run's agent, so
that a run that was killed holds nothing. On every node, since the master may change meanwhile.
"""

import getpass
import platform
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from gntverify.errors import TargetRefused

if TYPE_CHECKING:
    from gntverify.cluster import Node

FILE = "/run/lock/gntverify-drill"
HELD = 75
# $PPID is the agent. The holder lets go of the pipes, or the answer would never come.
_TAKE = (
    f"agent=$PPID; exec 9>>{FILE} || exit; flock -n 9 || {{ cat {FILE}; exit {HELD}; }}; "
    f'printf "%s\\n" "$1" > {FILE}; '
    "( trap '' HUP; while [ ! -e /run/lock/gntverify-free.$agent ] && kill -0 $agent; "
    "do sleep 0.5; done; rm -f /run/lock/gntverify-free.$agent ) "
    ">/dev/null 2>&1 </dev/null &"
)
_FREE = f"touch /run/lock/gntverify-free.$PPID; flock -w 5 {FILE} rm -f {FILE}"
_LOOK = f"[ ! -e {FILE} ] || flock -n {FILE} true || cat {FILE}"


def take(nodes: Iterable["Node"], run: str) -> None:
    """Take the lock on every node.

    Raises:
        TargetRefused: another run holds it; what was taken is let go.
    """
    since = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
    words = f"run {run} of {getpass.getuser()}@{platform.node()} since {since}"
    taken: list[Node] = []
    for node in nodes:
        answer = node.source.ask(["sh", "-c", _TAKE, "sh", words], fresh=True)
        if answer.status() == HELD:
            free(taken)
            raise TargetRefused(_held(node, answer.stdout))
        answer.text()
        taken.append(node)


def free(nodes: Iterable["Node"]) -> None:
    """Let go of the lock, at once."""
    for node in nodes:
        node.source.ask(["sh", "-c", _FREE], fresh=True)


def holder(nodes: Iterable["Node"]) -> str:
    """A sentence on who holds the lock on one of the nodes; empty when nobody does.

    Raises:
        CommandFailed, CommandTimeout: a node did not tell.
    """
    for node in nodes:
        words = node.source.ask(["sh", "-c", _LOOK], fresh=True).text()
        if words:
            return _held(node, words)
    return ""


def _held(node: "Node", words: str) -> str:
    who = words.strip() or "another run"
    return f"Drills are under way on this cluster: {who} (lock {FILE} on {node.short})."
