from gntverify.drills.ledger import Entry
from gntverify.drills.reap import parse_tags, plan

TAGS = """\
gntverify-a1-1.gnt.example|gntverify:run:a1
gntverify-a1-2.gnt.example|
vm1.gnt.example|prod,gntverify:run:b2
"""


def entry(number: int, name: str, kind: str = "instance") -> Entry:
    return Entry("a1", number, kind, name, "", "true", 0.0)  # type: ignore[arg-type] # a sample


def test_only_what_bears_the_tag_of_the_run_is_removed() -> None:
    entries = [
        entry(1, "gntverify-a1-1.gnt.example"),
        entry(2, "gntverify-a1-2.gnt.example"),
        entry(3, "gntverify-a1-3.gnt.example"),
        entry(4, "the watcher is paused", "undo"),
        entry(5, "vm1.gnt.example"),
    ]
    assert list(plan(entries, parse_tags(TAGS))) == [
        "instance vm1.gnt.example: leave alone, it does not bear gntverify:run:a1",
        "undo: the watcher is paused",
        "instance gntverify-a1-3.gnt.example: is not there (any more)",
        "instance gntverify-a1-2.gnt.example: leave alone, it does not bear gntverify:run:a1",
        "instance gntverify-a1-1.gnt.example: remove",
    ]
