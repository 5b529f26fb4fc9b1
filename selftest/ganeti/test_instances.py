from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import ParseError
from gntverify.ganeti import instances
from gntverify.ganeti.instances import Live, Nic

NAMES = st.sampled_from(["vm1.gnt.example", "vm2.gnt.example", "web"])
ROWS = st.tuples(
    st.sampled_from(["drbd", "plain", "diskless"]),
    st.sampled_from(instances.STATES),
    st.sampled_from(["node1", "node2"]),
    st.lists(st.sampled_from(["node3", "node4"]), unique=True),
    st.booleans(),
)


def test_an_instance_is_told_as_it_is_set(samples: SimpleNamespace) -> None:
    vm1 = instances.parse_instances(samples.INSTANCES)["vm1.gnt.example"]
    assert (vm1.template, vm1.admin_state, vm1.os) == ("drbd", "up", "noop")
    assert vm1.nodes == {"node1.gnt.example", "node2.gnt.example"}
    assert vm1.nics == (Nic("bridged", "xen-br0", "aa:00:00:ea:56:6f", ""),)
    assert (vm1.disks_mib, vm1.memory_mib, vm1.vcpus) == ((1024,), (128, 128), 1)
    assert vm1.balanced
    assert vm1.parameters["serial_console"] == "true"
    assert vm1.parameter("cpu_type") == "host"
    assert vm1.parameter("vnc_bind_address") == ""


def test_parameters_of_another_hypervisor_are_none(samples: SimpleNamespace) -> None:
    vm3 = instances.parse_instances(samples.INSTANCES)["vm3.gnt.example"]
    assert vm3.parameters == {"kernel_path": "/boot/vmlinuz-3-xenU", "initrd_path": ""}
    assert not vm3.switch("serial_console")
    assert (vm3.disks_mib, vm3.balanced) == ((), False)


def test_every_nic_has_its_place(samples: SimpleNamespace) -> None:
    assert instances.parse_instances(samples.INSTANCES)["vm3.gnt.example"].nics == (
        Nic("bridged", "xen-br0", "aa:00:00:75:a9:30", ""),
        Nic("routed", "main", "aa:00:00:75:a9:31", "192.0.2.77"),
    )


def test_an_instance_may_have_no_nic_and_no_os_definition(samples: SimpleNamespace) -> None:
    first = samples.INSTANCES.splitlines()[0].replace("|noop|", "||")
    bare = first.replace("|bridged|xen-br0|aa:00:00:ea:56:6f|None|", "|||||")
    (vm1,) = instances.parse_instances(bare).values()
    assert (vm1.os, vm1.nics) == ("", ())


def test_copies_are_counted_by_template(samples: SimpleNamespace) -> None:
    found = instances.parse_instances(samples.INSTANCES)
    assert {n for n, one in found.items() if one.mirrored} == {"vm1.gnt.example"}
    assert {n for n, one in found.items() if one.has_one_copy} == {"vm2.gnt.example"}


def test_what_a_node_did_not_tell_is_not_taken_for_off(samples: SimpleNamespace) -> None:
    assert instances.parse_live(samples.LIVE) == {
        "vm1.gnt.example": Live(True, 128, 1),
        "vm2.gnt.example": Live(False, None, None),
        "vm3.gnt.example": Live(None, None, None),
    }


def test_a_cluster_without_instances_prints_nothing() -> None:
    assert instances.parse_instances("") == {}
    assert instances.parse_live("") == {}


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ("|None|Y|N|N|", "|None|True|N|N|"),
        ("|None|Y|N|N|", "|None|?|N|N|"),
        ("|1|Y|bridged", "|1|yes|bridged"),
        ("|1|Y|bridged", "|1||bridged"),
        ("|128|128|1|", "|128M|128|1|"),
        ("|128|128|1|", "|?|128|1|"),
        ("|up|node1", "|running|node1"),
        ("|up|node1", "||node1"),
        ("|node1.gnt.example|", "||"),
        ("|bridged|", "|bridged,bridged|"),
        ("|None|", "||"),
        ("|bridged|xen-br0|aa:00:00:ea:56:6f|None|", "|bridged,|br0,br1|aa:0,aa:1|None,None|"),
        ("vm1.gnt.example|", "|"),
        ("aa:00:00:ea:56:6f|", "aa:00:00:ea:56:6f||"),
    ],
)
def test_other_columns_are_refused(part: str, instead: str, samples: SimpleNamespace) -> None:
    first = samples.INSTANCES.splitlines()[0]
    assert part in first
    with pytest.raises(ParseError):
        instances.parse_instances(first.replace(part, instead, 1))


@pytest.mark.parametrize(
    "line", ["vm|Y|128", "vm|Y|128|1|", "|Y|128|1", "vm|yes|128|1", "vm|Y|128M|1", "vm||-|-", ""]
)
def test_other_words_of_nodes_are_refused(line: str, samples: SimpleNamespace) -> None:
    with pytest.raises(ParseError):
        instances.parse_live(f"{samples.LIVE}{line}\n")


@given(st.dictionaries(NAMES, ROWS))
def test_every_instance_written_is_read(
    rows: dict[str, tuple[str, str, str, list[str], bool]],
) -> None:
    unset = "|-" * len(instances.PARAMETERS)
    text = "".join(
        f"{name}|kvm|noop|{template}|{state}|{primary}|{','.join(secondaries)}||1|1|1|"
        f"{'Y' if balanced else 'N'}||||{unset}\n"
        for name, (template, state, primary, secondaries, balanced) in rows.items()
    )
    have = {
        name: (one.template, one.admin_state, one.primary, [*one.secondaries], one.balanced)
        for name, one in instances.parse_instances(text).items()
    }
    assert have == rows
