"""What runs inside a lab: ``python -m provision.lab.inside HOME DEED [ARGUMENT]``.

The command line of the lab enters its namespaces with this, because the machines' sockets and
networks are to be had nowhere else.
"""

import os
import sys
from pathlib import Path

from gntverify.errors import DeadlinePassed
from provision.lab import node, snapshot
from provision.lab.clocks import set_clocks
from provision.lab.plan import Plan
from provision.lab.progress import Progress
from provision.lab.sentence import in_one_sentence

ONCE_MORE = "all nodes are started once more"


def boot(plan: Plan, progress: Progress) -> None:
    """Start all machines from the image and wait until they take logins.

    On a busy machine a boot may pass its deadline: then it is done once more, and told.
    """
    try:
        _start_all(plan, progress)
    except DeadlinePassed as err:
        progress.note(f"{err} So {ONCE_MORE}.")
        snapshot.end_machines(plan)
        _start_all(plan, progress)
    with progress.step("set the clocks"):
        set_clocks(plan)


def _start_all(plan: Plan, progress: Progress) -> None:
    with progress.step(f"boot {len(plan.machines)} nodes"):
        for machine in plan.machines:
            node.create_disks(plan, machine, (Path(plan.disks[0]), Path(plan.disks[1])))
            node.start(plan, machine)
        for machine in plan.machines:
            node.wait_for_ssh(plan, machine)
            progress.note(f"{machine.short} is up at {machine.address}")


def main(home: Path, deed: str, argument: str) -> None:
    """Do one deed in the lab of ``home``."""
    os.chdir(home)
    plan = Plan.load(home)
    progress = Progress("lab")
    if deed == "boot":
        boot(plan, progress)
    elif deed == "resume":
        snapshot.resume(plan, Path(argument), progress)
    elif deed == "snapshot":
        snapshot.take(plan, argument, progress)
    elif deed == "reset":
        snapshot.go_back(plan, Path(argument), progress)
    elif deed == "states":
        for machine in plan.machines:
            news = node.bad_news(plan, machine)
            state = f"panicked: {news}" if news else "running"
            print(f"{machine.short}\t{state if node.running(plan, machine) else 'gone'}")  # noqa: T201 - for the CLI
    else:
        raise SystemExit(f"lab: {deed!r} is nothing that can be done inside a lab.")


if __name__ == "__main__":
    with in_one_sentence():
        main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else "")
