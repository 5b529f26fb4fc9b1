from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from types import SimpleNamespace

import pytest

from gntverify.errors import ParseError
from gntverify.facts import interfaces, loss, network, reach
from gntverify.facts.shape import parse_cat


def test_links_tell_bridge_vlan_and_port(samples: SimpleNamespace) -> None:
    links = network.parse_links(samples.IP_LINK)
    bridge, vlan = links["xen-br0"], links["eth0.2186"]
    assert (bridge.kind, bridge.up, bridge.stp, bridge.forward_delay_s) == (
        "bridge",
        True,
        False,
        0.0,
    )
    assert (vlan.vlan, vlan.parent, vlan.master) == (2186, "eth0", "xen-br0")
    assert links["eth0"].kind == ""
    assert not links["vx0"].up


def test_an_id_of_another_kind_is_no_vlan(samples: SimpleNamespace) -> None:
    assert network.parse_links(samples.IP_LINK)["vx0"].vlan is None


def test_links_without_a_name_are_refused() -> None:
    with pytest.raises(ParseError, match="ifname"):
        network.parse_links('[{"flags": [], "mtu": 1500}]')


def test_addresses_keep_prefix_and_lease(samples: SimpleNamespace) -> None:
    found = network.parse_addresses(samples.IP_ADDRESS)
    assert [(a.link, a.interface, a.dynamic) for a in found] == [
        ("lo", IPv4Interface("127.0.0.1/8"), False),
        ("xen-br0", IPv4Interface("192.168.0.1/16"), False),
        ("xen-br0", IPv4Interface("192.168.1.1/16"), False),
        ("eth9", IPv4Interface("10.0.0.9/24"), True),
    ]


def test_routes_are_unicast_and_every_hop_counts(samples: SimpleNamespace) -> None:
    found = {(str(r), r.link) for r in network.parse_routes(samples.IP_ROUTE)}
    assert found == {
        ("0.0.0.0/0 via 192.0.2.254", "eth0"),
        ("192.0.2.0/24", "eth0"),
        ("192.168.0.0/16", "xen-br0"),
        ("10.9.0.0/16 via 192.168.0.7", "xen-br0"),
        ("10.9.0.0/16 via 192.0.2.7", "eth0"),
    }


def test_a_route_to_no_network_is_refused() -> None:
    with pytest.raises(ParseError, match="ip route"):
        network.parse_routes('[{"dst": "192.168.0.1/16", "dev": "x"}]')


def test_interfaces_take_in_further_files(samples: SimpleNamespace) -> None:
    found = interfaces.parse_interfaces(parse_cat(samples.INTERFACES))
    assert [(s.name, s.method, s.automatic) for s in found] == [
        ("xen-br0", "static", True),
        ("lo", "loopback", True),
        ("eth0", "static", True),
    ]
    assert found[0].options["netmask"] == ("255.255.0.0",)
    assert found[0].options["up"] == ("echo one", "echo two")


def test_a_file_that_nothing_takes_in_does_not_count(samples: SimpleNamespace) -> None:
    files = parse_cat(samples.INTERFACES.replace("| source ", "| # source "))
    assert [s.name for s in interfaces.parse_interfaces(files)] == ["lo", "eth0"]


def test_a_directory_takes_in_plain_names_only() -> None:
    files = {
        interfaces.MAIN: "source-directory interfaces.d\n",
        f"{interfaces.DIRECTORY}/bridge": "auto br0\n",
        f"{interfaces.DIRECTORY}/old.bak": "nonsense\n",
    }
    assert interfaces.parse_interfaces(files) == ()


@pytest.mark.parametrize(
    "line",
    ["source /srv/network/*", "source interfaces.d/bridge", "auto eth*", "iface a inherits b c"],
)
def test_what_only_ifupdown_could_tell_is_refused(line: str) -> None:
    itself = f"{interfaces.DIRECTORY}/bridge"
    with pytest.raises(ParseError):
        interfaces.parse_interfaces({interfaces.MAIN: f"source {itself}\n", itself: f"{line}\n"})


@pytest.mark.parametrize(
    "content", ["    address 192.0.2.1\n", "iface eth0 inet\n", "auto lo\nnonsense here\n"]
)
def test_a_line_that_fits_nowhere_is_refused(content: str) -> None:
    with pytest.raises(ParseError):
        interfaces.parse_interfaces({interfaces.MAIN: content})


def test_no_interfaces_file_is_refused() -> None:
    with pytest.raises(ParseError, match="does not exist"):
        interfaces.parse_interfaces({})


def test_reach_tells_echo_and_port(samples: SimpleNamespace) -> None:
    found = reach.parse_reach(samples.REACH, 1811)
    assert found[IPv4Address("192.168.0.2")].whole
    assert str(found[IPv4Address("192.168.0.3")]) == "no echo, port closed or filtered"


def test_reach_without_an_answer_for_each_port_is_refused(samples: SimpleNamespace) -> None:
    with pytest.raises(ParseError):
        reach.parse_reach(samples.REACH.rsplit("192.168.0.3 tcp", 1)[0], 1811)
    with pytest.raises(ParseError):
        reach.parse_reach("", None)


def test_reach_asks_all_targets_in_one_command() -> None:
    targets = [IPv4Address("192.168.0.2"), IPv4Address("192.168.0.3")]
    shell, _, text = reach.reach_argv(IPv4Address("192.168.0.1"), targets, 1811)
    assert shell == "sh"
    assert text.count("192.168.0.2") == 2
    assert "-S 192.168.0.1" in text
    assert "nc" not in reach.reach_argv(targets[0], targets, None)[2]


def test_networks_are_compared_as_networks(samples: SimpleNamespace) -> None:
    found = network.parse_addresses(samples.IP_ADDRESS)
    assert {a.network for a in found if a.link == "xen-br0"} == {IPv4Network("192.168.0.0/16")}


@pytest.mark.parametrize(
    "parser", [network.parse_links, network.parse_addresses, network.parse_routes]
)
def test_a_node_without_any_is_none(parser: Callable[[str], object]) -> None:
    with pytest.raises(ParseError):
        parser("[]")


def test_losses_are_told_by_target(samples: SimpleNamespace) -> None:
    found = loss.parse_losses(samples.LOSSES)
    assert {str(target): str(one) for target, one in found.items()} == {
        "192.168.0.2": "6 of 50 lost",
        "192.168.0.3": "50 of 50 lost",
    }


def test_an_echo_that_comes_twice_is_not_less_than_none() -> None:
    text = (
        "192.168.0.2 : duplicate for [3], 64 bytes, 0.5 ms\n"
        "192.168.0.2 : xmt/rcv/%return = 50/52/104%\n"
    )
    (found,) = loss.parse_losses(text).values()
    assert found.lost == 0


@pytest.mark.parametrize(
    "line",
    [
        "192.168.0.2 : xmt/rcv/%loss = 0/0/0%",
        "node2 : xmt/rcv/%loss = 50/50/0%",
        "192.168.0.2 : 1.2 1.3 -",
        "fping: can't create socket",
    ],
)
def test_what_is_no_loss_is_refused(line: str, samples: SimpleNamespace) -> None:
    with pytest.raises(ParseError):
        loss.parse_losses(f"{samples.LOSSES}{line}\n")


def test_frames_fill_the_link() -> None:
    own = IPv4Address("192.168.0.1")
    text = loss.loss_argv(own, [IPv4Address("192.168.0.2")], 1500)[2]
    assert "-M -b 1472 -S 192.168.0.1 192.168.0.2" in text
    assert "-b 65488 " in loss.loss_argv(own, [own], 65520)[2]  # as IP over InfiniBand has it
