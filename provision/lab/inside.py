"""What runs inside a lab: ``python -m provision.lab.inside HOME DEED [NAME]``.

The command line of the lab enters its namespaces with this, because the machines' sockets and
networks are to be had nowhere else.
"""

import os
import sys
from pathlib import Path

from gntverify.errors import GntverifyError
from provision.lab import node, snapshot
from provision.lab.clocks import set_clocks
from provision.lab.plan import Plan
from provision.lab.progress import Progress


def boot(plan: Plan, progress: Progress) -> None:
    """Start all machines from the image, all at once, and wait until they take logins."""
    with progress.step(f"boot {len(plan.machines)} nodes"):
        for machine in plan.machines:
            node.create_disks(plan, machine, (Path(plan.disks[0]), Path(plan.disks[1])))
            node.start(plan, machine)
        for machine in plan.machines:
            node.wait_for_ssh(plan, machine)
            progress.note(f"{machine.short} is up at {machine.address}")
    with progress.step("set the clocks"):
        set_clocks(plan)


def main(home: Path, deed: str, name: str) -> None:
    """Do one deed in the lab of ``home``."""
    os.chdir(home)
    plan = Plan.load(home)
    progress = Progress("lab")
    if deed == "boot":
        boot(plan, progress)
    elif deed == "resume":
        snapshot.resume(plan, Path(name), progress)
    elif deed == "restart":
        snapshot.end_machines(plan)
        snapshot.resume(plan, Path(name), progress)
    elif deed == "snapshot":
        snapshot.take(plan, name, progress)
    elif deed == "reset":
        snapshot.go_back(plan, name, progress)
    elif deed == "states":
        for machine in plan.machines:
            news = node.bad_news(plan, machine)
            state = f"panicked: {news}" if news else "running"
            print(f"{machine.short}\t{state if node.running(plan, machine) else 'gone'}")  # noqa: T201 - for the CLI
    else:
        raise SystemExit(f"lab: {deed!r} is nothing that can be done inside a lab.")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "")
    except GntverifyError as err:
        sys.exit(f"lab: {err}")
