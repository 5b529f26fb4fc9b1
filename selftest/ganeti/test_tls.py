from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace

import pytest

from gntverify import binds
from gntverify.cluster import Cluster, Node
from gntverify.errors import CommandFailed, ParseError
from gntverify.evidence import Answer
from gntverify.ganeti import tls
from gntverify.ganeti.ssconf import Ssconf
from gntverify.site import load_site
from gntverify.transport.replay import Replay

OWN = IPv4Address("192.168.0.1")
CLUSTER = IPv4Address("192.168.1.1")
SITE = load_site(Path(__file__).parents[2] / "sites" / "lab.toml")


def test_the_recorded_daemons_speak_new_versions_with_their_own_certificate(
    master: Replay,
) -> None:
    for daemon, address, port in (("noded", OWN, 1811), ("rapi", CLUSTER, 5080)):
        have = tls.read_greeting(master, daemon, address, port)
        assert have.old == {"TLS 1.0": False, "TLS 1.1": False}
        assert have.trouble == ()


def test_the_recorded_rapi_answers_nobody_without_a_name(master: Replay) -> None:
    have = tls.read_anonymous(master, CLUSTER, 5080)
    assert have == dict.fromkeys(tls.PRIVATE_PATHS, 401)


def test_all_that_is_wrong_is_told(samples: SimpleNamespace) -> None:
    bad = samples.GREETING.replace("tls1 refused", "tls1 accepted").replace("file sha256", "x", 1)
    with pytest.raises(ParseError):
        tls.parse_greeting(bad)
    bad = samples.GREETING.replace("tls1 refused", "tls1 accepted")
    bad = bad.replace("shown sha256 Fingerprint=F0", "shown sha256 Fingerprint=00")
    assert tls.parse_greeting(bad).trouble == (
        "speaks TLS 1.0",
        "shows certificate 00:B3:A3:C0:2A:8A:23:9C…, its file holds F0:B3:A3:C0:2A:8A:23:9C…",
    )


def test_a_version_that_openssl_cannot_offer_is_not_refused(samples: SimpleNamespace) -> None:
    untold = samples.GREETING.replace("tls1_1 refused", "tls1_1 ? no protocols available")
    with pytest.raises(CommandFailed, match=r"TLS 1\.1 \(no protocols available\)"):
        assert tls.parse_greeting(untold).trouble
    worse = untold.replace("tls1 refused", "tls1 accepted")
    assert tls.parse_greeting(worse).trouble == ("speaks TLS 1.0",)


def test_a_daemon_that_is_not_there_tells_nothing(samples: SimpleNamespace) -> None:
    shown = samples.GREETING.splitlines()[1]
    with pytest.raises(ParseError, match="no certificate: connect:errno=111"):
        tls.parse_greeting(samples.GREETING.replace(shown, "shown ? connect:errno=111"))


@pytest.mark.parametrize("line", ["tls1 refused\n", "tls1_1 refused\n"])
def test_a_version_without_a_word_is_refused(line: str, samples: SimpleNamespace) -> None:
    for instead in ("", line.replace("refused", "unknown"), f"{line}more\n"):
        with pytest.raises(ParseError):
            tls.parse_greeting(samples.GREETING.replace(line, instead))


@pytest.mark.parametrize(
    "bad", ["/2/info 401\n", "/2/info yes\n", "/2/info 4010\n/2/nodes 401\n", "Traceback\n"]
)
def test_statuses_that_are_not_whole_are_refused(bad: str) -> None:
    with pytest.raises(ParseError):
        tls.parse_statuses(bad, ["/2/info", "/2/nodes"])
    assert tls.parse_statuses("/2/info 401\n", ["/2/info"]) == {"/2/info": 401}


def test_a_rapi_that_does_not_answer_tells_nothing() -> None:
    argv = tuple(tls.anonymous_argv(CLUSTER, 5080))
    error = "Traceback …\nConnectionRefusedError: [Errno 111] Connection refused\n"
    silent = Replay("node1", [Answer("node1", argv, 1, "", error, 0.0, 0.1)])
    with pytest.raises(CommandFailed, match=r"192\.168\.1\.1:5080 cannot be asked: ConnectionRef"):
        tls.read_anonymous(silent, CLUSTER, 5080)


def _node(name: str, *, is_master: bool) -> Node:
    ssconf = Ssconf(
        {"master_ip": "192.168.1.1", "node_primary_ips": "n1 192.168.0.1\nn2 192.168.0.2"}
    )
    node = Node(name, name, Replay(name, []), ssconf)
    node.is_master = is_master
    return node


def test_rapi_is_asked_on_the_master_only() -> None:
    one, two = _node("n1", is_master=True), _node("n2", is_master=False)
    cluster = Cluster((one, two), (), one)
    assert binds.doors(one, cluster, SITE) == {"noded": OWN, "rapi": CLUSTER}
    assert binds.doors(two, cluster, SITE) == {"noded": IPv4Address("192.168.0.2")}


def test_who_listens_everywhere_is_asked_on_the_private_address() -> None:
    one = _node("n1", is_master=True)
    daemons = SITE.daemons.model_copy(update={"noded": "any", "rapi": "loopback"})
    open_site = SITE.model_copy(update={"daemons": daemons})
    assert binds.doors(one, Cluster((one,), (), one), open_site) == {
        "noded": OWN,
        "rapi": IPv4Address("127.0.0.1"),
    }
