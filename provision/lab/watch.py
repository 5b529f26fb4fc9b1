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
    """Tell on standard error, once a node, that its kernel panicked while the block ran."""
    over = threading.Event()
    thread = threading.Thread(target=_watch, args=(plan, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()


def _watch(plan: Plan, over: threading.Event) -> None:
    told = {machine.short for machine in plan.machines if node.bad_news(plan, machine)}
    while not over.wait(EVERY_S):
        for machine in plan.machines:
            news = "" if machine.short in told else node.bad_news(plan, machine)
            if news:
                told.add(machine.short)
                log = plan.path("nodes", machine.short, "serial.log")
                sys.stderr.write(f"lab: node {machine.short!r} panicked: {news} ({log})\n")
