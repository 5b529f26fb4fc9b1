from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import ParseError
from gntverify.ganeti import instances

NAMES = st.sampled_from(["vm1.gnt.example", "vm2.gnt.example", "web"])
ROWS = st.tuples(
    st.sampled_from(["drbd", "plain", "diskless"]),
    st.sampled_from(instances.STATES),
    st.sampled_from(["node1", "node2"]),
    st.lists(st.sampled_from(["node3", "node4"]), unique=True),
)


def test_an_instance_has_its_primary_and_secondary_nodes(samples: SimpleNamespace) -> None:
    assert instances.parse_instances(samples.INSTANCES) == {
        "vm1.gnt.example": instances.InstanceState(
            "drbd", "up", frozenset({"node1.gnt.example", "node2.gnt.example"})
        ),
        "vm2.gnt.example": instances.InstanceState(
            "plain", "down", frozenset({"node3.gnt.example"})
        ),
    }


def test_a_cluster_without_instances_prints_nothing() -> None:
    assert instances.parse_instances("") == {}


@pytest.mark.parametrize(
    "line",
    ["vm9|plain|up|node1", "vm9|plain|running|node1|", "vm9|plain|up||", "|plain|up|node1|", ""],
)
def test_other_fields_are_refused(line: str, samples: SimpleNamespace) -> None:
    with pytest.raises(ParseError):
        instances.parse_instances(f"{samples.INSTANCES}{line}\n")


@given(st.dictionaries(NAMES, ROWS))
def test_every_instance_written_is_read(
    rows: dict[str, tuple[str, str, str, list[str]]],
) -> None:
    text = "".join(
        f"{name}|{template}|{state}|{primary}|{','.join(secondaries)}\n"
        for name, (template, state, primary, secondaries) in rows.items()
    )
    assert instances.parse_instances(text) == {
        name: instances.InstanceState(template, state, frozenset({primary, *secondaries}))
        for name, (template, state, primary, secondaries) in rows.items()
    }
