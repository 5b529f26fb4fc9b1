from types import SimpleNamespace

import pytest

from gntverify.errors import ParseError
from gntverify.facts import interfaces, network, setup
from gntverify.facts.shape import parse_cat

BRIDGE = """auto xen-br0
iface xen-br0 inet static
    address 192.168.0.1/16
    bridge-ports eth0.2186
"""


def _set_by(text: str) -> dict[str, object]:
    """Link and aspect, as one word, to what a boot sets by an interfaces file."""
    found = setup.at_boot(interfaces.parse_interfaces({interfaces.MAIN: text}))
    return {" ".join(key): value for key, value in found.items()}


def test_a_boot_sets_what_the_stanzas_say(samples: SimpleNamespace) -> None:
    found = setup.at_boot(interfaces.parse_interfaces(parse_cat(samples.INTERFACES)))
    assert found == {
        ("eth0", "address"): frozenset({"192.0.2.1/24"}),
        ("eth0", "gateway"): frozenset({"192.0.2.254"}),
        ("xen-br0", "address"): frozenset({"192.168.0.1/16"}),
        ("xen-br0", "ports"): frozenset({"eth0.2186"}),
        ("xen-br0", "STP"): "off",
        ("xen-br0", "forward delay"): "0.0 s",
        ("eth0.2186", "VLAN"): "2186 on eth0",
    }


def test_the_same_is_in_force_in_the_same_words(samples: SimpleNamespace) -> None:
    links = network.parse_links(samples.IP_LINK).values()
    addresses = network.parse_addresses(samples.IP_ADDRESS)
    routes = network.parse_routes(samples.IP_ROUTE)
    found = setup.in_force(links, addresses, routes)
    assert found["xen-br0", "ports"] == frozenset({"eth0.2186"})
    assert found["xen-br0", "address"] == frozenset({"192.168.0.1/16", "192.168.1.1/16"})
    assert found["eth0.2186", "VLAN"] == "2186 on eth0"
    assert found["xen-br0", "forward delay"] == "0.0 s"
    assert found["eth0", "gateway"] == frozenset({"192.0.2.254"})
    assert ("lo", "address") not in found


def test_what_a_bridge_is_not_told_is_the_kernels() -> None:
    found = _set_by(BRIDGE)
    assert (found["xen-br0 STP"], found["xen-br0 forward delay"]) == ("off", "15.0 s")


def test_a_stanza_that_no_auto_names_sets_nothing() -> None:
    assert _set_by(BRIDGE.replace("auto ", "no-auto-down ")) == {}


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("10.1.7.1", "10.1.7.1/8"),
        ("172.16.0.1", "172.16.0.1/16"),
        ("192.168.7.1", "192.168.7.1/24"),
        ("10.1.7.1\n netmask 24", "10.1.7.1/24"),
        ("10.1.7.1\n netmask 255.255.255.0", "10.1.7.1/24"),
    ],
)
def test_a_netmask_is_a_number_or_dotted_or_that_of_the_class(address: str, told: str) -> None:
    found = _set_by(f"auto d0\niface d0 inet static\n address {address}\n")
    assert found == {"d0 address": frozenset({told})}


def test_an_alias_adds_to_its_link() -> None:
    text = "auto d0 d0:1\niface d0 inet dhcp\niface d0:1 inet static\n address 10.0.0.1/8\n"
    assert _set_by(text) == {"d0 address": frozenset({"leased", "10.0.0.1/8"})}


def test_a_vlan_may_have_any_name() -> None:
    text = "auto v\niface v inet manual\n vlan-raw-device eth1\n vlan-id 7\n mtu 1400\n"
    assert _set_by(text) == {"v VLAN": "7 on eth1", "v MTU": 1400}
    assert _set_by("auto vlan8\niface vlan8 inet manual\n vlan_raw_device eth1\n") == {
        "vlan8 VLAN": "8 on eth1"
    }


@pytest.mark.parametrize(
    "option",
    ["bridge_ports all", "bridge_ports regex eth.*", "bridge_fd soon", "mtu big", "address 10/x"],
)
def test_what_only_ifupdown_knows_is_refused(option: str) -> None:
    text = "auto d0\niface d0 inet static\n bridge_ports none\n address 10.0.0.1/8\n"
    kind = option.split()[0]
    kept = [line for line in text.split("\n") if kind not in line]
    with pytest.raises(ParseError):
        _set_by("\n".join([*kept[:2], f" {option}", *kept[2:]]))


def test_links_whose_stanzas_run_commands_are_told(samples: SimpleNamespace) -> None:
    stanzas = interfaces.parse_interfaces(parse_cat(samples.INTERFACES))
    assert setup.scripted(stanzas) == {"xen-br0"}


def test_one_service_sets_up_the_network(samples: SimpleNamespace) -> None:
    assert setup.setter(setup.parse_units(samples.SETTERS)) == setup.IFUPDOWN


def test_no_service_may_be_enabled(samples: SimpleNamespace) -> None:
    text = samples.SETTERS.replace("UnitFileState=enabled", "UnitFileState=disabled")
    assert setup.setter(setup.parse_units(text)) == ""


def test_two_services_leave_it_open(samples: SimpleNamespace) -> None:
    text = samples.SETTERS.replace("UnitFileState=disabled", "UnitFileState=enabled")
    with pytest.raises(ParseError, match="Several services"):
        setup.setter(setup.parse_units(text))


def test_a_service_of_which_nothing_is_told_is_refused(samples: SimpleNamespace) -> None:
    with pytest.raises(ParseError):
        setup.parse_units(samples.SETTERS.split("\n\n")[0])
