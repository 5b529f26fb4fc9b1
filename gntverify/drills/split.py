"""The probe's mirror is parted: by command, and by a network that lets nothing through.

Only the probe's own connections are touched. Each mirror has a port of its own, so what is
dropped is dropped for it alone, and the node's other traffic, our session's too, goes on.
"""

from typing import TYPE_CHECKING

from gntverify.compare import listed
from gntverify.deadline import wait_for
from gntverify.drills.probeguest import SYNC_S, WHOLE, ProbeGuest, Seen
from gntverify.errors import CommandFailed, DeadlinePassed
from gntverify.facts.replication import End, read_ends
from gntverify.ganeti.mirrors import read_mirrors
from gntverify.transport.source import Fresh

if TYPE_CHECKING:
    from gntverify.cluster import Node

APART_S = 60.0
REPAIR_S = 300.0
LOST_S = 60
"""How long the network is lost, in seconds as they pass: it is the kernel that waits."""
PLACES = (("ingress", "sport"), ("ingress", "dport"), ("egress", "sport"), ("egress", "dport"))
# It comes back by itself, whatever becomes of us: what mends it has a session of its own.
# $1: link, $2: how long, $3: what mends it, $4: mark, then ports.
_CUT = """\
link=$1 long=$2 mend=$3 mark=$4; shift 4
if tc qdisc show dev "$link" | grep -q clsact; then
    echo "$link has filters of its own; a drill adds none to them" >&2; exit 1
fi
setsid sh -c 'sleep "$1"; eval "$2"' sh "$long" "$mend" >/dev/null 2>&1 </dev/null &
tc qdisc add dev "$link" clsact || exit
for port in "$@"; do
    for place in PLACES; do
        tc filter add dev "$link" "${place%%:*}" protocol ip pref "$mark" \\
            u32 match ip protocol 6 0xff match ip "${place#*:}" "$port" 0xffff action drop || {
                tc qdisc del dev "$link" clsact; exit 1
            }
    done
done
""".replace("PLACES", " ".join(f"{way}:{end}" for way, end in PLACES))

# Written to this copy alone, which nobody has open afterwards. udev has a look at a device that
# was written, so to let go may take a moment.
_ESTRANGE = """\
drbdsetup primary "$1" || exit
dd if=/dev/urandom of="/dev/drbd$1" bs=64k count=16 oflag=direct conv=notrunc status=none
told=$?
for _ in 1 2 3 4 5; do drbdsetup secondary "$1" && exit $told; sleep 1; done
exit 1
"""

# Only one end is certain to stand alone after a quarrel, so the kernel is asked. $1: minor.
_TOLD = 'dmesg | grep -c "block drbd$1: Split-Brain detected" || [ $? = 1 ]'
RESOURCE = "resource"
"""Ganeti names a resource after its minor (DRBD84CmdGenerator)."""


def disconnected(guest: ProbeGuest) -> Seen:
    """Disconnect the mirror on its secondary node, and have Ganeti repair it.

    Raises:
        CommandFailed: it could not be disconnected, so nothing is shown.
    """
    node = guest.secondary

    def deed() -> str:
        _disconnect(guest, node)
        return _activated(guest) or guest.mirror_trouble()

    return guest.watched(f"its mirror is disconnected on {node.short}", deed)


def estranged(guest: ProbeGuest) -> Seen:
    """Let both copies go their own ways, see that they do not join, and give up the other one.

    Raises:
        CommandFailed: they could not be parted or did not meet, so nothing is shown.
    """
    node = guest.secondary

    def deed() -> str:
        ends = _disconnect(guest, node)
        mirrors = read_mirrors(guest.operator.master.source, guest.name)
        minors = [str(mirror.minors[node.name]) for mirror in mirrors]
        for minor in minors:
            guest.operator.on(node, _ESTRANGE, minor)
        before = _quarrels(guest)
        _activated(guest)  # must not join them, whatever Ganeti makes of that
        if joined := joined_though(guest, before):
            return joined
        _part(guest, node, ends)  # DRBD lets only one of them stand alone for certain
        for minor in minors:
            guest.operator.on(node, 'exec drbdsetup invalidate "$1"', minor)
        return _activated(guest) or guest.mirror_trouble()

    return guest.watched(f"its copy on {node.short} goes its own way", deed)


def _disconnect(guest: ProbeGuest, node: "Node") -> list[End]:
    """Disconnect its mirrors on a node; what was disconnected."""
    ends = _ends(guest, node)
    _part(guest, node, ends)
    await_apart(guest)
    return ends


def _part(guest: ProbeGuest, node: "Node", ends: list[End]) -> None:
    """Let a node's copies stand alone that do not yet."""
    alone = {
        int(place.split()[-1])
        for place, minor in guest.minors().items()
        if minor and minor.connection == "StandAlone" and place.split()[0] == node.name
    }
    for end in ends:
        if int(end.what.removeprefix(RESOURCE)) not in alone:
            words = (f"ipv4:{end.own}:{end.ports[0]}", f"ipv4:{end.peer}:{end.ports[1]}")
            guest.operator.on(node, 'exec drbdsetup disconnect "$1" "$2"', *words)


def _activated(guest: ProbeGuest) -> str:
    return guest.job("gnt-instance", "activate-disks", guest.name, limit_s=REPAIR_S)


def _quarrels(guest: ProbeGuest) -> int:
    """How often the kernels of both nodes have told of a split brain of the probe's mirrors."""
    return sum(
        int(guest.operator.on(guest.operator.node(name), _TOLD, str(minor)))
        for mirror in read_mirrors(guest.operator.master.source, guest.name)
        for name, minor in mirror.minors.items()
    )


def joined_though(guest: ProbeGuest, before: int) -> str:
    """Why copies that differ are one again; empty once DRBD has met and refused them.

    ``before`` is how often it had told of that until then.

    Raises:
        CommandFailed: they did not meet.
    """

    def probe() -> tuple[bool | None, str]:
        said = _quarrels(guest) > before or _joining(guest)
        return (True if said else None), "the kernels tell of no split brain"

    try:
        wait_for(f"The quarrel of both copies of {guest.name!r}", probe, APART_S)
    except DeadlinePassed as err:
        raise CommandFailed(f"{err} The drill did nothing.") from err
    if not _joining(guest):
        return ""
    return (
        "DRBD joined copies that differ, and chose one (net-custom: after-sb-0pri, after-sb-1pri)"
    )


def _joining(guest: ProbeGuest) -> bool:
    return any(one and (one.connection in WHOLE or one.syncing) for one in guest.minors().values())


def _ends(guest: ProbeGuest, node: "Node") -> list[End]:
    """The connections of the probe's mirrors on a node; each is found, or nothing is touched."""
    there = {end.what: end for end in read_ends(Fresh(node.source))}
    found = []
    for mirror in read_mirrors(guest.operator.master.source, guest.name):
        end = there.get(f"{RESOURCE}{mirror.minors[node.name]}")
        if end is None or set(end.ports) != {mirror.port}:
            raise CommandFailed(
                f"{node.short} has no connection of minor {mirror.minors[node.name]} on port "
                f"{mirror.port}; there are {listed([str(one) for one in there.values()])}."
            )
        found.append(end)
    return found


def cut_off(guest: ProbeGuest) -> Seen:
    """Drop what its mirror sends and gets on its secondary for a minute; it repairs itself.

    Raises:
        CommandFailed: nothing could be dropped, or the mirror did not notice.
    """
    operator, node = guest.operator, guest.secondary
    link = next(a.link for a in node.addresses if a.ip == node.secondary_ip)
    ports = [str(one.port) for one in read_mirrors(operator.master.source, guest.name)]
    mark = str(int(operator.run, 16) % 30000 + 2000)
    mend = mended(link, mark)

    def deed() -> str:
        words = f"the probe's mirror is cut off on {node.short}"
        entry = operator.ledger.undo(words, node.name, mend)
        operator.on(node, _CUT, link, str(LOST_S), mend, mark, *ports)
        await_apart(guest)
        trouble = guest.mirror_trouble(LOST_S + SYNC_S)
        operator.on(node, mend)
        operator.ledger.done(entry)
        return trouble

    return guest.watched(f"its mirror is cut off on {node.short} for {LOST_S} s", deed)


def mended(link: str, mark: str) -> str:
    """Shell text that takes away the filters that bear the mark, if they are there."""
    return (
        f"if tc filter show dev {link} ingress | grep -q ' pref {mark} '; "
        f"then tc qdisc del dev {link} clsact; fi"
    )


def await_apart(guest: ProbeGuest) -> None:
    """Wait until the mirror is not whole any more.

    Raises:
        CommandFailed: it stays whole, so the drill did nothing.
    """

    def probe() -> tuple[bool | None, str]:
        return (True if guest.apart() else None), "Connected, UpToDate"

    try:
        wait_for(f"The parting of the mirror of {guest.name!r}", probe, APART_S)
    except DeadlinePassed as err:
        raise CommandFailed(f"{err} The drill did nothing.") from err
