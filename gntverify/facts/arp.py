"""Who else answers for an address of a node's own: duplicate address detection by ARP."""

import re
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from gntverify.facts.shape import refuse

if TYPE_CHECKING:
    from gntverify.evidence import Answer
    from gntverify.transport.source import Source

LIMIT_S = 30.0
_REPLY = re.compile(r"(?:Uni|Broad)cast reply from \S+ \[([0-9A-F:]{17})\]", re.IGNORECASE)
_TOLD = re.compile(r"Received ([0-9]{1,9}) response\(s\)")


def arping_argv(address: IPv4Address, link: str) -> tuple[str, ...]:
    """Two probes from 0.0.0.0 (RFC 5227), which the asker itself does not answer."""
    return ("arping", "-D", "-c", "2", "-w", "3", "-I", link, str(address))


def parse_arping(text: str) -> frozenset[str]:
    """MAC addresses, in lower case, that answered; none when nobody did.

    Raises:
        ParseError: the text is not what iputils' arping prints, or its count does not fit.
    """
    macs = frozenset(mac.lower() for mac in _REPLY.findall(text))
    told = _TOLD.search(text)
    if not told or bool(int(told[1])) != bool(macs):
        raise refuse("arping -D", text)
    return macs


def answered(answer: "Answer") -> frozenset[str]:
    """The MAC addresses of arping's answer: status 1 says that somebody answered.

    Raises:
        CommandFailed: arping is not there or could not ask.
        ParseError: its status and its output do not fit.
    """
    status = answer.status()
    macs = parse_arping(answer.stdout if status == 1 else answer.text())
    if (status == 1) != bool(macs):
        raise refuse("arping -D", answer.stdout)
    return macs


def read_answers(source: "Source", address: IPv4Address, link: str) -> frozenset[str]:
    """The MAC addresses that answer on ``link`` for an address of the host's own."""
    return answered(source.ask(arping_argv(address, link), timeout_s=LIMIT_S))
