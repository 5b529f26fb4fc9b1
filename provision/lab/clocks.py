"""The nodes' clocks: set to the runner's, and proved to be right."""

import functools
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from gntverify.deadline import scaled, wait_for
from gntverify.errors import CommandFailed, CommandTimeout
from provision.lab.node import check_all
from provision.lab.plan import Machine, Plan
from provision.lab.ssh import to_node

SKEW_S = 0.5
SYNC_LIMIT_S = 20.0
TOOL_LIMIT_S = 10.0


def on_node(plan: Plan, machine: Machine, command: str, limit_s: float = TOOL_LIMIT_S) -> str:
    """Standard output of a shell command on a node, over ssh; ``limit_s`` is unscaled.

    Raises:
        CommandFailed: it ended with another status than 0, or a machine has come to its end.
        CommandTimeout: it did not end.
    """
    ssh = [*to_node(plan, machine.short), command]
    limit_s = scaled(limit_s)
    try:
        done = subprocess.run(
            ssh,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired as err:
        check_all(plan)
        raise CommandTimeout(
            f"On {machine.short!r}, `{command}` was ended after {limit_s:.0f} s."
        ) from err
    if done.returncode:
        check_all(plan)
        said = done.stderr.strip() or done.stdout.strip() or "nothing"
        raise CommandFailed(f"On {machine.short!r}, `{command}` failed: {said}")
    return done.stdout


def set_clocks(plan: Plan) -> None:
    """Step every node's clock to the runner's, and wait until chrony calls it synchronised.

    Raises:
        CommandFailed: a machine has come to its end.
        DeadlinePassed: a clock is still off; node and offset are named.
    """
    with ThreadPoolExecutor(len(plan.machines)) as pool:
        list(pool.map(functools.partial(_set_clock, plan), plan.machines))


def _set_clock(plan: Plan, machine: Machine) -> None:
    # A node back from a snapshot is as far behind as the snapshot is old, and chrony's old
    # measurements would have it believe in that for a while.
    on_node(
        plan, machine, f"date -u -s @{time.time():.3f} && chronyc -m 'reset sources' 'burst 4/4'"
    )
    _wait_for_clock(plan, machine)


def _wait_for_clock(plan: Plan, machine: Machine) -> None:
    ask = "chronyc tracking; timedatectl show -p NTPSynchronized; date +%s.%N"

    def probe() -> tuple[bool | None, str]:
        check_all(plan)
        before = time.time()
        said = on_node(plan, machine, ask)
        after = time.time()
        now = float(said.splitlines()[-1])
        off = max(before - now, now - after, 0.0)
        synchronised = "NTPSynchronized=yes" in said and re.search(r"Leap status\s*: Normal", said)
        right = bool(synchronised) and off < SKEW_S
        return (True if right else None), f"{off:.2f} s off, synchronised: {bool(synchronised)}"

    wait_for(f"The clock of node {machine.short!r}", probe, SYNC_LIMIT_S, every_s=0.5)
