from types import SimpleNamespace

import pytest

from gntverify.errors import ParseError
from gntverify.ganeti import details
from gntverify.ganeti.details import Nic


def test_an_instance_is_told_as_it_is_set_and_as_it_runs(samples: SimpleNamespace) -> None:
    found = details.parse_details(samples.DETAILS)
    vm1, vm2 = found["vm1.gnt.example"], found["vm2.gnt.example"]
    assert (vm1.running, vm1.ram_mib, vm1.cpus) == (True, 128, 1)
    assert (vm2.running, vm2.ram_mib, vm2.cpus) == (False, None, None)
    assert vm1.nodes == {"node1.gnt.example", "node2.gnt.example"}
    assert vm1.nics == (Nic("bridged", "xen-br0", "aa:00:00:ea:56:6f"),)
    assert (vm1.disks_mib, vm1.memory_mib, vm1.vcpus) == ((1024,), (128, 128), 1)
    assert vm1.parameters["serial_console"] == "true"
    assert vm1.parameter("cpu_type") == "host"
    assert vm1.parameter("vnc_bind_address") == ""


def test_what_a_node_did_not_tell_is_not_taken_for_off(samples: SimpleNamespace) -> None:
    vm3 = details.parse_details(samples.DETAILS)["vm3.gnt.example"]
    assert vm3.running is None
    assert vm3.disks_mib == ()
    assert [nic.mode for nic in vm3.nics] == ["bridged", "routed"]


def test_parameters_of_another_hypervisor_are_none(samples: SimpleNamespace) -> None:
    vm3 = details.parse_details(samples.DETAILS)["vm3.gnt.example"]
    assert vm3.parameters == {"kernel_path": "/boot/vmlinuz-3-xenU", "initrd_path": ""}
    assert not vm3.switch("serial_console")


def test_copies_are_counted_by_template(samples: SimpleNamespace) -> None:
    found = details.parse_details(samples.DETAILS)
    assert {n for n, one in found.items() if one.mirrored} == {"vm1.gnt.example"}
    assert {n for n, one in found.items() if one.has_one_copy} == {"vm2.gnt.example"}


def test_a_cluster_without_instances_prints_nothing() -> None:
    assert details.parse_details("") == {}


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ("|Y|128|1|", "|yes|128|1|"),
        ("|Y|N|N|host", "|True|N|N|host"),
        ("|128|128|1|", "|128M|128|1|"),
        ("|up|node1", "|running|node1"),
        ("|node1.gnt.example|", "||"),
        ("|bridged|", "|bridged,bridged|"),
        ("vm1.gnt.example|", "|"),
        ("aa:00:00:ea:56:6f|", "aa:00:00:ea:56:6f||"),
    ],
)
def test_other_columns_are_refused(part: str, instead: str, samples: SimpleNamespace) -> None:
    first = samples.DETAILS.splitlines()[0]
    assert part in first
    with pytest.raises(ParseError):
        details.parse_details(first.replace(part, instead, 1))
