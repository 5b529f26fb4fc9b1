"""Snapshots of the whole lab, memory included: frozen disks and a saved state for each node.

Taking one and going back to one are the same act: end the machines, lay empty overlays over
frozen disks, start machines that wait for the saved state, let them all go at once. All of this
runs inside the lab.
"""

import os
import shutil
from pathlib import Path

from gntverify.deadline import wait_for
from gntverify.errors import SiteError
from provision.lab import monitor, node
from provision.lab.clocks import set_clocks
from provision.lab.monitor import Monitor
from provision.lab.plan import Plan
from provision.lab.reporting import Reporting

STATE = "state"
QUIT_LIMIT_S = 20.0


def snapshots(plan: Plan) -> list[str]:
    """Names of the snapshots there are, oldest first."""
    place = plan.path("snapshots")
    if not place.exists():
        return []
    return [path.name for path in sorted(place.iterdir(), key=lambda path: path.stat().st_mtime)]


def take(plan: Plan, name: str, progress: Reporting) -> Path:
    """Freeze the lab as it is, under a name, and let it go on; where the snapshot lies.

    Raises:
        SiteError: the name is taken, or the lab is not whole.
        CommandFailed: a machine could not be saved.
    """
    target = plan.path("snapshots", name)
    if target.exists():
        raise SiteError(f"There is a snapshot named {name!r} already; choose another name.")
    for machine in plan.machines:
        node.check_well(plan, machine)
    partial = target.with_name(f".{name}.new")
    shutil.rmtree(partial, ignore_errors=True)
    for machine in plan.machines:
        (partial / machine.short).mkdir(parents=True)
    with progress.step("save the machines"):
        monitor.on_all(plan, _pause)
        monitor.on_all(plan, lambda one: one.save(partial / one.machine.short / STATE))
        end_machines(plan)
    for machine in plan.machines:
        for disk in node.DISKS:
            source = plan.path("nodes", machine.short, f"{disk}.qcow2")
            source.rename(partial / machine.short / source.name)
    partial.rename(target)
    resume(plan, target, progress)
    return target


def go_back(plan: Plan, name: str, progress: Reporting) -> None:
    """Put the lab back to a snapshot; what happened since is gone.

    Raises:
        SiteError: there is no such snapshot.
    """
    source = plan.path("snapshots", name)
    if not source.exists():
        known = ", ".join(map(repr, snapshots(plan))) or "none"
        raise SiteError(f"There is no snapshot named {name!r}; there is {known}.")
    end_machines(plan)
    resume(plan, source, progress)


def resume(plan: Plan, source: Path, progress: Reporting) -> None:
    """Start all machines from the snapshot in ``source``, and set their clocks right."""
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


def end_machines(plan: Plan) -> None:
    """End all machines at once, without a word to their guests."""
    present = [machine for machine in plan.machines if node.running(plan, machine)]
    for machine in present:
        pid = int(plan.path("run", f"{machine.short}.pid").read_text())
        os.kill(pid, 9)  # inside the lab's own process namespace: only the lab's processes

    def probe() -> tuple[bool | None, str]:
        left = [machine.short for machine in present if node.running(plan, machine)]
        return (None, f"{', '.join(left)} still there") if left else (True, "gone")

    wait_for("The end of the machines", probe, QUIT_LIMIT_S, every_s=0.05)
    for machine in plan.machines:
        for left_over in ("pid", "qmp"):
            plan.path("run", f"{machine.short}.{left_over}").unlink(missing_ok=True)


async def _pause(one: Monitor) -> None:
    await one.ask("stop")


async def _go(one: Monitor) -> None:
    await one.ask("cont")
