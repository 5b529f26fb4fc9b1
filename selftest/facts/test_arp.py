from ipaddress import IPv4Address
from types import SimpleNamespace

import pytest

from gntverify.errors import CommandFailed, GntverifyError, ParseError
from gntverify.evidence import Answer
from gntverify.facts import arp

SILENCE = """ARPING 192.168.0.2 from 0.0.0.0 xen-br0
Sent 2 probes (2 broadcast(s))
Received 0 response(s)
"""


def _answer(rc: int, text: str) -> Answer:
    argv = arp.arping_argv(IPv4Address("192.168.0.2"), "xen-br0")
    return Answer("node2", argv, rc, text, "", 0.0, 0.1)


def test_an_answer_names_its_mac(samples: SimpleNamespace) -> None:
    assert arp.answered(_answer(1, samples.ARPING)) == {"a6:7e:66:84:0c:ae"}


def test_silence_is_nobody() -> None:
    assert arp.answered(_answer(0, SILENCE)) == frozenset()


@pytest.mark.parametrize(
    ("rc", "text", "error"),
    [
        (0, "", ParseError),
        (1, "", ParseError),
        (1, SILENCE, ParseError),
        (0, "Received 1 response(s)\n", ParseError),
        (2, "", CommandFailed),
        (127, "", CommandFailed),
    ],
)
def test_neither_answer_nor_silence_is_unknown(
    rc: int, text: str, error: type[GntverifyError]
) -> None:
    with pytest.raises(error):
        arp.answered(_answer(rc, text))
