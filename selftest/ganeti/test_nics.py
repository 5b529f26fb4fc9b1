from types import SimpleNamespace

import pytest

from gntverify.errors import ParseError
from gntverify.ganeti.nics import Nic, parse_nics


def test_every_nic_has_its_place(samples: SimpleNamespace) -> None:
    found = parse_nics(samples.NICS)
    assert found == (
        Nic("vm1.gnt.example", 0, "bridged", "xen-br0", "aa:00:00:ea:56:6f", ""),
        Nic("vm1.gnt.example", 1, "routed", "100", "aa:00:00:01:02:03", "192.0.2.77"),
    )
    assert str(found[1]) == "vm1.gnt.example NIC 1"


def test_a_cluster_without_instances_prints_nothing() -> None:
    assert parse_nics("") == ()


@pytest.mark.parametrize(
    "line",
    ["vm|bridged|br0|aa:0|None|x", "|bridged|br0|aa:0|None", "vm|bridged|br0|aa:0,aa:1|None,None"],
)
def test_nics_that_are_not_told_whole_are_refused(line: str) -> None:
    with pytest.raises(ParseError):
        parse_nics(f"{line}\n")
