"""A node that crashes under the probe, and comes back as it was.

`gnt-node powercycle` is Ganeti's own way to do it: the kernel restarts at once, nothing is shut
down or written. It is done to a node whose loss is noticed by the probe alone.
"""

import shlex
from typing import TYPE_CHECKING

from gntverify.compare import listed
from gntverify.controls import NotApplicable
from gntverify.deadline import wait_for
from gntverify.drills import lock
from gntverify.drills.failover import FAILOVER_S, arrived
from gntverify.drills.livemachine import drainable
from gntverify.drills.mastership import DAEMON_UTIL
from gntverify.drills.probeguest import ProbeGuest, Seen
from gntverify.drills.reap import undo
from gntverify.errors import CommandFailed, CommandTimeout, DeadlinePassed, Unreachable
from gntverify.ganeti.nodes import read_nodes
from gntverify.transport.session import Session
from gntverify.transport.source import Fresh

if TYPE_CHECKING:
    from gntverify.cluster import Node
    from gntverify.drills.operator import Operator

CHANGED_S = 120.0
GONE_S = 60.0
BACK_S = 900.0
"""Until a node takes logins again; machines test their memory first."""
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
_PINGED = 'ping -n -q -c 3 -i 0.3 -W 2 "$1" >/dev/null && echo there || echo gone'


def expendable(guest: ProbeGuest) -> "Node":
    """That node of the probe's whose loss is noticed by nobody else; the primary, if it can be.

    Raises:
        NotApplicable: there is none.
    """
    operator = guest.operator
    roles = read_nodes(Fresh(operator.master.source))
    why = []
    for node in (guest.primary, guest.secondary):
        others = bystanders(operator, node, guest.name)
        if not drainable(node.name, roles):
            why.append(f"{node.short} is master, or a role would change by its loss")
        elif others:
            why.append(f"{node.short} has {listed(others)}")
        else:
            return node
    raise NotApplicable(f"no node may be lost: {'; '.join(why)}")


def bystanders(operator: "Operator", node: "Node", own: str) -> list[str]:
    """Instances of others that run on a node, or may, or have a copy of their disk there."""
    live = operator.live()
    return sorted(
        name
        for name, one in operator.instances().items()
        if name != own
        and (
            node.name in one.secondaries
            or (node.name == one.primary and (name not in live or live[name].running is not False))
        )
    )


def survived(guest: ProbeGuest, limit_s: float) -> Seen:
    """Have the probe's primary node crash, start the probe on the other, take the node back.

    ``limit_s`` is until the guest answers again, unscaled.

    Raises:
        CommandFailed: Ganeti did not let the node crash.
        DeadlinePassed: it did not go down, or not come back.
    """
    operator, node, goal = guest.operator, guest.primary, guest.secondary
    boot = operator.on(node, BOOT_ID)
    role = read_nodes(Fresh(operator.master.source))[node.name].role
    if guest.witness == node:
        guest.witness = goal
    home = online(node.name, candidate=role == "C")
    entry = operator.ledger.undo(f"{node.short} is marked offline", "", home)

    def deed() -> str:
        _crash(guest, node)
        try:
            # both warn of all that they cannot do on a node that is lost
            operator.must("gnt-node", "modify", "--offline=yes", node.name, limit_s=CHANGED_S)
            operator.must("gnt-instance", "failover", "-f", guest.name, limit_s=FAILOVER_S)
        except (CommandFailed, CommandTimeout, DeadlinePassed) as err:
            return str(err)  # the node is awaited all the same
        return ""

    seen = guest.watched(f"{node.short} crashes", deed, limit_s)
    with operator.step(f"{node.short} comes back"):
        _await_back(operator, node, boot)
        undo(operator, entry)
    with operator.step(f"the mirror of {guest.name} on {node.short} is mended"):
        trouble = guest.job("gnt-instance", "activate-disks", guest.name, limit_s=FAILOVER_S)
    wrong = [*seen.wrong, *([trouble] if trouble else [])]
    return arrived(guest, goal, Seen(wrong, seen.silence_s, seen.took_s))


def _crash(guest: ProbeGuest, node: "Node") -> None:
    """Restart its kernel; returns once it does not answer any more, its session let go.

    It restarts seconds after Ganeti has ended the job: what the guest says until then is heard.
    """
    operator = guest.operator
    argv = ("gnt-node", "powercycle", "--yes", node.name)
    operator.must(*argv, limit_s=CHANGED_S)

    def probe() -> tuple[bool | None, str]:
        said = operator.on(guest.witness, _PINGED, str(node.secondary_ip)).strip()
        if said == "gone":
            return True, ""
        guest.pulse()
        return None, "it answers echoes"

    wait_for(f"The crash of {node.name!r}", probe, GONE_S)
    _session(node).close()


def _await_back(operator: "Operator", node: "Node", boot: str) -> None:
    """Wait until it takes logins and its daemon answers, and take its lock again.

    Raises:
        CommandFailed: it did not crash.
    """
    session = _session(node)

    def probe() -> tuple[bool | None, str]:
        try:
            session.reopen()
        except Unreachable as err:
            return None, str(err)
        return True, ""

    wait_for(f"The return of {node.name!r}", probe, BACK_S, every_s=5)
    if operator.on(node, BOOT_ID) == boot:
        raise CommandFailed(f"{node.name} was not restarted by `gnt-node powercycle`.")
    lock.take([node], operator.run)

    def serves() -> tuple[bool | None, str]:
        said = operator.on(node, f"{DAEMON_UTIL} check ganeti-noded && echo yes || true").strip()
        return (True if said == "yes" else None), "ganeti-noded does not run"

    wait_for(f"The daemon of {node.name!r}", serves, BACK_S, every_s=2)


def _session(node: "Node") -> Session:
    if not isinstance(node.source, Session):
        raise CommandFailed(f"{node.name} is a recording; a drill needs the node itself.")
    return node.source


def online(name: str, *, candidate: bool) -> str:
    """Shell text for the master: the node of that name is not offline, a candidate if it was."""
    node = shlex.quote(name)
    change = f"gnt-node modify --force {{}} {node}"
    promoted = f"""\
[ "$now" = C ] || {change.format("--master-candidate=yes")} || exit
"""
    return f"""\
role() {{ gnt-node list --no-headers -o role {node}; }}
tries=0
while now=$(role) || exit 1; [ "$now" = O ]; do
    {change.format("--offline=no")} && continue
    [ "$(role)" = O ] || exit 1
    tries=$((tries + 1)); [ $tries -lt 20 ] || exit 1
    sleep 2
done
{promoted if candidate else ""}"""
