from collections.abc import Callable
from ipaddress import IPv4Address
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import CommandFailed, ParseError, TargetRefused
from gntverify.evidence import Answer
from gntverify.ganeti import ssconf
from gntverify.transport.replay import Replay

NODES = ("node1.gnt.example", "node2.gnt.example", "node3.gnt.example")
PRIVATE = {name: IPv4Address(f"192.168.0.{place}") for place, name in enumerate(NODES, 1)}
LINES = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=9))


def test_the_recorded_copies_are_of_one_cluster(master: Replay, other: Replay) -> None:
    have = ssconf.read_ssconf(master, "node1")
    assert (have.cluster_name, have.master_node) == ("clust1.gnt.example", NODES[0])
    assert (str(have.master_ip), have.master_netdev) == ("192.168.1.1", "xen-br0")
    assert have.master_netmask == 16
    assert have.node_list == have.online_nodes == NODES
    assert set(have.master_candidates) == set(NODES)
    assert have.primary_ips == have.secondary_ips == PRIVATE
    assert have.hypervisors == ("kvm",)
    assert have.release_version.startswith("3.")
    assert not have.user_shutdown
    assert have.instance_nodes == NODES
    assert have.ssh_ports == dict.fromkeys(NODES, 22)
    assert have.values == ssconf.read_ssconf(other, "node2").values


def test_a_file_may_be_empty_where_that_says_something(samples: SimpleNamespace) -> None:
    have = ssconf.parse_ssconf(samples.SSCONF)
    assert have is not None
    assert have.values["cluster_tags"] == ""
    assert ssconf.Ssconf({"instance_list": ""}).instances == ()


def test_a_node_may_have_no_instances_or_another_port() -> None:
    nodes = {"node_list": "n1\nn2\nn3", "online_nodes": "n1\nn2"}
    have = ssconf.Ssconf(
        nodes | {"node_vm_capable": "n1=False\nn2=True\nn3=True", "ssh_ports": "n2=2222"}
    )
    assert have.instance_nodes == ("n2",)
    assert have.ssh_ports == {"n1": 22, "n2": 2222, "n3": 22}
    assert set(ssconf.Ssconf(nodes).ssh_ports.values()) == {22}


def test_candidates_certificates_are_told_by_uuid() -> None:
    certs = ssconf.Ssconf({"master_candidates_certs": "4c2b-26f2=f2:47\na7aa-407c=AA:01"})
    assert certs.candidate_certificates == {"4c2b-26f2": "F2:47", "a7aa-407c": "AA:01"}
    assert ssconf.Ssconf({"master_candidates_certs": ""}).candidate_certificates == {}


@pytest.mark.parametrize("line", ["4c2b-26f2", "4c2b-26f2=", "=F2:47"])
def test_a_certificate_without_node_or_digest_is_refused(line: str) -> None:
    with pytest.raises(ParseError, match="master_candidates_certs"):
        _ = ssconf.Ssconf({"master_candidates_certs": line}).candidate_certificates


def test_a_file_that_is_missing_is_named(samples: SimpleNamespace) -> None:
    have = ssconf.parse_ssconf(samples.SSCONF)
    assert have is not None
    with pytest.raises(ParseError, match="ssconf_master_node"):
        _ = have.master_node


@pytest.mark.parametrize(
    ("key", "text", "name"),
    [
        ("cluster_name", "one two", "cluster_name"),
        ("cluster_name", "", "cluster_name"),
        ("node_list", "", "node_list"),
        ("hypervisor_list", "\n", "hypervisors"),
        ("node_primary_ips", "", "primary_ips"),
        ("node_vm_capable", "", "instance_nodes"),
        ("ssh_ports", "node1", "ssh_ports"),
        ("master_ip", "fd00::1", "master_ip"),
        ("master_netmask", "255.255.0.0", "master_netmask"),
        ("enabled_user_shutdown", "yes", "user_shutdown"),
        ("node_secondary_ips", "node1 192.168.0.1\nnode2", "secondary_ips"),
        ("node_primary_ips", "node1 192.168.0.256", "primary_ips"),
    ],
)
def test_a_value_of_another_kind_is_refused(key: str, text: str, name: str) -> None:
    with pytest.raises(ParseError, match=f"ssconf_{key}"):
        getattr(ssconf.Ssconf({key: text}), name)


def test_other_files_are_refused() -> None:
    with pytest.raises(ParseError, match="/etc/passwd"):
        ssconf.parse_ssconf("> /var/lib/ganeti/ssconf_node_list\n| node1\n> /etc/passwd\n| x\n")


@given(st.dictionaries(st.text("abc_", min_size=1, max_size=9), LINES, min_size=1, max_size=4))
def test_every_file_written_is_read(files: dict[str, list[str]]) -> None:
    text = "".join(
        f"> {ssconf.PREFIX}{key}\n" + "".join(f"| {line}\n" for line in lines)
        for key, lines in files.items()
    )
    have = ssconf.parse_ssconf(text)
    assert have is not None
    want = {key: "\n".join(lines).rstrip("\n") for key, lines in files.items()}
    assert have.values == want


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((13, "", "/var/lib/ganeti: Permission denied\n"), TargetRefused, "add --sudo"),
        ((2, "", "awk: cannot open x (Permission denied)\n"), TargetRefused, "add --sudo"),
        ((127, "", "sh: not found\n"), CommandFailed, "no shell"),
        ((1, "", ""), CommandFailed, "status 1"),
        ((0, "", ""), TargetRefused, "is no Ganeti node"),
    ],
)
def test_a_host_that_is_no_target_is_told_why(
    said: Callable[..., Answer], answer: tuple[Any, ...], error: type[Exception], words: str
) -> None:
    made = said(*answer)
    asked = Answer("n9", tuple(ssconf.COMMAND), made.rc, made.stdout, made.stderr, 0.0, 0.1)
    with pytest.raises(error, match=words):
        ssconf.read_ssconf(Replay("n9", [asked]), "n9")
