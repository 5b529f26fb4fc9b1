"""The gates: why a drill must not run now. All of them are told at once."""

from collections.abc import Iterable, Iterator

from gntverify.compare import listed
from gntverify.deadline import wait_for
from gntverify.drills.ledger import read_ledgers
from gntverify.drills.lock import holder
from gntverify.errors import DeadlinePassed
from gntverify.ganeti.queue import Job, read_drained, read_jobs
from gntverify.ganeti.watcher import read_watcher
from gntverify.site.model import ALLOW_TAG as TAG
from gntverify.target import Target
from gntverify.transport.session import Session
from gntverify.transport.source import Fresh

PASSING = ("GROUP_VERIFY_DISKS(", "OS_DIAGNOSE")
"""How jobs begin that only look and soon end: the watcher's, and what `gnt-os` asks for us too."""
PASSING_S = 60.0
FLAG = "--allow-disruptive"
ADD_TAG = f"gnt-cluster add-tags {TAG}"


def shut(target: Target, kinds: Iterable[str], *, flag: bool) -> list[str]:
    """A sentence for each gate that is shut; what it wants is in it.

    Args:
        target: where the drills would run.
        kinds: of the drills, as ``allow.disruptive`` names them.
        flag: whether the command line has :data:`FLAG`.

    Raises:
        GntverifyError: a gate could not be looked at, which is no open gate.
    """
    if not flag:  # the cluster is not even asked
        return [f"Drills disrupt the cluster; they run with {FLAG} only."]
    if not any(isinstance(source, Session) for source in target.sources.values()):
        return ["A recording is judged; drills need the living hosts (--hosts)."]
    return [*_not_permitted(target, kinds), *_not_calm(target)]


def _not_permitted(target: Target, kinds: Iterable[str]) -> Iterator[str]:
    allowed = target.site.allow.disruptive
    missing = sorted(set(kinds) - set(allowed))
    if missing:
        yield (
            f"The site {target.site.name!r} does not permit {listed(missing)}: "
            f"allow.disruptive = {allowed}."
        )
    tags = target.cluster.master.source.ask(("gnt-cluster", "list-tags"), fresh=True, timeout_s=60)
    if TAG not in tags.text().split():
        yield f"The cluster does not bear the tag {TAG}: `{ADD_TAG}` on the master."


def _not_calm(target: Target) -> Iterator[str]:
    cluster = target.cluster
    master = Fresh(cluster.master.source)
    missing = [*target.unreachable, *target.left_out]
    if missing:
        yield f"Drills need every node, and {listed(missing)} is not in this run."
    held = holder(cluster.nodes)
    if held:
        yield held
    runs = read_ledgers(cluster.nodes)
    if runs and not held:
        yield (
            f"An earlier run ({listed(runs)}) was killed and has left things: "
            f"`gntverify reap --hosts={','.join(target.hosts)}`."
        )
    jobs = _others(master)
    if jobs:
        yield f"Others are at work: {listed([str(job) for job in jobs])}."
    if read_drained(master):
        yield "The job queue is drained: `gnt-cluster queue undrain` on the master."
    if read_watcher(master).pause_s > 0 and not runs:
        yield "Somebody has paused the watcher: `gnt-cluster watcher continue` on the master."


def _others(master: Fresh) -> tuple[Job, ...]:
    """Open jobs; while there are none but passing ones, their end is awaited."""

    def probe() -> tuple[tuple[Job, ...] | None, str]:
        jobs = read_jobs(master)
        pass_by = jobs and all(job.summary.startswith(PASSING) for job in jobs)
        return (None if pass_by else jobs), listed([str(job) for job in jobs])

    try:
        return wait_for("The end of jobs that only look", probe, PASSING_S, every_s=1.0)
    except DeadlinePassed:
        return read_jobs(master)
