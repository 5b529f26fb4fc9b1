"""The report of made-up runs: what it says, that it is one inert file, and that it stays small."""

import base64
import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gntverify.errors import ParseError
from gntverify.verdicts import OUTCOMES, Outcome, Verdict
from reports.answers import pick
from reports.html import LETTERS, render
from reports.model import load

META: dict[str, Any] = {
    "site": "lab",
    "profile": "notes",
    "site_file": "lab.toml",
    "site_sha256": "ab" * 32,
    "cluster": "clust1.gnt.example",
    "ganeti": "3.0.2",
    "hosts": ["node1", "node2"],
    "reached": ["node1", "node2"],
    "unreachable": {},
    "nodes": ["node1.gnt.example", "node2.gnt.example"],
    "not_judged": [],
    "started": 1.0e9,
    "ended": 1.0e9 + 60,
    "exit_status": 0,
    "interrupted": False,
    "counts": {},
    "versions": {"gntverify": "0.1.0", "python": "3.11.2"},
    "commit": "abc",
}


def verdict(control: str, node: str, outcome: Any, **more: Any) -> Verdict:
    """A verdict with everything it needs."""
    base: dict[str, Any] = {
        "message": "" if outcome == "pass" else f"{node}: it is not so",
        "title": f"The {control} holds.",
        "why": "It breaks.",
        "fix": "Mend it.",
        "severity": "high",
        "notes": "network",
        "impact": "passive",
        "test": f"tests/x.py::{control}[{node}]",
        "seconds": 0.1,
    }
    return Verdict(control=control, node=node, outcome=outcome, **base | more)


def run_of(tmp_path: Path, verdicts: list[Verdict], **meta: Any) -> Path:
    """The folder of a run with these verdicts."""
    folder = tmp_path / "run"
    (folder / "evidence").mkdir(parents=True)
    lines = "".join(f"{one.as_line()}\n" for one in verdicts)
    (folder / "verdicts.jsonl").write_text(lines)
    (folder / "meta.json").write_text(json.dumps(META | meta))
    return folder


def answer(key: str, stdout: str) -> str:
    """A line of evidence."""
    data = {"key": key, "host": "node1", "argv": ["sh", "-c", "ip <a>"], "rc": 0}
    return json.dumps(data | {"stdout": stdout, "stderr": "", "started": 1e9, "seconds": 0.1})


def test_a_green_run_says_so_calmly(tmp_path: Path) -> None:
    page = render(run_of(tmp_path, [verdict("W02", "node1.gnt.example", "pass")])).read_text()
    assert "The only control passed." in page
    assert "Needs attention" not in page
    assert page.count("not covered by this run") == 2 * 13


def test_what_is_red_comes_first_with_its_fix(tmp_path: Path) -> None:
    verdicts = [
        verdict("W02", "node1.gnt.example", "pass"),
        verdict(
            "W02", "node2.gnt.example", "fail", severity="critical", want="{'a'}", have="set()"
        ),
        verdict("K01", "node1.gnt.example", "unknown", notes="sysctl"),
    ]
    folder = run_of(tmp_path, verdicts)
    report = load(folder)
    assert report.sentence == "1 of 2 controls failed on node2; 1 could not be told."
    assert [one.row.id for one in report.findings] == ["W02", "K01"]
    page = render(folder).read_text()
    assert page.index("Needs attention") < page.index("node2.gnt.example: it is not so")
    assert "{&#39;a&#39;}" in page


def test_what_a_drill_timed_is_shown_in_its_order(tmp_path: Path) -> None:
    timed = {"vm2: import": 34.04, "vm2: boot": 29.8, "vm2: answer": 2.4}
    folder = run_of(tmp_path, [verdict("R04", "", "pass", measured=timed)])
    page = render(folder).read_text()
    places = [page.index(words) for words in timed]
    assert places == sorted(places)
    assert ">34.0 s<" in page


def test_nothing_judged_is_no_green(tmp_path: Path) -> None:
    report = load(run_of(tmp_path, []))
    assert report.sentence == "Nothing was judged."
    assert report.mood == "unknown"


def test_a_disagreement_of_the_profiles_is_shown_with_all_values(tmp_path: Path) -> None:
    apart = {"key": "net.ipv4.x", "profiles": {"hardened": 0, "notes": None}, "here": 0}
    folder = run_of(tmp_path, [verdict("W02", "node1", "pass")], disagreements=[apart])
    row = render(folder).read_text().split('id="profiles"')[1].split("<tbody>")[1]
    assert "<td>0</td><td>nothing said</td><td>0, as hardened</td>" in row


def test_a_waiver_that_matches_nothing_makes_the_page_red(tmp_path: Path) -> None:
    event = verdict("", "", "stale-waiver", message="There is no Z99.", notes="")
    folder = run_of(tmp_path, [event, verdict("W02", "node1", "pass")])
    report = load(folder)
    assert (report.mood, report.sentence) == ("fail", "1 waiver excuses nothing.")
    assert "was not judged" not in render(folder).read_text()


def test_a_lost_host_and_an_interruption_are_banners(tmp_path: Path) -> None:
    event = verdict("", "node3", "unknown", message="Host 'node3' hangs.", notes="")
    folder = run_of(tmp_path, [event, verdict("W02", "node1", "pass")], interrupted=True)
    page = render(folder).read_text()
    assert "This run was interrupted" in page
    assert "Host &#39;node3&#39; hangs." in page
    assert "1 host was not judged" in page


def test_hostile_output_is_inert(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\x1b[31m\udcff\x00"
    folder = run_of(tmp_path, [verdict("W02", "node1", "fail", message=evil, evidence=["k"])])
    (folder / "evidence" / "node1.jsonl").write_text(answer("k", evil) + "\n")
    page = render(folder).read_bytes().decode("utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    page = render(run_of(tmp_path, [verdict("W02", "node1", "pass")])).read_text()
    for sign in ("http://", "https://", "<link", " src=", "@import", "url("):
        assert sign not in page


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = run_of(tmp_path, [verdict("W02", "node1", "fail")])
    assert render(folder).read_bytes() == render(folder).read_bytes()


def test_every_outcome_has_a_letter_of_its_own() -> None:
    assert set(LETTERS) == set(OUTCOMES)
    assert len(set(LETTERS.values())) == len(LETTERS)


def test_long_output_is_cut_and_says_where_the_rest_is(tmp_path: Path) -> None:
    folder = run_of(tmp_path, [verdict("W02", "node1", "fail", evidence=["k"])])
    (folder / "evidence" / "node1.jsonl").write_text(answer("k", "x" * 9000) + "\n")
    assert "3000 more characters in evidence/node1.jsonl" in render(folder).read_text()


def big_run(tmp_path: Path, outcome_at: Callable[[int, int], Outcome]) -> Path:
    """200 nodes, 100 controls, 10,000 answers, each looked at by two controls."""
    names = [f"node{n}.gnt.example" for n in range(200)]
    verdicts = [
        verdict(f"W{c:02}", name, outcome_at(c, n), evidence=[f"{n}-{c // 2}"])
        for c in range(100)
        for n, name in enumerate(names)
    ]
    folder = run_of(tmp_path, verdicts, nodes=names)
    for n in range(200):
        lines = (answer(f"{n}-{c}", "x" * 2000) for c in range(50))
        (folder / "evidence" / f"node{n}.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("red", [1, 100], ids=["a few are red", "all are red"])
def test_two_hundred_nodes_fit_in_one_page(tmp_path: Path, red: int) -> None:
    folder = big_run(tmp_path, lambda c, n: "fail" if n == c or red == 100 else "pass")
    began = time.process_time()
    size = render(folder).stat().st_size
    assert size < 16_000_000
    assert time.process_time() - began < 30


def test_an_answer_stands_once_however_many_looked_at_it(tmp_path: Path) -> None:
    verdicts = [verdict(f"W0{n}", "node1", "pass", evidence=["k"]) for n in range(5)]
    folder = run_of(tmp_path, verdicts)
    (folder / "evidence" / "node1.jsonl").write_text(answer("k", "only-once") + "\n")
    page = render(folder).read_text()
    assert page.count("only-once") == 1
    assert page.count('href="#a-k"') == 5


def test_what_does_not_fit_is_named_and_red_comes_first(tmp_path: Path) -> None:
    lines = "\n".join(answer(key, key * 100) for key in ("calm", "loud"))
    (tmp_path / "node1.jsonl").write_text(lines + "\n")
    shown = pick(tmp_path, ["calm", "loud"], ["loud"], budget=300)
    assert list(shown) == ["loud", "calm"]
    assert shown["loud"].output == ("loud" * 100)[:300]
    assert shown["loud"].cut == 100
    assert not shown["calm"].embedded


def test_doubt_is_never_green(tmp_path: Path) -> None:
    event = verdict("", "node3", "unknown", notes="")
    good = verdict("W02", "node1", "pass")
    assert load(run_of(tmp_path / "a", [good])).mood == "pass"
    assert load(run_of(tmp_path / "b", [good, event])).mood == "unknown"
    assert load(run_of(tmp_path / "c", [good], interrupted=True)).mood == "unknown"
    assert load(run_of(tmp_path / "d", [good], exit_status=3)).mood == "unknown"
    assert load(run_of(tmp_path / "e", [verdict("W02", "", "stale-waiver")])).mood == "fail"


def test_what_drills_left_behind_is_no_waiver(tmp_path: Path) -> None:
    left = verdict("", "", "fail", message="after the drills: a link is left", notes="")
    folder = run_of(tmp_path, [verdict("R05", "", "pass"), left], exit_status=1)
    report = load(folder)
    assert (report.mood, report.stale) == ("fail", 0)
    assert report.sentence == "The drills did not leave the cluster as it was."
    page = render(folder).read_text()
    assert "after the drills: a link is left. Mend it." in page
    assert "Something besides the controls" not in page, "that was it, and it is told"


def test_two_verdicts_at_one_place_are_both_told(tmp_path: Path) -> None:
    verdicts = [verdict("W02", "node1", "fail", message="first"), verdict("W02", "node1", "pass")]
    folder = run_of(tmp_path, verdicts)
    assert load(folder).rows[0].at["node1"] == "fail"
    assert len(load(folder).rows[0].said) == 2


def test_nodes_of_one_short_name_keep_their_whole_names(tmp_path: Path) -> None:
    verdicts = [verdict("W02", name, "pass") for name in ("node1.a", "node1.b", "cluster.a")]
    places = load(run_of(tmp_path, verdicts, nodes=["node1.a", "node1.b"])).places
    assert places == ["cluster", "node1.a", "node1.b", "cluster.a"]


def test_a_section_nobody_knows_is_shown_all_the_same(tmp_path: Path) -> None:
    report = load(run_of(tmp_path, [verdict("Z01", "node1", "fail", notes="moon")]))
    assert report.sections[-1].title == "moon"
    assert report.sentence == "1 of 1 control failed on node1."


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("meta.json", "{}", "is not the meta.json of a run"),
        ("verdicts.jsonl", '{"control": 1}\n', "line 1, is no verdict"),
        ("evidence/node1.jsonl", '{"key": "k"\n', "line 1, is no answer"),
        ("evidence/node1.jsonl", '{"key": "k"}\n', "line 1, is no answer"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, text: str, says: str) -> None:
    folder = run_of(tmp_path, [verdict("W02", "node1", "pass", evidence=["k"])])
    (folder / name).write_text(text)
    with pytest.raises(ParseError, match=says):
        render(folder)


def test_an_outcome_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParseError, match="'maybe' is no outcome"):
        load(run_of(tmp_path, [verdict("W02", "node1", "maybe")]))


NASTY = st.text(st.characters(), max_size=40) | st.sampled_from(
    ["</script><script>x()</script>", "<!--", "]]>", "{{ 7 * 7 }}", "\u202e", "' onclick='x()"]
)


@settings(deadline=None, max_examples=25)
@given(text=NASTY)
def test_no_text_gets_out_of_its_place(text: str) -> None:
    with TemporaryDirectory() as there:
        words = dict.fromkeys(("title", "why", "fix", "message", "want", "have", "severity"), text)
        plain = dict.fromkeys(words, "plain")
        tags = [
            Counter(_Tags.of(_page_of(Path(there) / str(number), **said)))
            for number, said in enumerate((words, plain))
        ]
    if text.strip():
        assert tags[0] == tags[1]


def _page_of(folder: Path, **said: str) -> str:
    run = run_of(folder, [verdict("W02", "node1", "fail", evidence=["k"], **said)])
    (run / "evidence" / "node1.jsonl").write_text(answer("k", said["message"] + "x") + "\n")
    return render(run).read_bytes().decode("utf-8", errors="strict")


class _Tags(HTMLParser):
    """Every tag of a page with the names of its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, ...]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, *(name for name, _ in attrs)))

    @classmethod
    def of(cls, page: str) -> list[tuple[str, ...]]:
        parser = cls()
        parser.feed(page)
        return parser.seen


def test_the_policy_allows_our_own_script_and_no_other(tmp_path: Path) -> None:
    page = render(run_of(tmp_path, [verdict("W02", "node1", "pass")])).read_text()
    script = page.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in page
    assert "unsafe" not in page


def test_a_folder_that_is_no_run_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "verdicts.jsonl").write_text("")
    with pytest.raises(ParseError, match=r"is not the meta\.json of a run"):
        render(tmp_path)
