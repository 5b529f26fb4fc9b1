"""Modes and owners of Ganeti's files: what they should be, and what a node has."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.shape import refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

# Mode, owner, path; a path that ends with "/" is a directory that must be there, "|" stands
# between modes, or groups, that are both right, "-" for an owner that nothing fixes.
#
# Source: lib/tools/ensure_dirs.py of Ganeti 3.0.2, which every start of a daemon runs, with the
# users of Debian's package. Where it differs:
# - Debian's logrotate creates logs anew with 640 (/etc/logrotate.d/ganeti), ensure-dirs says 600;
# - the sockets of wconfd and metad have no line there: Ganeti 3.0 makes them with 600;
# - queue/serial is left out: ensure-dirs says 640, and luxid writes it anew with 600;
# - what a daemon makes itself, its log and luxid's queue/lock, is 600 of its own group until one
#   starts after it; luxid is the last one that starts on a node that becomes master;
# - rapi/users is left out: another control judges it, X07.
_TABLE = """\
755      gnt-masterd:gnt-masterd            /var/lib/ganeti/
640      gnt-masterd:gnt-masterd            /var/lib/ganeti/cluster-domain-secret
640      gnt-masterd:gnt-confd              /var/lib/ganeti/config.data
440      gnt-confd:gnt-masterd              /var/lib/ganeti/hmac.key
644      gnt-masterd:gnt-masterd            /var/lib/ganeti/known_hosts
440      gnt-rapi:gnt-masterd               /var/lib/ganeti/rapi.pem
440      root:gnt-masterd                   /var/lib/ganeti/spice.pem
440      root:gnt-masterd                   /var/lib/ganeti/spice-ca.pem
440      gnt-masterd:gnt-masterd            /var/lib/ganeti/server.pem
440      gnt-masterd:gnt-masterd            /var/lib/ganeti/client.pem
444      root:root                          /var/lib/ganeti/ssconf_*
750      gnt-masterd:gnt-daemons            /var/lib/ganeti/queue/
600|640  -                                  /var/lib/ganeti/queue/lock
640      gnt-masterd:gnt-daemons            /var/lib/ganeti/queue/version
750      gnt-masterd:gnt-daemons            /var/lib/ganeti/queue/archive/
750      gnt-rapi:gnt-masterd               /var/lib/ganeti/rapi/
775      gnt-masterd:gnt-daemons            /var/run/ganeti/
770      gnt-masterd:gnt-daemons            /var/run/ganeti/socket/
660      gnt-masterd:gnt-daemons            /var/run/ganeti/socket/ganeti-query
600|660  gnt-masterd:gnt-daemons            /var/run/ganeti/socket/ganeti-wconfd
600|660  gnt-metad:gnt-daemons              /var/run/ganeti/socket/ganeti-metad
700      root:gnt-masterd                   /var/run/ganeti/crypto/
755      root:gnt-masterd                   /var/run/ganeti/bdev-cache/
755      root:gnt-masterd                   /var/run/ganeti/import-export/
755      root:gnt-masterd                   /var/run/ganeti/instance-disks/
755      root:root                          /var/run/ganeti/instance-reason/
750      gnt-masterd:gnt-daemons            /var/run/ganeti/livelocks/
750      gnt-masterd:gnt-daemons            /var/run/ganeti/luxidmessages/
750      root:gnt-masterd                   /var/run/ganeti/uid-pool/
770      gnt-masterd:gnt-daemons            /var/log/ganeti/
750      root:gnt-daemons                   /var/log/ganeti/os/
750      root:gnt-daemons                   /var/log/ganeti/kvm/
750      root:gnt-daemons                   /var/log/ganeti/xen/
750      root:root                          /var/log/ganeti/cleaner/
750      gnt-masterd:gnt-masterd            /var/log/ganeti/master-cleaner/
600|640  root:gnt-masterd|root              /var/log/ganeti/node-daemon.log
600|640  gnt-confd:gnt-masterd|gnt-confd    /var/log/ganeti/conf-daemon.log
600|640  gnt-masterd:gnt-masterd|gnt-luxid  /var/log/ganeti/luxi-daemon.log
600|640  gnt-rapi:gnt-masterd|gnt-rapi      /var/log/ganeti/rapi-daemon.log
600|640  root:gnt-masterd|root              /var/log/ganeti/monitoring-daemon.log
600|640  -                                  /var/log/ganeti/wconf-daemon.log
600|640  -                                  /var/log/ganeti/kvm-daemon.log
600|640  -                                  /var/log/ganeti/meta-daemon.log
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a path, or every path of a pattern, should be.

    Attributes:
        path: without the ``/`` at the end.
        modes: each of them is right.
        owners: ``user:group``, each of them is right; empty when any is.
        needed: whether it must be there.
    """

    path: str
    modes: frozenset[str]
    owners: tuple[str, ...]
    needed: bool

    def fits(self, have: "Mode") -> bool:
        """Whether that is a right mode and owner."""
        return have.mode in self.modes and (not self.owners or have.owner in self.owners)

    def __str__(self) -> str:
        return " ".join(filter(None, ("|".join(sorted(self.modes)), *self.owners[:1])))


@dataclass(frozen=True, slots=True)
class Mode:
    """What a path is: ``640``, ``gnt-rapi:gnt-masterd``."""

    mode: str
    owner: str

    def __str__(self) -> str:
        return f"{self.mode} {self.owner}"


def _wanted(row: str) -> Wanted:
    modes, owner, path = row.split()
    user, _, groups = owner.partition(":")
    return Wanted(
        path=path.rstrip("/"),
        modes=frozenset(modes.split("|")),
        owners=tuple(f"{user}:{group}" for group in groups.split("|") if group),
        needed=path.endswith("/"),
    )


WANTED: tuple[Wanted, ...] = tuple(_wanted(row) for row in _TABLE.splitlines())
COMMAND = [
    "sh",
    "-c",
    # stat's complaint is how a path that does not exist is told from one that may not be seen
    f"stat -c '%a %U:%G %n' {' '.join(one.path for one in WANTED)} 2>&1 || :",
]
_LINE = re.compile(r"([0-7]{1,4}) ([\w.-]+:[\w.-]+) (/\S+)")
_ABSENT = re.compile(r"stat: cannot statx? '(/\S+)': No such file or directory")


def parse_modes(text: str) -> dict[str, Mode]:
    """Path to mode and owner; what does not exist is not in it.

    Raises:
        ParseError: a line is not understood, or a path is neither told nor told to be absent.
    """
    found: dict[str, Mode] = {}
    absent: set[str] = set()
    for line in text.splitlines():
        if told := _LINE.fullmatch(line):
            found[told[3]] = Mode(told[1], told[2])
        elif told := _ABSENT.fullmatch(line):
            absent.add(told[1])
        else:
            raise refuse("stat", line)
    untold = [w.path for w in WANTED if w.path not in absent and not _matching(w, found)]
    if untold:
        raise ParseError(f"`stat` has no word on {', '.join(untold)}.")
    return found


def _matching(wanted: Wanted, have: Mapping[str, Mode]) -> dict[str, Mode]:
    return {path: mode for path, mode in have.items() if fnmatchcase(path, wanted.path)}


def wrong(have: Mapping[str, Mode]) -> dict[str, str]:
    """Path to what it is and should be, of those that are otherwise."""
    found: dict[str, str] = {}
    for want in WANTED:
        matching = _matching(want, have)
        if want.needed and not matching:
            found[want.path] = f"is missing, expected {want}"
        for path, mode in matching.items():
            if not want.fits(mode):
                found[path] = f"is {mode}, expected {want}"
    return found


def read_modes(source: "Source") -> Mapping[str, Mode]:
    """The node's."""
    return parse_modes(source.ask(COMMAND).text())
