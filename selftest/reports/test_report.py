"""The report of made-up runs: what it says, that it is one inert file, and that it stays small."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from gntverify.errors import ParseError
from gntverify.verdicts import OUTCOMES, Verdict
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


def test_nothing_judged_is_no_green(tmp_path: Path) -> None:
    report = load(run_of(tmp_path, []))
    assert report.sentence == "Nothing was judged."
    assert report.mood == "unknown"


def test_a_lost_host_and_an_interruption_are_banners(tmp_path: Path) -> None:
    event = verdict("", "node3", "unknown", message="Host 'node3' hangs.", notes="")
    folder = run_of(tmp_path, [event, verdict("W02", "node1", "pass")], interrupted=True)
    page = render(folder).read_text()
    assert "This run was interrupted" in page
    assert "Host &#39;node3&#39; hangs." in page
    assert "1 host could not be asked" in page


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


def test_two_hundred_nodes_fit_in_one_page(tmp_path: Path) -> None:
    verdicts = [
        verdict(f"W{c:02}", f"node{n}.gnt.example", "fail" if n == c else "pass")
        for c in range(100)
        for n in range(200)
    ]
    folder = run_of(tmp_path, verdicts, nodes=[f"node{n}.gnt.example" for n in range(200)])
    began = time.monotonic()
    size = render(folder).stat().st_size
    assert size < 12_000_000
    assert time.monotonic() - began < 20


def test_a_folder_that_is_no_run_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "verdicts.jsonl").write_text("")
    with pytest.raises(ParseError, match=r"is not the meta\.json of a run"):
        render(tmp_path)
