"""One small DRBD instance in the lab, so that the DRBD controls have a subject.

It is created stopped and without an OS; its disks are active, so both nodes hold a connected
minor. Nothing runs in it: a snapshot of the lab stays a snapshot at rest.
"""

import subprocess
from collections.abc import Sequence
from typing import Protocol

from gntverify.deadline import scaled
from gntverify.errors import CommandFailed, CommandTimeout
from gntverify.site import Site

INSTANCE = "vm1.gnt.example"
LIMIT_S = 120.0


class OnNode(Protocol):
    """Runs one command on a node of the lab; the whole result comes back."""

    def __call__(
        self, node: str, argv: Sequence[str], *, timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Exit status, standard output and standard error of the command."""


def ensure_workload(site: Site, on_node: OnNode) -> bool:
    """Make the instance on the first two nodes, unless it is there; True when it was made.

    Raises:
        CommandFailed: Ganeti refused; its last line is in the message.
        CommandTimeout: Ganeti did not answer in time.
    """
    master, other = site.nodes[0], site.nodes[1]

    def ganeti(*argv: str) -> str:
        return _output(on_node, master.short, argv)

    made = INSTANCE not in ganeti("gnt-instance", "list", "--no-headers", "-o", "name").split()
    if made:
        add = ("gnt-instance", "add", "-t", "drbd", "-s", "1g", "-o", "noop")
        place = ("-n", f"{master.name}:{other.name}", "--no-start", "--no-install")
        ganeti(*add, *place, "--no-name-check", "--no-ip-check", INSTANCE)
        ganeti("gnt-instance", "activate-disks", INSTANCE)
    return made


def _output(on_node: OnNode, node: str, argv: Sequence[str]) -> str:
    command = " ".join(argv)
    try:
        done = on_node(node, argv, timeout_s=scaled(LIMIT_S))
    except subprocess.TimeoutExpired as err:
        raise CommandTimeout(
            f"On {node!r}, `{command}` was ended after {err.timeout:.0f} s."
        ) from err
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
        raise CommandFailed(f"On {node!r}, `{command}` ended with {done.returncode}: {said}")
    return done.stdout
