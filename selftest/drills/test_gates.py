from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from gntverify.drills.gates import shut
from gntverify.drills.ledger import Entry
from gntverify.evidence import Answer
from gntverify.ganeti.queue import Job
from gntverify.site import load_site
from gntverify.site.model import ALLOW_TAG as TAG
from gntverify.transport.session import Session
from selftest.suite import ROOT

SITE = load_site(ROOT / "sites" / "lab.toml")
CALM = {
    "list-tags": f"{TAG}\nother\n",
    "flock": "",
    "ledger": "",
    "gnt-job list": "now 1795575239\n",
    "queue info": "The drain flag is unset\n",
    "watcher.": "now 1795575239\nran 1795575200\ncron active\n",
}
LEFT = Entry("ab12cd", 1, "instance", "gntverify-ab12cd-1.gnt.example", "", "", 1.0)


class Scripted(Session):
    """A live host that answers what is written down, and nothing else."""

    def __init__(self, told: dict[str, str]) -> None:
        super().__init__("node1")
        self.told = told

    def ask(self, argv: Any, *, fresh: bool = False, **_: Any) -> Answer:
        """What is written down, if it is asked of now."""
        command = " ".join(argv)
        assert fresh, f"what a gate asks must be of now: {command}"
        for words, out in self.told.items():
            if words in command:
                return Answer(self.name, tuple(argv), 0, out, "", 0.0, 0.0)
        raise AssertionError(f"nobody expected {command!r}")


def target(site: Any = SITE, **told: str) -> Any:
    answers = CALM | {words.replace("_", " "): out for words, out in told.items()}
    source = Scripted(answers)
    node = SimpleNamespace(name="node1.gnt.example", short="node1", source=source)
    cluster = SimpleNamespace(master=node, nodes=[node])
    return SimpleNamespace(
        site=site,
        cluster=cluster,
        sources={"node1": source},
        unreachable={},
        left_out=[],
        hosts=["node1"],
    )


def test_with_all_gates_open_nothing_keeps_a_drill_back() -> None:
    assert shut(target(), ["restore"], flag=True) == []


def test_without_the_flag_the_cluster_is_not_even_asked() -> None:
    nobody = SimpleNamespace(cluster=None)
    (reason,) = shut(nobody, ["restore"], flag=False)  # type: ignore[arg-type] # must not be looked at
    assert "--allow-disruptive" in reason


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"list-tags": "other\n"}, f"`gnt-cluster add-tags {TAG}`"),
        ({"flock": "run 77 of a@b since today\n"}, "run 77 of a@b"),
        ({"ledger": LEFT.as_line() + "\n"}, "gntverify reap --hosts=node1"),
        (
            {"gnt-job_list": "now 1795575239\n7|running|[1795575000, 1]|INSTANCE_CREATE(vm)\n"},
            "job 7 INSTANCE_CREATE(vm) is running",
        ),
        ({"queue_info": "The drain flag is set\n"}, "queue undrain"),
        (
            {"watcher.": "now 1795575239\nran 1795575200\npause 1795579999\ncron active\n"},
            "watcher continue",
        ),
    ],
)
def test_each_gate_alone_keeps_a_drill_back(told: dict[str, str], said: str) -> None:
    (reason,) = shut(target(**told), ["restore"], flag=True)
    assert said in reason


@pytest.mark.parametrize("summary", ["GROUP_VERIFY_DISKS(uuid)", "OS_DIAGNOSE"])
@pytest.mark.parametrize("rounds", [2, 1_000_000])
def test_a_job_that_only_looks_is_awaited(
    monkeypatch: pytest.MonkeyPatch, rounds: int, summary: str
) -> None:
    job = Job(7, "running", 0.0, summary)
    asked = count(1)
    monkeypatch.setattr(
        "gntverify.drills.gates.read_jobs", lambda _: () if next(asked) > rounds else (job,)
    )
    monkeypatch.setattr("gntverify.drills.gates.PASSING_S", 3.0)
    said = shut(target(), ["restore"], flag=True)
    assert (said == []) == (rounds == 2)
    assert not said or f"Others are at work: {job}." in said


def test_the_site_must_name_the_drill() -> None:
    allow = SITE.allow.model_copy(update={"disruptive": ["perf"]})
    some = SITE.model_copy(update={"allow": allow})
    (reason,) = shut(target(some), ["restore", "perf"], flag=True)
    assert "does not permit restore" in reason


def test_a_node_that_is_missing_keeps_a_drill_back() -> None:
    some = target()
    some.left_out = ["node2.gnt.example"]
    (reason,) = shut(some, ["restore"], flag=True)
    assert "node2.gnt.example" in reason


def test_a_recording_is_not_drilled() -> None:
    some = target()
    some.sources = {"node1": object()}
    (reason,) = shut(some, ["restore"], flag=True)
    assert "recording" in reason
