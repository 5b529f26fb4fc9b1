"""What a cluster in service has and a new one has not, so that every control has a subject.

One small DRBD instance: created stopped and without an OS; its disks are active, so both nodes
hold a connected minor. Nothing runs in it: a snapshot of the lab stays a snapshot at rest.
And one user of the remote API, who may read; nobody knows the password.
"""

import hashlib
import secrets
import subprocess
from collections.abc import Sequence
from typing import Protocol

from gntverify.deadline import scaled
from gntverify.errors import CommandFailed, CommandTimeout
from gntverify.site import Site

INSTANCE = "vm1.gnt.example"
USER = "reader"
USERS_FILE = "/var/lib/ganeti/rapi/users"
LIMIT_S = 120.0


class OnNode(Protocol):
    """Runs one command on a node of the lab; the whole result comes back."""

    def __call__(
        self, node: str, argv: Sequence[str], *, timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Exit status, standard output and standard error of the command."""


def ensure_workload(site: Site, on_node: OnNode) -> bool:
    """Make instance and user, unless they are there; True when anything was made.

    Raises:
        CommandFailed: Ganeti refused; its last line is in the message.
        CommandTimeout: Ganeti did not answer in time.
    """
    master, other = site.nodes[0], site.nodes[1]

    def ganeti(*argv: str) -> str:
        return _output(on_node, master.short, argv)

    instance = INSTANCE in ganeti("gnt-instance", "list", "--no-headers", "-o", "name").split()
    if not instance:
        add = ("gnt-instance", "add", "-t", "drbd", "-s", "1g", "-o", "noop")
        place = ("-n", f"{master.name}:{other.name}", "--no-start", "--no-install")
        ganeti(*add, *place, "--no-name-check", "--no-ip-check", INSTANCE)
        ganeti("gnt-instance", "activate-disks", INSTANCE)
    user = ganeti("sh", "-c", f"[ ! -e {USERS_FILE} ] || echo there").strip()
    if not user:
        ganeti("sh", "-c", users_file(secrets.token_hex(16)))
        ganeti("gnt-cluster", "redist-conf")
    return not (instance and user)


def users_file(password: str) -> str:
    """Shell text that makes RAPI's users file as Ganeti wants it, the password as a hash."""
    text = f"{USER}:Ganeti Remote API:{password}".encode()
    digest = hashlib.md5(text, usedforsecurity=False).hexdigest()  # what RAPI compares with
    return (
        f"umask 077 && echo '{USER} {{HA1}}{digest}' > {USERS_FILE} && "
        f"chown gnt-rapi:gnt-masterd {USERS_FILE} && chmod 640 {USERS_FILE}"
    )


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
