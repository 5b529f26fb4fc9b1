"""The files that Ganeti copies to its nodes: their hashes and how long ago they changed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.shape import number, refuse
from gntverify.ganeti.ssconf import DATA_DIR

if TYPE_CHECKING:
    from gntverify.transport.source import Source

CONFIG = "config.data"
"""The configuration: on master candidates only."""
USERS = "rapi/users"
"""Of all files the only one that a cluster may do without."""
NEEDED = (
    "hmac.key",
    "cluster-domain-secret",
    "server.pem",
    "rapi.pem",
    "spice.pem",
    "spice-ca.pem",
)
"""On every node, and the same (lib/cmdlib/common.py, ComputeAncillaryFiles); so are ssconf_*."""

# Passwords are few enough to be tried against a hash: the users are hashed behind the key of
# confd, which no evidence holds. The other secrets are long and random.
_SALTED = f"[ ! -e {USERS} ] || cat hmac.key {USERS} | sha256sum | sed 's|-$|{USERS}|'"
_NAMES = " ".join((CONFIG, *NEEDED, "ssconf_*"))
COMMAND = [
    "sh",
    "-c",
    f'cd {DATA_DIR} && date +"now %s" && {{ stat -c "changed %Y %n" {_NAMES} {USERS} 2>/dev/null; '
    f"sha256sum {_NAMES} 2>&1; {_SALTED}; }}",
]
_HASHED = re.compile(r"([0-9a-f]{64})  (\S+)")
_CHANGED = re.compile(r"changed (\d{1,12}) (\S+)")
_ABSENT = re.compile(r"sha256sum: '?([^\s':]+)'?: No such file or directory")


@dataclass(frozen=True, slots=True)
class Copy:
    """One node's copy of a file: its SHA-256, and how long ago it changed by the node's clock."""

    sha256: str
    age_s: int

    @property
    def short(self) -> str:
        """As much of the hash as a message needs."""
        return self.sha256[:12]


def parse_copies(text: str) -> dict[str, Copy]:
    """Name below Ganeti's data directory to its copy; what does not exist is not in it.

    Raises:
        ParseError: a line is not understood, or a file is neither told nor told to be absent.
    """
    head, _, rest = text.partition("\n")
    now = number("date", head.removeprefix("now "))
    changed: dict[str, int] = {}
    hashes: dict[str, str] = {}
    absent: set[str] = set()
    for line in rest.splitlines():
        if found := _CHANGED.fullmatch(line):
            changed[found[2]] = now - int(found[1])
        elif found := _HASHED.fullmatch(line):
            hashes[found[2]] = found[1]
        elif found := _ABSENT.fullmatch(line):
            absent.add(found[1])
        else:
            raise refuse("sha256sum", line)
    untold = {CONFIG, *NEEDED} - hashes.keys() - absent
    if untold or hashes.keys() != changed.keys():
        odd = sorted(untold | (hashes.keys() ^ changed.keys()))
        raise ParseError(f"`sha256sum` and `stat` do not tell the same of {', '.join(odd)}.")
    return {name: Copy(sha256, changed[name]) for name, sha256 in hashes.items()}


def read_copies(source: "Source", *, fresh: bool = False) -> Mapping[str, Copy]:
    """The node's copies.

    Raises:
        CommandFailed: there is no data directory, or the output was cut.
    """
    answer = source.ask(COMMAND, fresh=fresh)
    return parse_copies(answer.text())
