import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gntverify.drills import reap
from gntverify.drills.ledger import Entry
from gntverify.drills.reap import await_jobs, parse_tags, plan, undo, undo_all

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

    name = "node1"

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


@pytest.mark.parametrize("stops", ["", "it still runs"])
def test_what_submits_jobs_is_stopped_before_they_are_awaited(
    monkeypatch: pytest.MonkeyPatch, stops: str
) -> None:
    """After Ctrl-C burn-in went on, and its jobs had no end."""
    entries = [entry(1, "exports", "undo"), entry(2, "burn-in runs", "stop"), entry(3, "vm")]
    done: list[str] = []
    node = SimpleNamespace(source=SimpleNamespace(settle=lambda: done.append("what is under way")))
    operator: Any = SimpleNamespace(
        ledger=SimpleNamespace(entries=entries), cluster=SimpleNamespace(nodes=[node])
    )

    def undone(_: object, one: Entry) -> str:
        done.append(one.name)
        if one.kind == "stop" and stops:
            return stops
        entries.remove(one)
        return ""

    monkeypatch.setattr(reap, "undo", undone)
    monkeypatch.setattr(reap, "await_jobs", lambda _: done.append("the jobs' end"))
    left = undo_all(operator)
    if stops:
        assert (left, done[1:]) == ([f"burn-in runs: {stops}"], ["burn-in runs"])
    else:
        assert (left, done[1:]) == ([], ["burn-in runs", "the jobs' end", "vm", "exports"])
    assert done[0] == "what is under way"


@pytest.mark.parametrize("role", ["R", "O"])
def test_an_instance_with_a_disk_on_an_offline_node_waits_for_it(
    monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    """Ganeti would forget the instance and leave the disk."""
    name = "gntverify-a1-1.gnt.example"
    done: list[Entry] = []
    jobs: list[tuple[object, ...]] = []
    cleaned: list[tuple[str, str]] = []
    one = SimpleNamespace(primary="node1", secondaries=("node2",))
    states = {"node1": SimpleNamespace(role="M"), "node2": SimpleNamespace(role=role)}
    monkeypatch.setattr(reap, "read_nodes", lambda _: states)

    def job(*argv: str, limit_s: float) -> Any:
        jobs.append((*argv, limit_s))
        return SimpleNamespace(trouble="")

    operator: Any = SimpleNamespace(
        run="a1",
        master=SimpleNamespace(source=Queue("", TAGS)),
        instances=lambda: {name: one},
        ledger=SimpleNamespace(done=done.append, entries=[entry(1, name)]),
        job=job,
        cluster=SimpleNamespace(nodes=("node1", "node2")),
        on=lambda node, _text, tag: cleaned.append((node, tag)),
    )
    trouble = undo(operator, entry(1, name))
    assert (bool(trouble), len(done), len(jobs)) == (
        (False, 1, 1) if role == "R" else (True, 0, 0)
    )
    assert role == "R" or "node2 is offline" in trouble
    tag = f"originstname+{name}"
    assert cleaned == ([("node1", tag), ("node2", tag)] if role == "R" else [])


def test_an_instance_that_a_job_is_still_to_make_is_awaited(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not there yet, and would be left when its entry was gone."""
    name = "gntverify-a1-1.gnt.example"
    told: list[str] = []
    removed: list[str] = []
    states = {"node1": SimpleNamespace(role="M")}
    monkeypatch.setattr(reap, "read_nodes", lambda _: states)

    def job(*argv: str, limit_s: float) -> Any:
        del limit_s
        removed.append(argv[-1])
        return SimpleNamespace(trouble="")

    made = entry(1, name)
    operator: Any = SimpleNamespace(
        run="a1",
        tell=told.append,
        master=SimpleNamespace(source=Queue("7 waiting\n", "7 success\n", TAGS)),
        instances=lambda: {name: SimpleNamespace(primary="node1", secondaries=())},
        ledger=SimpleNamespace(done=lambda _: None, entries=[made]),
        job=job,
        cluster=SimpleNamespace(nodes=()),
    )
    assert undo(operator, made) == ""
    assert told == ["waiting for the end of job 7 waiting; what they did is undone then"]
    assert removed == [name]


def test_what_is_undone_is_not_undone_again() -> None:
    """Nobody is asked, and nothing is written down."""
    operator: Any = SimpleNamespace(ledger=SimpleNamespace(entries=[entry(2, "another")]))
    assert undo(operator, entry(1, "gntverify-a1-1.gnt.example")) == ""


def test_volumes_that_bear_the_tag_are_removed_and_no_others(tmp_path: Path) -> None:
    lvs = '[ "$4" = @originstname+own ] && echo /dev/xenvg/a /dev/xenvg/b'
    for name, body in {"lvs": lvs, "lvremove": f'echo "$@" > {tmp_path}/said'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n:\n")
        (tmp_path / name).chmod(0o755)
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    for tag, want in (("originstname+other", ""), ("originstname+own", "/dev/xenvg/b")):
        subprocess.run(["/bin/sh", "-c", reap._VOLUMES, "sh", tag], env=path, check=True)
        said = tmp_path / "said"
        assert (said.read_text().split()[-1] if said.exists() else "") == want
