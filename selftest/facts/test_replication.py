from ipaddress import IPv4Address
from types import SimpleNamespace

import pytest

from gntverify.errors import ParseError
from gntverify.facts import replication

OWN, PEER = IPv4Address("192.168.0.2"), IPv4Address("192.168.0.1")


def test_a_connection_has_two_ends_and_a_resource_may_have_none(
    samples: SimpleNamespace,
) -> None:
    (end,) = replication.parse_ends(samples.DRBD_ENDS)
    assert end == replication.End("resource0", OWN, PEER, (11001, 11001))
    assert str(end) == "resource0 192.168.0.2:11001 → 192.168.0.1:11001"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "_this_host ipv4 192.168.0.2:11001;\n",
        "resource r\n_this_host ipv4 192.168.0.2:11001;\n",
        "resource r\n_this_host ipv6 [::1]:11001;\n",
        "resource r\n_this_host ipv4 192.168.0.2:port;\n",
    ],
)
def test_half_a_connection_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        replication.parse_ends(text)


def test_sockets_of_the_connections_are_told_by_their_ports(samples: SimpleNamespace) -> None:
    sockets = replication.parse_sockets(samples.SOCKETS)
    found = replication.of_ports(sockets, replication.parse_ends(samples.DRBD_ENDS))
    assert [str(end) for end in found] == [
        "ESTAB 192.168.0.2:41387 → 192.168.0.1:11001",
        "ESTAB 192.168.0.2:11001 → 192.168.0.1:54787",
    ]


def test_a_socket_that_listens_has_no_peer(samples: SimpleNamespace) -> None:
    sockets = replication.parse_sockets(samples.SOCKETS)
    assert [str(end) for end in sockets if end.peer is None] == [
        "LISTEN 0.0.0.0:22",
        "LISTEN 0.0.0.0:1815",
        "LISTEN :::22",
    ]


@pytest.mark.parametrize("text", ["", "ESTAB 0 0 here there\n", "ESTAB 0 0 1.2.3.4:x 1.2.3.4:1\n"])
def test_what_ss_does_not_print_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        replication.parse_sockets(text)
