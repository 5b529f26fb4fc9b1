import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.compare import (
    across_reboot,
    difference,
    doubles,
    listed,
    odd_keys,
    odd_ones_out,
)

TABLES = st.dictionaries(st.sampled_from(["node1", "node2", "node3", "node4"]), st.integers(0, 2))


def test_the_odd_one_stands_first_with_its_value() -> None:
    have = {"node1": "6.1", "node2": "6.1", "node3": "5.10"}
    assert odd_ones_out(have) == "node3: 5.10; node1, node2: 6.1"


def test_sets_are_shown_as_lists_and_nothing_as_nothing() -> None:
    assert odd_ones_out({"a": frozenset({"y", "x"}), "b": frozenset()}) == "a: x, y; b: nothing"
    assert listed({"b": 1, "a": {2}}) == "a: 2, b: 1"
    assert listed([]) == "nothing"


@pytest.mark.parametrize("compare", [odd_ones_out, odd_keys, doubles])
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


def test_a_double_is_told_with_all_who_have_it() -> None:
    assert doubles({"a": ["1"], "b": ["2", "2"], "c": []}) == ""
    assert doubles({"c": ["1"], "a": ["1", "2"], "b": ["2"]}) == "1: a, c; 2: a, b"


@pytest.mark.parametrize(
    ("now", "at_boot", "told"),
    [
        ("off", "off", ""),
        ("off", "on", "passes now, fails after the next reboot: stp (off now, on at boot)"),
        ("on", "off", "wrong now, right after the next reboot: stp (on now, off at boot)"),
        ("on", "on", "wrong now and at boot: stp (on now, on at boot, expected off)"),
        ("off", None, "passes now, fails after the next reboot: stp (off now, nothing at boot)"),
    ],
)
def test_a_reboot_breaks_or_mends(now: str, at_boot: str | None, told: str) -> None:
    assert across_reboot({"stp": "off"}, {"stp": now}, {"stp": at_boot}) == told


def test_what_nobody_expects_must_only_stay() -> None:
    assert across_reboot({}, {"a": 1}, {"a": 1}) == ""
    assert across_reboot({}, {"a": 1}, {"a": 2}, by={"a": "/etc/a"}) == (
        "changes with the next reboot: a (1 now, 2 at boot by /etc/a)"
    )


def test_keys_of_one_fate_are_told_together() -> None:
    said = across_reboot({"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 2, "c": 1}, {"b": 1})
    assert said == (
        "passes now, fails after the next reboot: a (1 now, nothing at boot), "
        "c (1 now, nothing at boot) | wrong now, right after the next reboot: b (2 now, 1 at boot)"
    )
