"""Files of a node with our part in them."""

from ipaddress import IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.site import load_site
from provision.notes._texts import (
    bridge_stanza,
    daemon_words,
    with_bridge,
    with_daemon_arguments,
    with_hosts,
    with_rapi_address,
)

SITE = load_site(Path(__file__).parents[2] / "sites" / "lab.toml")
STANZA = bridge_stanza(SITE.network.private, IPv4Network("192.168.0.0/16"), "192.168.0.1")
PROVIDER = """\
auto lo
iface lo inet loopback

# This is given by our provider
auto eth0
iface eth0 inet static
    address 192.0.2.1
    netmask 255.255.255.0
    gateway 192.0.2.254
"""
DEBIAN = """\
# Default arguments for Ganeti daemons
NODED_ARGS=""
RAPI_ARGS="-b 127.0.0.1 --require-authentication"
CONFD_ARGS=""
MOND_ARGS=""
LUXID_ARGS=""
"""
CRON = """\
# Restart failed instances (every 5 minutes)
*/5 * * * * root [ -x /usr/sbin/ganeti-watcher ] && /usr/sbin/ganeti-watcher
45 2 * * * root [ -x /usr/sbin/ganeti-cleaner ] && /usr/sbin/ganeti-cleaner node
"""
WANT = {"node1.gnt.example": "192.168.0.1", "clust1.gnt.example": "192.168.1.1"}


def test_the_stanza_is_the_notes_one() -> None:
    assert "    netmask 255.255.0.0\n    network 192.168.0.0\n" in STANZA
    assert STANZA.endswith(
        "    broadcast 192.168.255.255\n    bridge_ports eth0.2186\n"
        "    bridge_stp off\n    bridge_fd 0\n"
    )


def test_the_providers_stanza_stays_and_the_bridge_comes() -> None:
    assert with_bridge(PROVIDER, "xen-br0", STANZA) == f"{PROVIDER}\n{STANZA}"


def test_a_bridge_with_another_address_is_replaced_between_others() -> None:
    other = STANZA.replace("192.168.0.1", "192.168.0.7")
    after = "auto eth1\niface eth1 inet manual\n"
    text = with_bridge(f"{PROVIDER}\n{other}\n{after}", "xen-br0", STANZA)
    assert "192.168.0.7" not in text
    assert text.count("iface xen-br0") == text.count("auto xen-br0") == 1
    assert text.startswith(PROVIDER)
    assert after in text


def test_only_a_keyword_ends_the_bridges_stanza() -> None:
    other = STANZA.replace("192.168.0.1", "192.168.0.7").replace("    network", "\n    network")
    after = "# eth1 is spare\nauto eth1\niface eth1 inet manual\n"
    text = with_bridge(f"{PROVIDER}\n{other}\n\n{after}", "xen-br0", STANZA)
    assert text.count("192.168.0.0") == text.count("bridge_fd") == 1
    assert text.startswith(f"{PROVIDER}\n# This bridge")
    assert text.endswith(f"\n\n{after}")


def test_other_options_and_an_inet6_stanza_of_the_bridge_stay() -> None:
    six = "iface xen-br0 inet6 static\n    address 2001:db8::1/64\n"
    more = "    mtu 9000\n    up ip route add 10.0.0.0/8 \\\n        via 192.168.0.9\n"
    other = f"{STANZA.replace('192.168.0.1', '192.168.0.7')}{more}"
    text = with_bridge(f"{six}\n{other}", "xen-br0", STANZA)
    assert text == f"{six}\n{STANZA}{more}"
    assert with_bridge(text, "xen-br0", STANZA) == text
    assert six in with_bridge(six, "xen-br0", STANZA)


def test_a_stanza_that_means_the_same_stays_as_it_is() -> None:
    text = """\
auto eth0 xen-br0
iface xen-br0 inet static
    address 192.168.0.1/16
    bridge-ports eth0.2186
    bridge-stp no

    bridge-fd 0.0
    mtu 9000
"""
    assert with_bridge(text, "xen-br0", STANZA) == text
    assert with_bridge(text.replace(" xen-br0\ni", "\ni"), "xen-br0", STANZA) == text.replace(
        " xen-br0\n", "\nauto xen-br0\n"
    )
    changed = with_bridge(text.replace("0.0", "15"), "xen-br0", STANZA)
    assert changed.count("bridge") == 3
    assert changed.endswith("    bridge_fd 0\n\n    mtu 9000\n")


def test_the_interfaces_file_does_not_change_twice() -> None:
    once = with_bridge(PROVIDER, "xen-br0", STANZA)
    assert with_bridge(once, "xen-br0", STANZA) == once


def test_a_loopback_name_of_the_node_goes_and_foreign_names_stay() -> None:
    text = "127.0.0.1\tlocalhost\n127.0.1.1\tnode1.gnt.example node1\n192.0.2.254\tmirror\n"
    have = with_hosts(text, WANT)
    assert have == (
        "127.0.0.1\tlocalhost\n192.0.2.254\tmirror\n"
        "192.168.0.1\tnode1.gnt.example node1\n192.168.1.1\tclust1.gnt.example clust1\n"
    )


def test_a_foreign_name_on_the_line_of_ours_is_kept_alone() -> None:
    have = with_hosts("10.0.0.1 node1 printer # by hand\n", WANT)
    assert have.startswith("10.0.0.1\tprinter\n192.168.0.1\t")


@given(
    st.lists(st.sampled_from(["node1", "clust1.gnt.example", "x", "#", "10.0.0.1"]), max_size=9)
)
def test_the_hosts_file_does_not_change_twice(words: list[str]) -> None:
    once = with_hosts(" ".join(words), WANT)
    assert with_hosts(once, WANT) == once


def test_only_addresses_change_and_authentication_stays() -> None:
    binds = {"noded": "192.168.0.1", "rapi": "192.168.1.1", "mond": "0.0.0.0"}  # noqa: S104
    have = with_daemon_arguments(DEBIAN, binds)
    assert have == DEBIAN.replace('NODED_ARGS=""', 'NODED_ARGS="-b 192.168.0.1"').replace(
        "-b 127.0.0.1", "-b 192.168.1.1"
    )
    assert with_daemon_arguments(have, binds) == have


def test_the_notes_letter_for_rapi_is_healed() -> None:
    have = with_daemon_arguments('RAPI_ARGS="-b 192.168.1.1"\n', {"rapi": "192.168.1.1"})
    assert have == 'RAPI_ARGS="-b 192.168.1.1 --require-authentication"\n'


@pytest.mark.parametrize("old", ["--bind=10.0.0.1 -d", "-b 10.0.0.1 -d", "-d -b 10.0.0.1", "-d"])
def test_an_old_address_goes_in_every_spelling(old: str) -> None:
    have = with_daemon_arguments(f"CONFD_ARGS='{old}'\n", {"confd": "192.168.0.1"})
    assert have == 'CONFD_ARGS="-b 192.168.0.1 -d"\n'


def test_a_daemons_arguments_are_those_its_shell_would_see() -> None:
    text = DEBIAN + "export EXTRA_RAPI_ARGS='-d'\nMOND_ARGS=\"-b $(hostname -i)\"\n"
    assert daemon_words(text, "rapi") == ("-b", "127.0.0.1", "--require-authentication", "-d")
    assert daemon_words(text, "noded") == daemon_words(text, "metad") == ()
    assert daemon_words(text, "mond") is None


def test_the_watcher_asks_rapi_where_it_is() -> None:
    have = with_rapi_address(CRON, "192.168.1.1")
    assert have.splitlines()[1].endswith("/usr/sbin/ganeti-watcher --rapi-ip=192.168.1.1")
    assert with_rapi_address(have, "192.168.1.1") == have
    assert with_rapi_address(have, "127.0.0.1") == CRON
