from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.drills.ledger import Entry, Ledger, parse_ledger, read_ledgers
from gntverify.errors import CommandFailed, ParseError
from selftest.drills.conftest import node_of
from selftest.hostile import RELAXED, damaged, parses_or_refuses

TEXTS = st.text(st.characters(exclude_categories=["C"]), max_size=30)
ENTRIES = st.builds(
    Entry,
    run=st.just("abc123"),
    number=st.integers(1, 99),
    kind=st.sampled_from(["instance", "undo"]),
    name=TEXTS,
    node=TEXTS,
    undo=st.text(max_size=60),
    at=st.floats(0, 2e9),
)


def test_what_is_about_to_be_changed_is_on_the_node_first(node: Any) -> None:
    ledger = Ledger("a1", [node])
    first = ledger.instance("drill.example")
    second = ledger.undo("a bridge", node.name, "echo 'it\\'s \\n gone'; true")
    assert read_ledgers([node]) == {"a1": [first, second]}
    ledger.done(first)
    assert read_ledgers([node]) == {"a1": [second]}
    ledger.done(second)
    assert read_ledgers([node]) == {}


def test_a_run_that_left_nothing_leaves_no_file(node: Any) -> None:
    ledger = Ledger("a2", [node])
    ledger.done(ledger.instance("drill.example"))
    there = node.source.ask(["sh", "-c", "find /var/lib/gntverify -type f"], fresh=True)
    assert there.stdout == ""


def test_two_runs_are_told_apart_and_taken_over(node: Any) -> None:
    mine, other = Ledger("a3", [node]), Ledger("a4", [node])
    kept = mine.instance("one.example")
    other.done(other.instance("two.example"))
    taken_over = Ledger("a3", [node], read_ledgers([node])["a3"])
    assert taken_over.entries == [kept]
    assert taken_over.instance("three.example").number == 2
    for entry in list(taken_over.entries):
        taken_over.done(entry)
    assert read_ledgers([node]) == {}


def test_what_cannot_be_written_down_is_not_begun() -> None:
    class Full:
        def ask(self, *_: Any, **__: Any) -> Any:
            raise CommandFailed("No space left on device")

    ledger = Ledger("a5", [node_of(Full())])
    with pytest.raises(CommandFailed, match="written down first"):
        ledger.instance("drill.example")
    assert ledger.entries == []


def test_one_node_that_writes_it_is_enough(node: Any) -> None:
    class Gone:
        def ask(self, *_: Any, **__: Any) -> Any:
            raise CommandFailed("gone")

    ledger = Ledger("a6", [node_of(Gone()), node])
    entry = ledger.instance("drill.example")
    assert read_ledgers([node]) == {"a6": [entry]}
    ledger.done(entry)
    assert "a6.jsonl" in _files(node), "the node that is gone may come back with its own"
    assert read_ledgers([node]) == {}


def test_a_node_that_is_away_does_not_bring_back_what_was_undone(node: Any) -> None:
    ledger = Ledger("a7", [node], whole=False)
    entry = ledger.instance("drill.example")
    theirs = parse_ledger(entry.as_line())
    ledger.done(entry)
    assert "a7.jsonl" in _files(node)
    assert theirs == [entry]
    assert read_ledgers([node]) == {}


def _files(node: Any) -> str:
    return str(node.source.ask(["sh", "-c", "find /var/lib/gntverify -type f"], fresh=True).stdout)


@given(st.lists(ENTRIES, max_size=5, unique_by=lambda entry: entry.number))
def test_entries_come_back_as_they_were_written(entries: list[Entry]) -> None:
    assert parse_ledger("".join(f"{entry.as_line()}\n" for entry in entries)) == entries


@given(st.data())
@RELAXED
def test_a_damaged_ledger_is_refused_or_read(data: st.DataObject) -> None:
    line = Entry("a", 1, "undo", "a bridge", "node1", "ip link delete x", 1.0).as_line() + "\n"
    parses_or_refuses(parse_ledger, damaged(data, line))


@pytest.mark.parametrize("bad", ["{}", "[]", "7", "{", '{"run": "a", "number": 1}', "null"])
def test_another_line_is_refused(bad: str) -> None:
    with pytest.raises(ParseError):
        parse_ledger(bad)
