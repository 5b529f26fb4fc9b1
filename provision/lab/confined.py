"""Programs that must not outlive us, and the one that needs mounts and a root of its own."""

import os


def mortal() -> list[str]:
    """What goes before a program that the kernel ends when the thread that started it ends."""
    return ["setpriv", "--pdeathsig", "KILL"]


def confined() -> list[str]:
    """What goes before a command that is root, at least in a user namespace, and leaves nothing.

    Its first process ends with us, all others with that, and with the last of them its mounts.
    """
    users = [] if os.geteuid() == 0 else ["--user", "--map-root-user", "--map-auto"]
    kinds = ("--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    return [*mortal(), "unshare", *users, *kinds, "--propagation", "private"]
