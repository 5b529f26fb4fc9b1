import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.drills import record
from gntverify.drills.record import Record, Told, parse_records, read_records, unproven
from gntverify.errors import ParseError
from selftest.hostile import RELAXED, damaged, parses_or_refuses

WHOLE = dict.fromkeys(record.LEVELS, "pass")
DAY = 86400


def made(at: float = 0.0, name: str = "vm1", **levels: str) -> Record:
    return Record(name, at, 1, WHOLE | levels, {"boot": 2.0}, {"disk.snap": "0" * 64})


def printed(*records: Record, now: int = 10) -> str:
    return f"now {now}\n" + "".join(json.dumps(asdict(one)) + "\n" for one in records)


def test_records_come_back_the_oldest_first(node: Any) -> None:
    for at in (5.0, 3.0):
        record.keep([node, node], made(at))
    told = read_records([node.source])
    assert [one.at for one in told.records] == [3.0, 5.0]
    assert told.now > 1.7e9
    assert told.records[0] == made(3.0)


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([], "never restored"),
        ([made(0.0)], "last restored 10 days ago"),
        ([made(9 * DAY), made(9.5 * DAY, L3="fail")], "0 days ago it did not pass L3"),
        ([made(9 * DAY, L5="not-applicable")], ""),
        ([made(9 * DAY, name="other")], "never restored"),
        ([Record("vm1", 9 * DAY, 1, {"L0": "pass"})], "1 days ago it did not pass L1"),
    ],
)
def test_only_the_last_drill_counts_and_only_for_a_time(records: list[Record], why: str) -> None:
    told = Told(10 * DAY, tuple(records))
    assert unproven(["vm1"], told, 5).get("vm1", "") == why


def test_the_one_drilled_longest_ago_comes_first() -> None:
    records = (made(1 * DAY, "a"), made(2 * DAY, "b"), made(3 * DAY, "a"), made(9 * DAY, "c"))
    told = Told(10 * DAY, records)
    assert record.most_due(["a", "b", "c", "new"], told) == ["new", "b", "a", "c"]


def test_one_copy_is_drilled_twice_as_often() -> None:
    told = Told(10 * DAY, (made(3 * DAY, "mirrored"), made(6 * DAY, "plain")))
    assert record.most_due(["mirrored", "plain"], told, ["plain"]) == ["plain", "mirrored"]
    assert record.most_due(["a", "b"], told, ["b"]) == ["b", "a"]


def test_what_fails_each_time_keeps_nobody_waiting() -> None:
    names, records = ["bad", "good", "plain"], list[Record]()
    taken = []
    for day in range(9):
        (name, *_) = record.most_due(names, Told(day * DAY, tuple(records)), ["plain"])
        taken.append(name)
        records.append(made(day * DAY, name, **({"L1": "fail"} if name == "bad" else {})))
    assert set(taken[:3]) == set(names)
    assert min(taken.count(name) for name in names) >= 2


@given(st.data())
@RELAXED
def test_a_damaged_record_is_refused_or_read(data: st.DataObject) -> None:
    parses_or_refuses(parse_records, damaged(data, printed(made(), made(2.0))))


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "now x",
        "now 1\n{}",
        "now 1\n[]",
        printed(made(L0="maybe")),
        printed(made(L9="pass")),
        printed(made()).replace('"at": 0.0', '"at": "x"'),
        printed(made()).replace('"at": 0.0', '"at": true'),
    ],
)
def test_anything_else_is_refused(bad: str) -> None:
    with pytest.raises(ParseError):
        parse_records(bad)
