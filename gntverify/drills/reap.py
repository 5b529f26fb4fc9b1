"""Undoing what the ledger says, the last first: at the end of a run, and after a crash of one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from gntverify.compare import listed
from gntverify.deadline import wait_for
from gntverify.drills.ledger import Entry, Ledger, read_ledgers, tag_of
from gntverify.drills.lock import holder
from gntverify.drills.operator import REMOVE_S, Operator
from gntverify.errors import NOT_TOLD, DeadlinePassed, TargetRefused, Unreachable
from gntverify.facts.shape import refuse
from gntverify.ganeti.jobs import QUEUE
from gntverify.ganeti.nodes import read_nodes
from gntverify.ganeti.queue import OPEN
from gntverify.transport.source import Fresh

if TYPE_CHECKING:
    from gntverify.target import Target
    from gntverify.transport.source import Source

JOBS_S = 900.0
UNDO_S = 120.0
TAGS = ("gnt-instance", "list", "--no-headers", "--separator=|", "--output=name,tags")
_VOLUMES = """\
command -v lvs >/dev/null || exit 0
left=$(lvs --noheadings -o lv_path "@$1") || exit
[ -z "$left" ] || lvremove --force --quiet $left
"""
# What a killed run had submitted goes on without it. The reason of a job tells whose it is.
_OURS = """\
import glob, json, sys
for path in glob.glob(sys.argv[1] + "/job-*"):
    try:
        with open(path) as file:
            ops = json.load(file)["ops"]
    except FileNotFoundError:
        continue  # archived meanwhile, so it has ended
    if "gntverify:" + sys.argv[2] in json.dumps([op["input"].get("reason") for op in ops]):
        print("\\n".join(path.rpartition("-")[2] + " " + op["status"] for op in ops))
"""


def parse_tags(text: str) -> dict[str, frozenset[str]]:
    """Instance to its tags.

    Raises:
        ParseError: a line has other fields.
    """
    found = {}
    for line in text.splitlines():
        name, bar, tags = line.partition("|")
        if not name or not bar:
            raise refuse("gnt-instance list", line)
        found[name] = frozenset(tag for tag in tags.split(",") if tag)
    return found


def read_tags(source: "Source") -> Mapping[str, frozenset[str]]:
    """Ask the master, now."""
    return parse_tags(source.ask(TAGS, timeout_s=60, fresh=True).text())


def plan(entries: Sequence[Entry], tags: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """What :func:`undo_all` would do, a sentence an entry."""
    for entry in reversed(entries):
        if entry.kind != "instance":
            yield f"{entry.kind}: {entry.name}" + (f" (on {entry.node})" if entry.node else "")
        elif entry.name not in tags:
            yield f"instance {entry.name}: is not there (any more)"
        elif tag_of(entry.run) in tags[entry.name]:
            yield f"instance {entry.name}: remove"
        else:
            yield f"instance {entry.name}: leave alone, it does not bear {tag_of(entry.run)}"


def await_jobs(operator: Operator) -> None:
    """Wait until no job of the run is open any more; what is waited for is told, once each.

    Raises:
        DeadlinePassed: one is, and is named.
    """
    said = {""}

    def probe() -> tuple[bool | None, str]:
        asked = ["python3", "-c", _OURS, QUEUE, operator.run]
        lines = operator.master.source.ask(asked, fresh=True).text().splitlines()
        told = ", ".join(f"job {line}" for line in lines if line.split()[-1] in OPEN)
        if told not in said:
            said.add(told)
            operator.tell(f"waiting for the end of {told}; what they did is undone then")
        return (None if told else True), told

    wait_for(f"The end of the jobs of run {operator.run}", probe, JOBS_S, every_s=2)


def undo_all(operator: Operator) -> list[str]:
    """Undo what the run's ledger holds; what could not be undone, a sentence each, stays there."""
    if not operator.ledger.entries:
        return []
    for node in operator.cluster.nodes:
        node.source.settle()
    if left := _tried(operator, [e for e in operator.ledger.entries if e.kind == "stop"]):
        return left  # its jobs have no end
    try:
        await_jobs(operator)
    except (*NOT_TOLD, DeadlinePassed, Unreachable) as err:
        return [str(err)]
    return _tried(operator, operator.ledger.entries)


def _tried(operator: Operator, entries: Sequence[Entry]) -> list[str]:
    """Undo them, the last first; why one could not be, a sentence each."""
    left = []
    for entry in list(reversed(entries)):
        try:
            trouble = undo(operator, entry)
        except (*NOT_TOLD, DeadlinePassed, Unreachable) as err:
            trouble = str(err)
        if trouble:
            left.append(f"{entry.name}: {trouble}")
    return left


def undo(operator: Operator, entry: Entry) -> str:
    """Undo one entry; why it could not be, or empty.

    One that is undone already is well: after Ctrl-C all is, before pytest ends its fixtures.

    Raises:
        CommandFailed, CommandTimeout, DeadlinePassed, Unreachable: it could not be told.
    """
    if entry not in operator.ledger.entries:
        return ""
    trouble = _removed(operator, entry) if entry.kind == "instance" else _undone(operator, entry)
    if not trouble:
        operator.ledger.done(entry)
    return trouble


def _undone(operator: Operator, entry: Entry) -> str:
    try:
        node = operator.node(entry.node) if entry.node else operator.master
        operator.on(node, entry.undo, limit_s=UNDO_S)
    except (*NOT_TOLD, Unreachable):
        if not _gone(operator, entry):
            raise
    if entry.node:
        operator.follow()  # the undo of a master failover has changed who takes commands
    return ""


def _gone(operator: Operator, entry: Entry) -> bool:
    """Whether its node has left the cluster; what runs ends also with a node that is offline."""
    if not entry.node:
        return False
    state = read_nodes(Fresh(operator.master.source)).get(entry.node)
    return state is None or (entry.kind == "stop" and state.role == "O")


def _removed(operator: Operator, entry: Entry) -> str:
    """An instance is removed if it bears the run's tag; another of the same name is let be.

    What is not there may be still to come, so the run's jobs are awaited first. Not while one of
    its nodes is offline: Ganeti would forget the disk there, and leave it. What a job that failed
    has left of its disks, and Ganeti does not know any more, goes last.
    """
    await_jobs(operator)
    tags = read_tags(operator.master.source)
    if entry.name not in tags:
        await_jobs(operator)  # one may have been submitted while the names were asked
        tags = read_tags(operator.master.source)
    if entry.name not in tags:
        _remove_volumes(operator, entry.name)
        return ""
    if tag_of(entry.run) not in tags[entry.name]:
        return ""
    states, one = read_nodes(Fresh(operator.master.source)), operator.instances()[entry.name]
    away = [name for name in (one.primary, *one.secondaries) if states[name].role == "O"]
    if away:
        return f"{listed(away)} is offline, and has its disk; take it back, then reap"
    options = ("--force", "--shutdown-timeout=0", "--ignore-failures")
    job = operator.job("gnt-instance", "remove", *options, entry.name, limit_s=REMOVE_S)
    # a disk that it could not remove is but warned of
    if not job.trouble:
        _remove_volumes(operator, entry.name)
    return job.trouble


def _remove_volumes(operator: Operator, name: str) -> None:
    """Remove logical volumes that bear the name of a run's own instance, which is gone.

    Ganeti tags each volume with it. A run's names are never anybody else's.
    """
    for node in operator.cluster.nodes:
        operator.on(node, _VOLUMES, f"originstname+{name}")


def reap_all(target: "Target", tell: Callable[[str], None], *, dry: bool) -> list[str]:
    """Undo what dead runs have left; a sentence for each thing that is left then.

    With ``dry``, nothing is done, and the sentences say what would be.

    Raises:
        TargetRefused: a run of drills is under way, or a node is not in this run.
        GntverifyError: a node did not tell what it keeps.
    """
    cluster = target.cluster
    held = holder(cluster.nodes)
    if held:
        raise TargetRefused(f"{held} What it does is not left behind yet.")
    missing = [*target.unreachable, *target.left_out]
    if missing:
        raise TargetRefused(
            f"To undo, every node is needed; {listed(missing)} is not in this run. What can be "
            "undone without a node that stays away is, once Ganeti knows: `gnt-node modify "
            "--offline=yes NODE`, and leave it out of --hosts."
        )
    runs = read_ledgers(cluster.nodes)
    left: list[str] = []
    for run, entries in runs.items():
        tell(f"run {run}: {len(entries)} things are not undone yet")
        if dry:
            left += plan(entries, read_tags(cluster.master.source))
        else:
            ledger = Ledger(run, cluster.nodes, entries, whole=not cluster.absent)
            operator = Operator(cluster, cluster.master, ledger, tell)
            stuck = undo_all(operator)
            told = f"{len(stuck)} cannot be undone" if stuck else "all of them are undone"
            tell(f"run {run}: {told}")
            left += stuck
    if not runs:
        tell("no run has left anything")
    return left
