"""The nodes' clocks: set to the runner's, and proved to be right."""

import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

from gntverify.deadline import scaled, wait_for
from gntverify.errors import CommandFailed, CommandTimeout
from provision.lab.plan import Machine, Plan

SKEW_S = 0.5
SYNC_LIMIT_S = 20.0
TOOL_LIMIT_S = 10.0


def on_node(machine: Machine, command: str) -> str:
    """Standard output of a shell command on a node, over ssh.

    Raises:
        CommandFailed: it ended with another status than 0.
        CommandTimeout: it did not end.
    """
    ssh = ["ssh", "-o", "BatchMode=yes", machine.short, command]
    limit_s = scaled(TOOL_LIMIT_S)
    try:
        done = subprocess.run(ssh, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired as err:
        raise CommandTimeout(
            f"On {machine.short!r}, `{command}` was ended after {limit_s:.0f} s."
        ) from err
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip() or "nothing"
        raise CommandFailed(f"On {machine.short!r}, `{command}` failed: {said}")
    return done.stdout


def set_clocks(plan: Plan) -> None:
    """Step every node's clock to the runner's, and wait until chrony calls it synchronised.

    Raises:
        DeadlinePassed: a clock is still off; node and offset are named.
    """
    with ThreadPoolExecutor(len(plan.machines)) as pool:
        list(pool.map(_set_clock, plan.machines))


def _set_clock(machine: Machine) -> None:
    # A node back from a snapshot is as far behind as the snapshot is old, and chrony's old
    # measurements would have it believe in that for a while.
    on_node(machine, f"date -u -s @{time.time():.3f} && chronyc -m 'reset sources' 'burst 4/4'")
    _wait_for_clock(machine)


def _wait_for_clock(machine: Machine) -> None:
    def probe() -> tuple[bool | None, str]:
        before = time.time()
        said = on_node(
            machine, "chronyc tracking; timedatectl show -p NTPSynchronized; date +%s.%N"
        )
        after = time.time()
        now = float(said.splitlines()[-1])
        off = max(before - now, now - after, 0.0)
        synchronised = "NTPSynchronized=yes" in said and re.search(r"Leap status\s*: Normal", said)
        right = bool(synchronised) and off < SKEW_S
        return (True if right else None), f"{off:.2f} s off, synchronised: {bool(synchronised)}"

    wait_for(f"The clock of node {machine.short!r}", probe, SYNC_LIMIT_S, every_s=0.5)
