"""Ganeti's daemons: which should run, which do, with what arguments, and where they listen."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gntverify.facts.shape import number, refuse

if TYPE_CHECKING:
    from gntverify.evidence import Answer
    from gntverify.transport.source import Source

# All that Ganeti 3 has; metad is started when an instance asks for it.
NAMES = ("noded", "confd", "wconfd", "luxid", "rapi", "mond", "kvmd", "metad")
PORTS: Mapping[str, tuple[str, int]] = {
    "noded": ("tcp", 1811),
    "confd": ("udp", 1814),
    "rapi": ("tcp", 5080),
    "mond": ("tcp", 1815),
    "metad": ("tcp", 80),
}
ON_MASTER = frozenset({"wconfd", "luxid", "rapi"})

# -C, not a filter: the command lines of other programs are nobody's business here
PROCESSES = (
    "ps",
    "-ww",
    "-o",
    "pid=,ppid=,comm=,args=",
    "-C",
    ",".join(f"ganeti-{name}" for name in NAMES),
)
STARTED = ("/usr/lib/ganeti/daemon-util", "list-start-daemons")
LISTENERS = ("ss", "-l", "-n", "-t", "-u", "-p", "-H")


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running daemon; ``arguments`` are those behind its program."""

    name: str
    pid: int
    parent: int
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket.

    Attributes:
        protocol: ``tcp`` or ``udp``.
        address: where; ``0.0.0.0`` or ``::`` for everywhere.
        port: the port.
        programs: names of the processes that hold it; empty without root's rights.
        pids: likewise.
    """

    protocol: str
    address: IPv4Address | IPv6Address
    port: int
    programs: frozenset[str]
    pids: frozenset[int]


def parse_processes(text: str) -> tuple[Daemon, ...]:
    """Daemons, without the children they forked and without what has ended.

    Raises:
        ParseError: a line is not what ps was told to print, or there is none.
    """
    if not text:
        raise refuse("ps", text)
    found = []
    for line in text.splitlines():
        fields = line.split(None, 3)
        if len(fields) != 4 or not fields[2].startswith("ganeti-"):
            raise refuse("ps", line)
        pid, parent = number("ps", fields[0]), number("ps", fields[1])
        words = fields[3].split()
        if words[0] == f"[{fields[2]}]":  # a forked child that ended and was not waited for yet
            continue
        found.append(
            Daemon(fields[2].removeprefix("ganeti-"), pid, parent, _behind(fields[2], words))
        )
    names = {daemon.pid: daemon.name for daemon in found}
    return tuple(d for d in found if names.get(d.parent) != d.name)


def _behind(program: str, words: list[str]) -> tuple[str, ...]:
    places = [i for i, word in enumerate(words) if PurePosixPath(word).name == program]
    if not places:
        raise refuse("ps", " ".join(words))
    return tuple(words[places[0] + 1 :])


def running(answer: "Answer") -> tuple[Daemon, ...]:
    """The daemons of ps's answer: status 1 and silence say that none runs.

    Raises:
        CommandFailed: ps complained, or its output was cut.
        ParseError: its output is not understood.
    """
    if answer.status() == 1 and not answer.stdout and not answer.stderr:
        return ()
    return parse_processes(answer.text())


def parse_started(text: str) -> frozenset[str]:
    """Names of the daemons that this node's Ganeti starts, before roles are asked.

    Raises:
        ParseError: one is unknown, or there is no noded among them.
    """
    names = frozenset(line.removeprefix("ganeti-") for line in text.split())
    if "noded" not in names or not names <= frozenset(NAMES):
        raise refuse("daemon-util list-start-daemons", text)
    return names


_HOLDER = re.compile(r'\("(.*?)",pid=([0-9]{1,10}),fd=[0-9]+\)')
_HOLDERS = re.compile(rf"users:\({_HOLDER.pattern}(,{_HOLDER.pattern})*\)\s*")


def parse_listeners(text: str) -> tuple[Listener, ...]:
    """Listening TCP and UDP sockets of ``ss``; a node has one at least, its sshd.

    Raises:
        ParseError: a line is not what ss prints.
    """
    found = tuple(_listener(line) for line in text.splitlines())
    if not found:
        raise refuse("ss", text)
    return found


def _listener(line: str) -> Listener:
    fields = line.split(None, 6)
    if len(fields) not in (6, 7) or fields[0] not in ("tcp", "udp"):
        raise refuse("ss", line)
    if len(fields) == 7 and not _HOLDERS.fullmatch(fields[6]):
        raise refuse("ss", line)
    place, _, port = fields[4].rpartition(":")
    holders = _HOLDER.findall(fields[6]) if len(fields) == 7 else []
    return Listener(
        protocol=fields[0],
        address=_address(place, line),
        port=number("ss", port),
        programs=frozenset(name for name, _ in holders),
        pids=frozenset(int(pid) for _, pid in holders),
    )


def _address(text: str, line: str) -> IPv4Address | IPv6Address:
    plain = text.partition("%")[0].strip("[]")
    try:
        return ip_address("0.0.0.0" if plain == "*" else plain)  # noqa: S104 - ss's word for any
    except ValueError as err:
        raise refuse("ss", line) from err


def read_running(source: "Source") -> tuple[Daemon, ...]:
    """Ganeti's daemons that run."""
    return running(source.ask(PROCESSES))


def read_started(source: "Source") -> frozenset[str]:
    """Daemons that this Ganeti has; mond is a choice of its build."""
    return parse_started(source.ask(STARTED).text())


def read_listeners(source: "Source") -> tuple[Listener, ...]:
    """Listening sockets."""
    return parse_listeners(source.ask(LISTENERS).text())


def expected(started: frozenset[str], *, is_master: bool, user_shutdown: bool) -> frozenset[str]:
    """The daemons that run on a node of that role.

    The watcher starts noded, confd and mond on every node (confd answers nothing on those that
    are no candidates); wconfd, luxid and rapi end at once where the node is not the master; kvmd
    ends at once where users may not shut their instances down.
    """
    left_out = frozenset() if is_master else ON_MASTER
    return started - left_out - (frozenset() if user_shutdown else frozenset({"kvmd"}))
