from types import SimpleNamespace
from typing import Any

from gntverify.drills.ledger import Entry
from gntverify.drills.reap import await_jobs, parse_tags, plan

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


class Queue:
    """A master whose answers about the run's jobs come one after another."""

    def __init__(self, *answers: str) -> None:
        self._answers = iter(answers)

    def ask(self, *_asked: object, **_how: object) -> Any:
        """Whatever is asked: the next answer."""
        text = next(self._answers)
        return SimpleNamespace(text=lambda: text)


def test_whoever_waits_for_a_job_of_the_run_is_told_which_once() -> None:
    told: list[str] = []
    queue = Queue("7 running\n8 success\n", "7 running\n", "7 success\n")
    operator: Any = SimpleNamespace(
        master=SimpleNamespace(source=queue), run="a1", tell=told.append
    )
    await_jobs(operator)
    assert told == ["waiting for the end of job 7 running; what they did is undone then"]
