from ipaddress import IPv4Address
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import ParseError
from gntverify.ganeti import nodes

STATES = st.builds(
    nodes.NodeState,
    role=st.sampled_from(["M", "C", "R", "D", "O"]),
    primary_ip=st.ip_addresses(v=4),
    secondary_ip=st.ip_addresses(v=4),
    uuid=st.uuids().map(str),
    master_capable=st.booleans(),
    vm_capable=st.booleans(),
)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}\.example", fullmatch=True)


def test_each_node_has_its_role_and_addresses(samples: SimpleNamespace) -> None:
    have = nodes.parse_nodes(samples.NODES)
    assert {name: state.role for name, state in have.items()} == {
        "node1.gnt.example": "M",
        "node2.gnt.example": "C",
        "node3.gnt.example": "O",
    }
    third = have["node3.gnt.example"]
    assert (third.primary_ip, third.secondary_ip) == (
        IPv4Address("192.168.0.3"),
        IPv4Address("10.0.0.3"),
    )
    assert len({state.uuid for state in have.values()}) == 3


def test_what_a_node_may_be_is_told(samples: SimpleNamespace) -> None:
    first, second, third = nodes.parse_nodes(samples.NODES).values()
    assert (first.is_candidate, second.is_candidate, third.is_candidate) == (True, True, False)
    assert (first.is_eligible, second.is_eligible, third.is_eligible) == (True, True, False)
    assert (second.vm_capable, third.vm_capable) == (False, True)


@pytest.mark.parametrize(
    ("role", "capable", "eligible"),
    [
        ("M", True, True),
        ("R", True, True),
        ("D", True, False),
        ("O", True, False),
        ("R", False, False),
    ],
)
def test_a_candidate_must_be_capable_and_in_service(
    role: str, capable: bool, eligible: bool
) -> None:
    word = "Y" if capable else "N"
    (node,) = nodes.parse_nodes(f"n|{role}|10.0.0.1|10.0.0.1|u|{word}|Y").values()
    assert node.is_eligible is eligible


@pytest.mark.parametrize(
    "line",
    [
        "node9|M|192.168.0.9|192.168.0.9|u",
        "node9|X|192.168.0.9|192.168.0.9|u|Y|Y",
        "node9||192.168.0.9|192.168.0.9|u|Y|Y",
        "|C|192.168.0.9|192.168.0.9|u|Y|Y",
        "node9|C|192.168.0.9|192.168.0.9||Y|Y",
        "node9|C|192.168.0|192.168.0.9|u|Y|Y",
        "node9|C|192.168.0.9|?|u|Y|Y",
        "node9|C|192.168.0.9|192.168.0.9|u|Y|?",
        "Node|Role|PrimaryIP|SecondaryIP|UUID",
        "",
    ],
)
def test_other_fields_are_refused(line: str, samples: SimpleNamespace) -> None:
    with pytest.raises(ParseError):
        nodes.parse_nodes(f"{samples.NODES}{line}\n")


@given(st.dictionaries(NAMES, STATES, min_size=1, max_size=5))
def test_every_node_written_is_read(states: dict[str, nodes.NodeState]) -> None:
    text = "".join(
        f"{name}|{one.role}|{one.primary_ip}|{one.secondary_ip}|{one.uuid}|"
        f"{'NY'[one.master_capable]}|{'NY'[one.vm_capable]}\n"
        for name, one in states.items()
    )
    assert nodes.parse_nodes(text) == states


@given(st.dictionaries(NAMES, st.from_regex(r"[a-z0-9-]{1,8}", fullmatch=True), min_size=1))
def test_every_group_written_is_read(groups: dict[str, str]) -> None:
    text = "".join(f"{name}|{group}\n" for name, group in groups.items())
    assert nodes.parse_groups(text) == groups


@pytest.mark.parametrize("line", ["node9|", "|default", "node9|default|Y", "node9", ""])
def test_other_fields_of_a_group_are_refused(line: str, samples: SimpleNamespace) -> None:
    with pytest.raises(ParseError):
        nodes.parse_groups(f"{samples.GROUPS}{line}\n")
