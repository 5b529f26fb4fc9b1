"""The lab's ssh: one configuration for it and for its user, and how the lab itself calls it."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from provision.lab.plan import Plan

CONNECT_S = 10.0


def to_node(plan: Plan, node: str, *options: str) -> list[str]:
    """The command that the shell text for a node is appended to; asks nobody anything.

    ``-F``: of the user's own ``~/.ssh/config``, which ssh would read first, nothing counts here.
    """
    return login(plan, node, "-o", "BatchMode=yes", *options)


def login(plan: Plan, node: str, *options: str) -> list[str]:
    """The command that logs in to a node of the lab, and of no other."""
    return ["ssh", "-F", str(plan.path("etc", "ssh_config")), *options, node]


def shell_text(words: Sequence[str]) -> list[str]:
    """What ``lab ssh`` hands to the node: one word is shell text, several are one command."""
    return [shlex.join(words)] if len(words) > 1 else list(words)


def ssh_config(plan: Plan) -> str:
    """The lab's hosts, with pinned keys; then whatever the host's own configuration says.

    It lies over ``/etc/ssh/ssh_config`` inside the lab. A plain ``ssh`` reads the user's own
    ``~/.ssh/config`` before it: what that says of ``Host *`` holds in `lab exec` as anywhere.
    """
    names = " ".join(f"{machine.short} {machine.name}" for machine in plan.machines)
    blocks = [f"Host {m.short} {m.name}\n    HostName {m.address}" for m in plan.machines]
    common = f"""Host {names}
    User root
    IdentityFile "{plan.path("keys", "login")}"
    IdentitiesOnly yes
    UserKnownHostsFile "{plan.path("etc", "known_hosts")}"
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    ProxyJump none
    ControlMaster no
    ControlPath none
    ConnectTimeout {CONNECT_S * plan.factor:.0f}
    ServerAliveInterval 30
"""
    system = Path("/etc/ssh/ssh_config")
    own = system.read_text() if system.exists() else ""
    return "\n".join([*blocks, common, own])
