"""The link of restored guests: who answers on it, and who asks there."""

import json
import os
import subprocess
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.drills import link
from gntverify.drills.link import beside

# A node and a guest beside it: two network namespaces, which end with what runs in them.
NODE = """\
set -e
mount -t sysfs sysfs /sys
ip link set lo up
ip address add 192.0.2.77/32 dev lo
mac=$(sh -c "$MAKE" sh gntvtest gntverify:test)
ip link add v type veth peer name eth0
ip link set v master gntvtest up
unshare -n sleep 30 & guest=$!
trap "kill $guest" EXIT
until [ "$(readlink /proc/$guest/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
ip link set eth0 netns $guest
[ "$UP" = yes ] || ip link set v down
nsenter -t $guest -n sh -c '
    ip link set lo up && ip link set eth0 up &&
    ip address add 198.18.0.1/32 dev eth0 && ip route add default dev eth0 &&
    exec python3 -c "$WHO" 198.18.0.1 "$0" 3 192.0.2.77 192.0.2.9
' "$mac"
"""


@given(st.integers(1, 2**32 - 2), st.integers(8, 29))
def test_the_neighbour_of_a_host_is_a_host_of_its_network(number: int, prefix: int) -> None:
    guest = IPv4Address(number)
    network = IPv4Network((guest, prefix), strict=False)
    if guest in (network.network_address, network.broadcast_address):
        return
    neighbour = beside(guest)
    assert neighbour != guest
    assert neighbour in network
    assert neighbour not in (network.network_address, network.broadcast_address)


@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces want root")
@pytest.mark.parametrize(("up", "want"), [("yes", ["192.0.2.77"]), ("no", [])])
def test_a_bridge_without_ports_is_no_isolation_and_that_is_seen(
    tmp_path: Path, up: str, want: list[str]
) -> None:
    """A node answers for an address on whatever interface; without the filter that is found."""
    ping = tmp_path / "ping"
    ping.write_text("#!/bin/sh\nexit 1\n")  # not every machine has one; ARP is enough
    ping.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    unfiltered = "".join(
        line for line in link._MAKE.splitlines(keepends=True) if not line.startswith("tc ")
    )
    assert unfiltered != link._MAKE
    done = subprocess.run(
        ["/usr/bin/unshare", "--net", "--mount", "sh", "-c", NODE],
        env={**os.environ, **path, "MAKE": unfiltered, "WHO": link._WHO, "UP": up},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == want
