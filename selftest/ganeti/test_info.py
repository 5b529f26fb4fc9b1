from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import ParseError
from gntverify.ganeti import info
from gntverify.transport.replay import Replay

KEYS = st.text("abcABC /()_", min_size=1, max_size=12).map(str.strip).filter(bool)
VALUES = st.text("abc:,-_/. 019", max_size=12).map(str.strip)
PARTS = st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=3), max_size=3)
SECTIONS = st.dictionaries(KEYS, PARTS, max_size=3)


def test_the_recorded_cluster_is_the_labs(master: Replay) -> None:
    have = info.read_info(master)
    assert (have.cluster_name, have.master_node) == ("clust1.gnt.example", "node1.gnt.example")
    assert (have.master_netdev, have.volume_group) == ("xen-br0", "xenvg")
    assert have.usermode_helper == "/bin/true"
    assert have.hypervisors == ("kvm",)
    assert set(have.disk_templates) == {"drbd", "plain"}
    assert (have.nic_mode, have.nic_link) == ("bridged", "xen-br0")


def test_lists_are_split_and_deeper_levels_left_out(samples: SimpleNamespace) -> None:
    have = info.parse_info(samples.INFO)
    assert have.hypervisors == ("kvm", "xen-pvm")
    assert have.values["Cluster parameters", "OS search path"].endswith(", /usr/share/ganeti/os")
    assert have.values["Cluster parameters", "enabled user shutdown"] == "False"
    assert have.values["Creation time",] == "2026-11-24 16:07:31"
    assert have.values["Hypervisor parameters", "kvm", "boot_order"] == "disk"
    assert (have.default_hypervisor, have.candidate_pool_size) == ("kvm", 10)
    assert have.master_netmask == "16"
    assert have.hypervisor_parameter("kvm", "acpi") == "true"
    assert have.hypervisor_parameter("kvm", "boot_order") == "disk"
    keys = {key for path in have.values for key in path}
    assert not keys & {"gzip", "max/0", "- max/0", "cpu-count"}


@pytest.mark.parametrize(
    "bad",
    [
        "Cluster UUID: 1\nMaster node: node1\n",
        "  stray: 1\nCluster name: c\n",
        "Cluster name: c\nno key at all\n",
        "Cluster name: c\n   three blanks: 1\n",
        "Cluster name: c\n    without a head: 1\n",
        "Cluster name: c\n: no key\n",
        "Failure: prerequisites not met for this operation\n",
    ],
)
def test_anything_else_is_refused(bad: str) -> None:
    with pytest.raises(ParseError):
        info.parse_info(bad)


def test_what_ganeti_does_not_tell_is_not_guessed() -> None:
    have = info.parse_info("Cluster name: c\nCluster parameters: \n  master netdev: br0\n")
    assert have.master_netdev == "br0"
    with pytest.raises(ParseError, match="lvm volume group"):
        _ = have.volume_group
    with pytest.raises(ParseError, match="kvm / cpu_type"):
        have.hypervisor_parameter("kvm", "cpu_type")
    with pytest.raises(ParseError, match="Master node"):
        _ = have.master_node


@given(SECTIONS)
def test_every_value_written_is_read(sections: dict[str, dict[str, dict[str, str]]]) -> None:
    lines = ["Cluster name: c"]
    want: dict[tuple[str, ...], str] = {("Cluster name",): "c"}
    for head, parts in sections.items():
        lines.append(f"{head}: ")
        want[head,] = ""
        for part, values in parts.items():
            lines += [f"  {part}: ", "    - listed", "      deeper: 1"]
            lines += [f"    {key}: {value}" for key, value in values.items()]
            want |= {(head, part): ""}
            want |= {(head, part, key): value for key, value in values.items()}
    assert info.parse_info("\n".join(lines)).values == want
