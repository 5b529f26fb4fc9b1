"""What is done to the probe guest, so that high availability is seen and not believed."""

from typing import TYPE_CHECKING

from gntverify.compare import listed
from gntverify.controls import need
from gntverify.deadline import scaled, wait_for
from gntverify.drills.probeguest import ProbeGuest, Seen
from gntverify.drills.reap import await_jobs
from gntverify.errors import CommandFailed, DeadlinePassed
from gntverify.ganeti import burnin
from gntverify.ganeti.kvm import RUN_DIR
from gntverify.ganeti.nodes import read_groups, read_nodes
from gntverify.transport.source import Fresh

if TYPE_CHECKING:
    from gntverify.cluster import Node
    from gntverify.drills.operator import Operator

MIGRATE_S = 300.0
FAILOVER_S = 300.0
START_S = 300.0
REPLACE_S = 900.0
DOWN_S = 60.0
JOBS_S = 60.0
STATUS = ("gnt-instance", "list", "--no-headers", "--output=status")
# The process of this very instance, by its own command line, or none.
_KILL = f"""\
read -r p < {RUN_DIR}/pid/"$1" || [ "$p" ] || exit
tr '\\0' '\\n' < "/proc/$p/cmdline" | grep -x -A1 -e -name | tail -n 1 | grep -qxF -e "$1" || {{
    echo "process $p is not that of $1" >&2; exit 1
}}
kill -KILL "$p"
"""


def over(have_s: float, limit_s: float, what: str) -> list[str]:
    """That it took too long, or nothing; the limit is as for hardware."""
    late = have_s > scaled(limit_s)
    return [f"{what} {have_s:.1f} s, allowed are {scaled(limit_s):g} s"] if late else []


def migrated(guest: ProbeGuest) -> Seen:
    """Migrate it live to its other node."""
    goal = guest.secondary
    seen = guest.watched(
        f"live migration to {goal.short}",
        lambda: guest.job("gnt-instance", "migrate", "-f", guest.name, limit_s=MIGRATE_S),
    )
    return arrived(guest, goal, seen)


def failed_over(guest: ProbeGuest, limit_s: float = FAILOVER_S) -> Seen:
    """Shut it down and start it from the other copy of its disk; it checks its data as it boots.

    ``limit_s`` is until it answers again, from the end of the job.
    """
    goal = guest.secondary
    seen = guest.watched(
        f"failover to {goal.short}",
        lambda: guest.job("gnt-instance", "failover", "-f", guest.name, limit_s=FAILOVER_S),
        limit_s,
    )
    return arrived(guest, goal, seen)


def arrived(guest: ProbeGuest, goal: "Node", seen: Seen) -> Seen:
    """That it is there now, with a whole mirror, is part of what was to be seen."""
    here = guest.primary
    return _settled(guest, seen, "" if here == goal else f"{guest.name} is on {here.short}", goal)


def _settled(guest: ProbeGuest, seen: Seen, astray: str, goal: "Node") -> Seen:
    """What was seen, what is not where it should be, and a mirror that is not whole."""
    wrong = [*seen.wrong, *([f"{astray}, not on {goal.short}"] if astray else [])]
    if trouble := guest.mirror_trouble():
        wrong.append(trouble)
    return Seen(wrong, seen.silence_s, seen.took_s)


def replaced(guest: ProbeGuest, goal: "Node | None" = None) -> Seen:
    """Have a new copy of its disk made on its secondary, or on a new one, and wait for it."""
    here = ("-n", goal.name) if goal else ("-s",)
    node = goal or guest.secondary
    seen = guest.watched(
        f"a new copy on {node.short}",
        lambda: guest.job("gnt-instance", "replace-disks", *here, guest.name, limit_s=REPLACE_S),
    )
    on = guest.secondary
    return _settled(guest, seen, "" if on == node else f"its copy is on {on.short}", node)


def third(guest: ProbeGuest) -> "Node":
    """A node of its group that may take its copy, neither its primary nor its secondary.

    Raises:
        NotApplicable: the run sees none.
    """
    operator, source = guest.operator, guest.operator.master.source
    states = read_nodes(Fresh(source))
    groups = read_groups(Fresh(source))
    free = [
        node
        for node in operator.cluster.nodes
        if node not in guest.home
        and states[node.name].takes_instances
        and groups[node.name] == groups[guest.home[0].name]
    ]
    found = need(free, "a new secondary needs a third node of the group that takes instances")
    return found[0]


def copy_tried(guest: ProbeGuest) -> list[str]:
    """Start the guest from its other copy, and bring it back: what went wrong, a phrase each.

    What a mirror holds is told by a guest that boots from it, not by its state.
    """
    there = failed_over(guest)
    return there.wrong or migrated(guest).wrong


def killed(guest: ProbeGuest, limit_s: float) -> Seen:
    """Kill its process, see that Ganeti knows, and start it again.

    ``limit_s`` is until it answers again, from the end of the job.
    """
    node = guest.primary

    def deed() -> str:
        guest.answer()  # the last word that must not be lost
        guest.operator.on(node, _KILL, guest.name)
        return known_down(guest) or guest.job(
            "gnt-instance", "startup", guest.name, limit_s=START_S
        )

    return guest.watched(f"its process on {node.short} is killed", deed, limit_s)


def known_down(guest: ProbeGuest) -> str:
    """Why Ganeti does not say that a guest is down that should run; empty when it does."""

    def probe() -> tuple[bool | None, str]:
        master = guest.operator.master.source
        have = master.ask((*STATUS, guest.name), timeout_s=DOWN_S, fresh=True).text().strip()
        return (True if have == "ERROR_down" else None), f"{have!r}"

    try:
        wait_for(f"The status ERROR_down of {guest.name!r}", probe, DOWN_S, every_s=1.0)
    except DeadlinePassed as err:
        return str(err)
    return ""


def evacuated(guest: ProbeGuest) -> Seen:
    """Evacuate its secondary node of the only copy that is there, with Ganeti's allocator.

    Raises:
        NotApplicable: copies of others would move as well.
    """
    operator, node = guest.operator, guest.secondary
    others = [
        name
        for name, one in operator.instances().items()
        if node.name in one.secondaries and name != guest.name
    ]
    need(not others, f"{node.short} has copies of {listed(others)}, which a drill does not move")

    def deed() -> str:
        since = float(operator.on(operator.master, "date +%s"))
        options = ("--force", "--secondary-only", "--iallocator=hail")
        trouble = guest.job("gnt-node", "evacuate", *options, node.name, limit_s=REPLACE_S)
        return trouble or complaints(operator, since)

    seen = guest.watched(f"{node.short} is evacuated", deed)
    left = [f"{node.short} still has its copy"] if guest.secondary == node else []
    return Seen([*seen.wrong, *left], seen.silence_s, seen.took_s)


def complaints(operator: "Operator", since: float) -> str:
    """What went wrong in the run's jobs since then, once all have ended: some submit others.

    ``since`` is Unix time of the master.
    """
    await_jobs(operator)
    asked = burnin.command(f"gntverify:{operator.run}", since)
    answer = operator.master.source.ask(asked, timeout_s=JOBS_S, fresh=True)
    deeds = burnin.parse_jobs(answer.text())
    return "; ".join(one.job.trouble for one in deeds if one.job.trouble)


def come_home(guest: ProbeGuest) -> None:
    """Bring it back to where it belongs, after its copy was moved.

    Raises:
        CommandFailed: that failed.
    """
    primary, secondary = guest.home
    if guest.primary != primary:
        raise CommandFailed(f"{guest.name} does not run on {primary.short} any more.")
    if guest.secondary != secondary:
        back = replaced(guest, secondary)
        if back.wrong:
            raise CommandFailed(f"{guest.name} cannot be brought back: {listed(back.wrong)}.")
