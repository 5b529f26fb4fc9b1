"""What a daemon says when it is spoken to: TLS versions, its certificate, anonymous questions."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from gntverify.errors import CommandFailed, ParseError
from gntverify.facts.shape import number, refuse
from gntverify.ganeti.ssconf import DATA_DIR

if TYPE_CHECKING:
    from gntverify.transport.source import Source

FILES: Mapping[str, str] = {"noded": f"{DATA_DIR}/server.pem", "rapi": f"{DATA_DIR}/rapi.pem"}
OLD: Mapping[str, str] = {"tls1": "TLS 1.0", "tls1_1": "TLS 1.1"}
"""What openssl calls the versions that nobody should speak any more; Debian's openssl cannot
offer SSL 2 and 3 at all, as a client or as the daemons' own library."""
LIMIT_S = 120.0
EACH_S = 30  # not scaled: it is a part of the command, and that must not differ

# A version is accepted when the daemon shows its certificate: noded asks for the client's after
# that, and ends what it had begun. It is refused when the daemon answers with an alert. All else
# (nobody listens, openssl cannot offer the version) tells nothing. At its default level Debian's
# openssl offers no old version; level 0 lets it. Keys of the session stay on the node.
_ASK = (
    't() {{ timeout {each_s} openssl s_client -connect {address}:{port} "$@" </dev/null 2>&1; }}; '
    'echo "file $(openssl x509 -in {file} -noout -fingerprint -sha256 2>&1)"; '
    'why() {{ printf "%s\\n" "$o" | grep -m 1 -E "error|errno" || echo "it said nothing"; }}; '
    'o=$(t); case "$o" in *"BEGIN CERTIFICATE"*) echo "shown $(printf "%s\\n" "$o" | '
    'openssl x509 -noout -fingerprint -sha256)";; *) echo "shown ? $(why)";; esac; '
    "for v in {versions}; do o=$(t -$v -cipher ALL:@SECLEVEL=0); "
    'case "$o" in *"BEGIN CERTIFICATE"*) echo "$v accepted";; '
    '*"SSL alert number"*) echo "$v refused";; *) echo "$v ? $(why)";; esac; done'
)
_PRINT = re.compile(r"(?i:sha256) Fingerprint=((?:[0-9A-F]{2}:){31}[0-9A-F]{2})")


@dataclass(frozen=True)
class Greeting:
    """How a daemon answers a TLS client.

    Attributes:
        file: fingerprint of the certificate in the daemon's file.
        shown: fingerprint of the one that it shows.
        old: version that nobody should speak to whether it is accepted; why not, if openssl
            could not tell.
    """

    file: str
    shown: str
    old: Mapping[str, bool | str]

    @property
    def trouble(self) -> tuple[str, ...]:
        """What is wrong, a phrase each; none when all is well.

        Raises:
            CommandFailed: nothing is wrong as far as could be told, and that is not all.
        """
        found = [f"speaks {version}" for version, state in self.old.items() if state is True]
        if self.shown != self.file:
            found.append(f"shows certificate {self.shown[:23]}…, its file holds {self.file[:23]}…")
        untold = [f"{v} ({why})" for v, why in self.old.items() if isinstance(why, str)]
        if untold and not found:
            raise CommandFailed(f"Whether it is accepted could not be told: {'; '.join(untold)}.")
        return tuple(found)


def greeting_argv(daemon: str, address: IPv4Address, port: int) -> list[str]:
    """The command that greets a daemon of this node."""
    versions = " ".join(OLD)
    filled = _ASK.format(
        address=address, port=port, file=FILES[daemon], versions=versions, each_s=EACH_S
    )
    return ["sh", "-c", filled]


def parse_greeting(text: str) -> Greeting:
    """What :func:`greeting_argv` printed.

    Raises:
        ParseError: a line is not understood, or one is missing; or no certificate was shown, and
            the message says why.
    """
    lines = dict(_pair(line) for line in text.splitlines())
    if lines.keys() != {"file", "shown", *OLD}:
        raise refuse("openssl s_client", text)
    if lines["shown"].startswith("? "):
        raise ParseError(f"The daemon showed no certificate: {lines['shown'][2:]}.")
    old = {name: _state(lines[version]) for version, name in OLD.items()}
    return Greeting(_fingerprint(lines["file"]), _fingerprint(lines["shown"]), old)


def _pair(line: str) -> tuple[str, str]:
    key, _, value = line.partition(" ")
    return key, value


def _state(told: str) -> bool | str:
    if told.startswith("? "):
        return told[2:]
    if told not in ("accepted", "refused"):
        raise refuse("openssl s_client", told)
    return told == "accepted"


def _fingerprint(told: str) -> str:
    found = _PRINT.fullmatch(told)
    if not found:
        raise refuse("openssl x509 -fingerprint", told)
    return found[1]


def read_greeting(source: "Source", daemon: str, address: IPv4Address, port: int) -> Greeting:
    """How that daemon answers on the node itself."""
    argv = greeting_argv(daemon, address, port)
    return parse_greeting(source.ask(argv, timeout_s=LIMIT_S).text())


PRIVATE_PATHS = ("/2/info", "/2/nodes", "/2/instances", "/2/jobs")
"""What RAPI tells of the cluster; none of these GETs submits a job."""
UNAUTHORIZED = 401
_GET = f"""\
import http.client, ssl, sys
for path in sys.argv[3:]:
    to = http.client.HTTPSConnection(
        sys.argv[1], int(sys.argv[2]), timeout={EACH_S}, context=ssl._create_unverified_context())
    to.request("GET", path)
    print(path, to.getresponse().status)
"""


def anonymous_argv(address: IPv4Address, port: int) -> list[str]:
    """The command that asks RAPI for all of these without a name, and prints statuses alone."""
    return ["python3", "-I", "-c", _GET, str(address), str(port), *PRIVATE_PATHS]


def parse_statuses(text: str, paths: Sequence[str] = PRIVATE_PATHS) -> dict[str, int]:
    """Path to HTTP status.

    Raises:
        ParseError: a line is not understood, or a path is missing.
    """
    found = {}
    for line in text.splitlines():
        path, _, status = line.partition(" ")
        found[path] = number("GET", status)
        if not 100 <= found[path] <= 599:
            raise ParseError(f"{status} is no HTTP status.")
    if found.keys() != set(paths):
        raise refuse("GET", text)
    return found


def read_anonymous(source: "Source", address: IPv4Address, port: int) -> Mapping[str, int]:
    """What RAPI, asked on its own node, answers somebody without a name.

    Raises:
        CommandFailed: it does not answer at all.
    """
    answer = source.ask(anonymous_argv(address, port), timeout_s=LIMIT_S)
    if answer.status() != 0:
        last = (answer.stderr.strip() or "nothing").splitlines()[-1]
        raise CommandFailed(
            f"On {answer.host!r}, RAPI at {address}:{port} cannot be asked: {last}."
        )
    return parse_statuses(answer.text())
