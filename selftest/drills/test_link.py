from ipaddress import IPv4Address, IPv4Network

from hypothesis import given
from hypothesis import strategies as st

from gntverify.drills.link import beside


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
