"""While a command runs in the lab: a node that gives up is named at once."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from provision.lab import node
from provision.lab.plan import Plan

EVERY_S = 2.0


@contextmanager
def watched(plan: Plan) -> Iterator[None]:
    """Tell on standard error, once a node, that its kernel or its QEMU came to an end."""
    over = threading.Event()
    thread = threading.Thread(target=_watch, args=(plan, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=EVERY_S)


def _watch(plan: Plan, over: threading.Event) -> None:
    told: set[str] = set()
    last = False
    while not last:
        last = over.wait(EVERY_S)  # what ended the command is told with its end
        for machine in plan.machines:
            found = "" if machine.short in told else node.trouble(plan, machine)
            if found:
                told.add(machine.short)
                sys.stderr.write(f"lab: {found}\n")
