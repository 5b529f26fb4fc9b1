import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.compare import difference, listed, odd_keys, odd_ones_out

TABLES = st.dictionaries(st.sampled_from(["node1", "node2", "node3", "node4"]), st.integers(0, 2))


def test_the_odd_one_stands_first_with_its_value() -> None:
    have = {"node1": "6.1", "node2": "6.1", "node3": "5.10"}
    assert odd_ones_out(have) == "node3: 5.10; node1, node2: 6.1"


def test_sets_are_shown_as_lists_and_nothing_as_nothing() -> None:
    assert odd_ones_out({"a": frozenset({"y", "x"}), "b": frozenset()}) == "a: x, y; b: nothing"
    assert listed({"b": 1, "a": {2}}) == "a: 2, b: 1"
    assert listed([]) == "nothing"


@pytest.mark.parametrize("compare", [odd_ones_out, odd_keys])
def test_nothing_is_never_equal(compare: object) -> None:
    assert callable(compare)
    with pytest.raises(ValueError, match="nothing to compare"):
        compare({})


def test_tables_that_are_all_empty_are_equal() -> None:
    assert odd_keys({"a": {}, "b": {}}) == ""


@given(TABLES.filter(bool))
def test_silence_means_equal_and_else_every_node_is_named(values: dict[str, int]) -> None:
    said = odd_ones_out(values)
    assert (said == "") == (len(set(values.values())) == 1)
    assert not said or all(name in said for name in values)


def test_tables_differ_key_by_key_and_a_missing_key_counts() -> None:
    have = {"a": {"x": 1, "y": 2}, "b": {"x": 1}, "c": {"x": 1, "y": 2}}
    assert odd_keys(have) == "y: b: nothing; a, c: 2"


def test_a_difference_tells_both_sides() -> None:
    assert difference({"id": 2186, "on": "eth0"}, {"id": 7, "on": "eth0"}) == (
        "id is 7, expected 2186"
    )
    assert difference({}, {"up": True}) == "up is True, expected nothing"
    assert difference({"a": 1}, {"a": 1}) == ""
