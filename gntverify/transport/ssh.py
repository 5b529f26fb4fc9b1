"""The system's ssh: its command line, and what its refusals mean to a person."""

import re
from dataclasses import dataclass

from testinfra.backend.base import BaseBackend

from gntverify.deadline import scaled
from gntverify.errors import TargetRefused, Unreachable

CONNECT_LIMIT_S = 10.0

BOOTSTRAP = "import sys,base64;exec(base64.b64decode(sys.stdin.readline()))"
"""Reads the agent from the first line of standard input and becomes it."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the user reaches hosts: testinfra's own options.

    Attributes:
        config: ``--ssh-config``, a file.
        identity: ``--ssh-identity-file``.
        sudo: ``--sudo``: become root on the host without a password.
    """

    config: str | None = None
    identity: str | None = None
    sudo: bool = False


def command(host: str, options: Options) -> list[str]:
    """The command line that starts the agent on a host, ``[user@]name[:port]``.

    Host keys are checked, whatever the user's configuration says.

    Raises:
        TargetRefused: it is not of that form.
    """
    try:
        spec = BaseBackend.parse_hostspec(host)
    except ValueError:
        raise TargetRefused(
            f"--hosts names {host!r}, which is no [user@]name[:port]; an IPv6 address with a port "
            f"is written [address]:port."
        ) from None
    remote = f"{'sudo -n ' if options.sudo else ''}python3 -c '{BOOTSTRAP}'"
    return [
        *("ssh", "-T", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"),
        *("-o", f"ConnectTimeout={scaled(CONNECT_LIMIT_S):.0f}"),
        *("-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"),
        *(("-F", options.config) if options.config else ()),
        *(("-i", options.identity) if options.identity else ()),
        *(("-p", spec.port) if spec.port else ()),
        *(("-l", spec.user) if spec.user else ()),
        *("--", spec.name, remote),
    ]


REASONS = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", "shows another host key than the one known; find "
     "out why before you remove the old one (`ssh-keygen -R {name}`)"),
    ("Host key verification failed", "shows a host key that is not known here; log in once by "
     "hand (`ssh {name}`) and check it"),
    ("Could not resolve hostname", "does not resolve; check its spelling, /etc/hosts and DNS"),
    ("Connection refused", "refuses the connection; is sshd running there?"),
    ("No route to host", "cannot be reached: no route to host"),
    ("Network is unreachable", "cannot be reached: the network is unreachable"),
    ("timed out", "does not answer within the limit; is it up, and is a firewall between?"),
    ("Permission denied", "does not let us log in; does `ssh {name} true` work without a "
     "password?"),
    ("a password is required", "wants a password for sudo; allow `sudo -n`, or log in as root"),
    ("sudo", "does not let us use sudo; log in as root, or allow `sudo -n`"),
    ("python3", "has no python3, which the agent needs; `apt-get install python3`"),
)  # fmt: skip


def unreachable(host: str, said: str, hung: bool) -> Unreachable:
    """Why a session could not be opened, as a sentence.

    Args:
        host: as in ``--hosts``.
        said: ssh's standard error.
        hung: whether we ended it ourselves.
    """
    name = BaseBackend.parse_hostspec(host).name
    for sign, meaning in REASONS:
        if re.search(re.escape(sign), said, re.IGNORECASE):
            sentence = f"Host {host!r} {meaning.format(name=name)}"
            return Unreachable(host, sentence if sentence.endswith("?") else f"{sentence}.")
    if hung:
        return Unreachable(
            host, f"Host {host!r} took the connection and then said nothing; is it overloaded?"
        )
    last = (said.strip() or "no word").splitlines()[-1]
    return Unreachable(host, f"Host {host!r} could not be asked; ssh said: {last}")
