"""Snapshots of the whole lab, memory included: frozen disks and a saved state for each node.

Taking one and going back to one are the same act: end the machines, lay empty overlays over
frozen disks, start machines that wait for the saved state, let them all go at once. All of this
runs inside the lab.
"""

import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gntverify.deadline import wait_for
from gntverify.errors import GntverifyError, SiteError
from provision.lab import monitor, node
from provision.lab.clocks import on_node, set_clocks
from provision.lab.monitor import Monitor
from provision.lab.plan import Plan, checked_name
from provision.lab.reporting import Reporting

STATE = "state"
QUIT_LIMIT_S = 20.0
NEEDED_GIB = 1.0
"""Room for the memory of a machine: seen were 0.3, and what a node frees is not written."""
WATCHER_LIMIT_S = 40.0
# As cron runs it: with other arguments it would take RAPI for dead, and restart it.
WATCH = 'sh -c "$(sed -n "s/^[*].* root \\(.*ganeti-watcher\\)/\\1/p" /etc/cron.d/ganeti)"'
"""Runs Ganeti's watcher on a node."""
# By the clock that was set it has not run for as long as the snapshot is old, and cron comes in
# five minutes. Where it has never run there is no cluster yet, or no master. How it ended is seen
# by who judges the cluster.
_OLD = "find /var/lib/ganeti -maxdepth 1 -name 'watcher.*.data' -mmin +5 2>/dev/null"
_CATCH_UP = f'[ -z "$({_OLD})" ] || {WATCH} || true'


def place(plan: Plan, name: str) -> Path:
    """Where the snapshot of that name lies, or would lie.

    Raises:
        SiteError: no snapshot can have that name.
    """
    return plan.path("snapshots", checked_name("snapshot", name))


def snapshots(plan: Plan) -> list[str]:
    """Names of the snapshots there are, oldest first."""
    found = plan.path("snapshots").glob("[!.]*")
    return [path.name for path in sorted(found, key=lambda path: path.stat().st_mtime)]


@contextmanager
def deaf() -> Iterator[None]:
    """A block that Ctrl-C does not interrupt: half of it would leave the lab without machines."""
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, old)


def take(plan: Plan, name: str, progress: Reporting) -> Path:
    """Freeze the lab as it is, under a name, and let it go on; where the snapshot lies.

    Raises:
        SiteError: the name is taken, the lab is not whole, or there is too little room.
        CommandFailed: a machine could not be saved; the lab goes on.
        DeadlinePassed: a machine was not saved in time; the lab goes on.
    """
    target = place(plan, name)
    if target.exists():
        raise SiteError(f"There is a snapshot named {name!r} already; choose another name.")
    check_ready(plan)
    partial = target.with_name(f".{name}.new")
    shutil.rmtree(partial, ignore_errors=True)  # it holds second names of files, and no more
    for machine in plan.machines:
        (partial / machine.short).mkdir(parents=True)
    _save(plan, partial, progress)
    with deaf():
        end_machines(plan)
        for machine in plan.machines:
            for disk in node.DISKS:
                source = plan.path("nodes", machine.short, f"{disk}.qcow2")
                os.link(source, partial / machine.short / source.name)
        partial.rename(target)
        resume(plan, target, progress)
    return target


def check_ready(plan: Plan) -> None:
    """All machines run and are well, and there is room for what they have in memory.

    Raises:
        CommandFailed: a machine has come to its end.
        SiteError: a machine does not run, or there is too little room.
    """
    node.check_all(plan)
    gone = [machine.short for machine in plan.machines if not node.running(plan, machine)]
    if gone:
        raise SiteError(
            f"The lab is not whole: {', '.join(gone)} does not run. `lab reset` starts all."
        )
    needed, free = NEEDED_GIB * len(plan.machines), shutil.disk_usage(plan.home).free / 1024**3
    if free < needed:
        raise SiteError(
            f"A snapshot needs {needed:.0f} GiB under '{plan.home}', and {free:.1f} GiB are free."
        )


def _save(plan: Plan, partial: Path, progress: Reporting) -> None:
    """Pause all machines and write their states; when that fails, they go on and it is undone."""
    try:
        with progress.step("save the machines"):
            monitor.on_all(plan, _pause)
            monitor.on_all(plan, lambda one: one.save(partial / one.machine.short / STATE))
    except BaseException:
        with deaf():
            shutil.rmtree(partial, ignore_errors=True)
            try:
                monitor.on_all(plan, Monitor.abandon)
                progress.note("there is no snapshot; all machines go on")
            except GntverifyError as err:
                progress.note(f"there is no snapshot, and a machine does not go on: {err}")
        raise


def go_back(plan: Plan, source: Path, progress: Reporting) -> None:
    """Put the lab back to a snapshot; what happened since is gone.

    Raises:
        SiteError: there is no such snapshot.
    """
    if not source.exists():
        known = ", ".join(map(repr, snapshots(plan))) or "none"
        raise SiteError(f"There is no snapshot named {source.name!r}; there is {known}.")
    with deaf():
        end_machines(plan)
        resume(plan, source, progress)


def resume(plan: Plan, source: Path, progress: Reporting) -> None:
    """Start all machines from the snapshot in ``source``, and bring them to the present."""
    with progress.step("start the machines from their saved state"):
        for machine in plan.machines:
            frozen = source / machine.short
            node.create_disks(plan, machine, (frozen / "sda.qcow2", frozen / "sdb.qcow2"))
            node.start(plan, machine, incoming=frozen / STATE)
        monitor.on_all(plan, lambda one: one.settled("completed"))
        monitor.on_all(plan, _go)
    with progress.step("set the clocks"):
        for machine in plan.machines:
            node.wait_for_ssh(plan, machine)
        set_clocks(plan)
    with progress.step("let the watcher catch up"):
        for machine in plan.machines:
            on_node(plan, machine, _CATCH_UP, WATCHER_LIMIT_S)


def end_machines(plan: Plan) -> None:
    """End all machines at once, without a word to their guests."""
    for machine in plan.machines:
        node.kill(plan, machine)

    def probe() -> tuple[bool | None, str]:
        left = [machine.short for machine in plan.machines if node.running(plan, machine)]
        return (None, f"{', '.join(left)} still there") if left else (True, "gone")

    wait_for("The end of the machines", probe, QUIT_LIMIT_S, every_s=0.05)
    for machine in plan.machines:
        plan.path("run", f"{machine.short}.qmp").unlink(missing_ok=True)


async def _pause(one: Monitor) -> None:
    await one.ask("stop")


async def _go(one: Monitor) -> None:
    await one.ask("cont")
