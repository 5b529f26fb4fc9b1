from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import CommandFailed, ParseError
from gntverify.ganeti.instances import Instance, parse_instances
from gntverify.ganeti.memory import Memory, Room, parse_rooms

ALL = frozenset("abc")
EMPTY = dict.fromkeys("abc", Room(1000, 900))


def _vm(
    primary: str, secondary: str, size: int = 500, *, up: bool = True, counts: bool = True
) -> Instance:
    return Instance(
        hypervisor="kvm",
        os="noop",
        template="drbd" if secondary else "plain",
        admin_state="up" if up else "down",
        primary=primary,
        secondaries=tuple(secondary),
        disks_mib=(),
        memory_mib=(size, 2 * size),  # the least counts
        vcpus=1,
        balanced=counts,
        nics=(),
        parameters={},
    )


def test_rooms_and_instances_are_told(samples: SimpleNamespace) -> None:
    have = Memory(parse_rooms(samples.ROOMS), parse_instances(samples.INSTANCES))
    assert have.rooms["node1.gnt.example"] == Room(2971, 2320)
    assert have.rooms["node3.gnt.example"] is None
    assert have.mirrored == {"vm1.gnt.example"}
    assert have.needed_mib() == {("node2.gnt.example", "node1.gnt.example"): 128}
    assert have.left_mib("node2.gnt.example") == 2627
    assert have.shortages(frozenset(have.rooms)) == {}


def test_what_one_node_would_leave_is_summed() -> None:
    have = Memory(EMPTY, {"v": _vm("a", "b"), "w": _vm("a", "b"), "x": _vm("c", "b")})
    assert have.shortages(ALL) == {"b for a": "1000 MiB needed, 900 MiB left"}


def test_two_nodes_do_not_fail_at_once() -> None:
    have = Memory(EMPTY, {"v": _vm("a", "b"), "x": _vm("c", "b")})
    assert have.shortages(ALL) == {}


def test_memory_that_is_promised_is_not_left() -> None:
    have = Memory(EMPTY, {"own": _vm("b", "", 600), "v": _vm("a", "b")})
    assert have.left_mib("b") == 400
    assert have.shortages(ALL) == {"b for a": "500 MiB needed, 400 MiB left"}


def test_a_stopped_instance_is_taken_over_but_takes_nothing_yet() -> None:
    have = Memory(EMPTY, {"own": _vm("b", "", 600, up=False), "v": _vm("a", "b", 901, up=False)})
    assert have.shortages(ALL) == {"b for a": "901 MiB needed, 900 MiB left"}


def test_what_need_not_be_kept_is_not_counted() -> None:
    have = Memory(EMPTY, {"v": _vm("a", "b", 5000, counts=False), "w": _vm("a", "", 5000)})
    assert (have.mirrored, have.shortages(ALL)) == (frozenset(), {})


def test_a_node_that_is_not_asked_for_need_not_tell() -> None:
    have = Memory({**EMPTY, "b": None}, {"v": _vm("a", "b")})
    assert have.shortages(frozenset("ac")) == {}
    with pytest.raises(CommandFailed, match="'b'"):
        have.shortages(ALL)


@pytest.mark.parametrize(
    "line", ["n|1", "n|1|2|3", "|1|2", "n||2", "n|1|", "n|1|2G", "n|?", "Node MTotal MFree", ""]
)
def test_other_rooms_are_refused(line: str, samples: SimpleNamespace) -> None:
    with pytest.raises(ParseError):
        parse_rooms(f"{samples.ROOMS}{line}\n")


@given(st.dictionaries(st.sampled_from("abc"), st.integers(0, 2000), max_size=3))
def test_no_node_is_short_of_what_it_has(sizes: dict[str, int]) -> None:
    vms = {f"vm{name}": _vm(name, "abca"["abc".index(name) + 1], sizes[name]) for name in sizes}
    have = Memory(dict.fromkeys("abc", Room(10_000, 2000)), vms)
    assert have.shortages(ALL) == {}
