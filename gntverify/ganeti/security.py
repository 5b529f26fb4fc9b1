"""Certificates, RAPI's users and known hosts: dates, kinds, modes and hashes, never a secret."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gntverify.errors import CommandTimeout, ParseError
from gntverify.facts.shape import number, refuse
from gntverify.ganeti.ssconf import DATA_DIR

if TYPE_CHECKING:
    from gntverify.transport.source import Source

CERTIFICATES = ("server", "rapi", "spice", "client")
# openssl reads the file, which holds the key as well, and prints the date alone
_DATES = (
    'date +"now %s"; for c in {names}; do f={dir}/$c.pem; '
    'if [ ! -e $f ]; then echo "$c absent"; '
    'else end=$(openssl x509 -in $f -noout -enddate) || exit; echo "$c $end"; fi; done'
)
DATES = ["sh", "-c", _DATES.format(names=" ".join(CERTIFICATES), dir=DATA_DIR)]
# Ganeti knows a client certificate by this hash (lib/utils/x509.py); it is no secret.
DIGEST = ("openssl", "x509", "-in", f"{DATA_DIR}/client.pem", "-noout", "-fingerprint", "-sha1")
KNOWN_HOSTS = ("sha256sum", f"{DATA_DIR}/known_hosts")

USERS_FILE = f"{DATA_DIR}/rapi/users"
# awk keeps the secrets on the node: of the second field only its kind is printed
_KIND = (
    '/^[ \\t]*(#|$)/ {next} NF < 2 {print "user", $1, "broken", "-"; next} '
    '{k = "clear"; s = toupper($2); if (s ~ /^[{]HA1[}]/) k = "ha1"; '
    'else if (s ~ /^[{]CLEARTEXT[}]/) k = "clear"; else if (s ~ /^[{]/) k = "unknown"; '
    'o = ""; for (i = 3; i <= NF; i++) o = o $i; print "user", $1, k, (o == "" ? "-" : o)}'
)
USERS = [
    "sh",
    "-c",
    f"f={USERS_FILE}; d=${{f%/*}}; "
    'if [ -e $d ] && ! [ -x $d ]; then echo "$d: Permission denied" >&2; exit 13; fi; '
    'if ! [ -e $f ]; then echo absent; exit 0; fi; stat -c "file %a %U:%G" $f || exit; '
    f"awk '{_KIND}' $f",
]
LOGIN_LIMIT_S = 60.0  # not scaled: it is a part of the command, and that must not differ
TIMED_OUT = 124  # timeout(1)
_END = re.compile(r"(\w+) notAfter=(\w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}) GMT")


def parse_dates(text: str) -> dict[str, float | None]:
    """Certificate to days left by the node's clock; None for one that does not exist.

    Raises:
        ParseError: a line is not understood, or a certificate is missing in the answer.
    """
    lines = text.splitlines()
    if not lines or not lines[0].startswith("now "):
        raise refuse("openssl x509 -enddate", text)
    now = number("date", lines[0].removeprefix("now "))
    left = dict(_days_left(line, now) for line in lines[1:])
    if set(left) != set(CERTIFICATES):
        raise refuse("openssl x509 -enddate", text)
    return left


def _days_left(line: str, now: int) -> tuple[str, float | None]:
    if line.endswith(" absent"):
        return line.removesuffix(" absent"), None
    found = _END.fullmatch(line)
    if not found:
        raise refuse("openssl x509 -enddate", line)
    try:
        end = datetime.strptime(found[2], "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError as err:
        raise refuse("openssl x509 -enddate", line) from err
    return found[1], (end.timestamp() - now) / 86400


@dataclass(frozen=True, slots=True)
class User:
    """A user of RAPI: what kind of password (``ha1``, ``clear``, ``unknown``, ``broken``)."""

    name: str
    kind: str
    options: frozenset[str]


@dataclass(frozen=True, slots=True)
class Users:
    """RAPI's users file: mode (``640``), owner (``gnt-rapi:gnt-masterd``), users."""

    mode: str
    owner: str
    users: tuple[User, ...]

    @property
    def not_hashed(self) -> frozenset[str]:
        """Names of those whose password is not kept as a hash."""
        return frozenset(user.name for user in self.users if user.kind != "ha1")

    @property
    def writers(self) -> frozenset[str]:
        """Names of those who may change the cluster."""
        return frozenset(user.name for user in self.users if "write" in user.options)


def parse_users(text: str) -> Users | None:
    """What :data:`USERS` printed; None when there is no such file, so no user at all.

    Raises:
        ParseError: a line is not understood.
    """
    lines = text.splitlines()
    if lines == ["absent"]:
        return None
    head = re.fullmatch(r"file (\d{1,4}) (\S+:\S+)", lines[0]) if lines else None
    if not head:
        raise refuse("stat", text)
    return Users(head[1], head[2], tuple(_user(line) for line in lines[1:]))


def _user(line: str) -> User:
    fields = line.split(" ")
    kinds = ("ha1", "clear", "unknown", "broken")
    if len(fields) != 4 or fields[0] != "user" or fields[2] not in kinds or not fields[1]:
        raise refuse(f"awk {USERS_FILE}", line)
    options = frozenset(fields[3].split(",")) - {"-", ""}
    return User(fields[1], fields[2], options)


def parse_hash(text: str) -> str:
    """The hash that sha256sum printed, in hexadecimal.

    Raises:
        ParseError: it is none.
    """
    found = re.fullmatch(r"([0-9a-f]{64})  \S+\n?", text)
    if not found:
        raise refuse("sha256sum", text)
    return found[1]


def parse_digest(text: str) -> str:
    """The fingerprint that openssl printed, as Ganeti writes it.

    Raises:
        ParseError: it is none.
    """
    found = re.fullmatch(r"sha1 fingerprint=((?:[0-9a-f]{2}:){19}[0-9a-f]{2})\n?", text.lower())
    if not found:
        raise refuse("openssl x509 -fingerprint", text)
    return found[1].upper()


def ssh_argv(cluster: str, targets: Mapping[str, int], limit_s: float) -> list[str]:
    """The command that logs in to every target (name to port) at once as Ganeti's master does.

    The options are those of Ganeti's lib/ssh.py.
    """
    options = (
        "-q -4 -oEscapeChar=none -oHashKnownHosts=no -oUserKnownHostsFile=/dev/null "
        f"-oGlobalKnownHostsFile={DATA_DIR}/known_hosts -oHostKeyAlias={cluster} "
        "-oCheckHostIp=no -oConnectTimeout=30 -oBatchMode=yes -oStrictHostKeyChecking=yes"
    )
    words = " ".join(f"{name}:{port}" for name, port in targets.items())
    host = '-p "${t##*:}" "root@${t%:*}"'
    login = f'timeout {limit_s:.0f} ssh {options} {host} true </dev/null; echo "${{t%:*}} $?"'
    return ["sh", "-c", f"for t in {words}; do ( {login} ) & done; wait"]


def parse_logins(text: str, targets: Iterable[str]) -> dict[str, int]:
    """Target to ssh's exit status: 0 logged in, 255 refused.

    Raises:
        ParseError: a line is not understood, or a target is missing.
        CommandTimeout: a login did not come to its end, which tells nothing.
    """
    found: dict[str, int] = {}
    for line in text.splitlines():
        name, _, status = line.partition(" ")
        found[name] = number("ssh", status)
    if set(found) != set(targets):
        raise refuse("ssh", text)
    late = sorted(name for name, status in found.items() if status == TIMED_OUT)
    if late:
        raise CommandTimeout(f"The login to {', '.join(late)} did not come to an end in time.")
    return found


def read_dates(source: "Source") -> Mapping[str, float | None]:
    """Days left of each certificate."""
    return parse_dates(source.ask(DATES).text())


def read_users(source: "Source") -> Users | None:
    """RAPI's users."""
    return parse_users(source.ask(USERS).text())


def read_digest(source: "Source") -> str:
    """Digest of the client certificate."""
    return parse_digest(source.ask(DIGEST).text())


def read_known_hosts(source: "Source") -> str:
    """Hash of the known hosts."""
    return parse_hash(source.ask(KNOWN_HOSTS).text())


def read_logins(source: "Source", cluster: str, targets: Mapping[str, int]) -> Mapping[str, int]:
    """Who lets this node in, as Ganeti logs in.

    Raises:
        ParseError: a name is none that a shell could be given.
    """
    for name in (cluster, *targets):
        if not re.fullmatch(r"[\w.-]+", name):
            raise ParseError(f"{name!r} is no host name.")
    argv = ssh_argv(cluster, targets, LOGIN_LIMIT_S)
    return parse_logins(source.ask(argv, timeout_s=LOGIN_LIMIT_S + 10).text(), targets)
