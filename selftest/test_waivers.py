"""Waivers: whole runs on a recording, and what is said of each on any day."""

import json
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gntverify.errors import SiteError
from gntverify.site import load_site
from gntverify.site.waiver import Waiver
from gntverify.verdicts import Outcome, Verdict
from gntverify.waivers import Judged, Waivers, today
from reports.html import render
from selftest.suite import Suite

GOOD = Path(__file__).parent / "recordings" / "good"
NAMES = [f"node{number}.gnt.example" for number in (1, 2, 3)]
PASS = ("T1", "assert node")
FAIL = ("T2", "assert node.short != 'node2', f'{node.name}: the fan is loud'")
UNKNOWN = ("T3", "node.source.ask(('never', 'asked'))")
AWAY = ("T4", "need(None, 'the site declares none')")
CLUSTER = ("C1", "assert not cluster, 'the cluster is tired'")
DAY = date(2026, 6, 15)


def lines(control: str, host: str, days: int = 90, ticket: str = "OPS-1") -> str:
    """A waiver for a site file; it ends so many days from now."""
    expires = datetime.now(UTC).date() + timedelta(days=days)
    return (
        f'[[waivers]]\ncontrol = "{control}"\nhost = "{host}"\nticket = "{ticket}"\n'
        f'approver = "A. Chief"\nreason = "a new fan is ordered"\nexpires = {expires}\n'
    )


@dataclass
class Runs:
    """Runs of a made-up suite on the recording of a good cluster."""

    suite: Suite

    def run(self, *waivers: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
        """Exit status and what the terminal shows of a run with these waivers."""
        (self.suite.home / "made-up.toml").write_text("\n".join(waivers))
        code, out, err = self.suite.run(f"--replay={GOOD}", "--site=made-up.toml", *options)
        return code, out + err

    def outcomes(self, control: str) -> list[tuple[str, str]]:
        """Place and outcome of each verdict on a control."""
        return [(node, outcome) for id_, node, outcome in self.suite.outcomes if id_ == control]

    @property
    def states(self) -> list[str]:
        """What became of each waiver."""
        return [waiver["state"] for waiver in self.suite.meta["waivers"]]


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    """A control that passes, one that fails on node2, one unknown, one that does not apply."""
    made = Runs(Suite(tmp_path))
    made.suite.write(PASS, FAIL)
    return made


@pytest.mark.parametrize("host", ["*", "node2", "node2.gnt.example"])
def test_a_failure_with_a_waiver_is_waived(runs: Runs, host: str) -> None:
    code, out = runs.run(lines("T2", host))
    assert code == 0, out
    assert runs.outcomes("T2") == [("node1", "pass"), ("node2", "waived"), ("node3", "pass")]
    assert "1 waived" in out
    assert runs.states == ["waives"]
    told = (runs.suite.directory / "verdicts.jsonl").read_text().splitlines()
    (waived,) = [one for one in map(json.loads, told) if one["outcome"] == "waived"]
    assert "the fan is loud (waived until " in waived["message"]
    assert "OPS-1, approved by A. Chief: a new fan is ordered)" in waived["message"]
    assert waived["ticket"] == "OPS-1"
    junit = ET.parse(runs.suite.directory / "junit.xml").getroot()[0]  # noqa: S314 - our own file
    assert (junit.get("failures"), junit.get("errors"), junit.get("skipped")) == ("0", "0", "1")


def test_a_waiver_of_another_node_excuses_nothing(runs: Runs) -> None:
    code, out = runs.run(lines("T2", "node3"))
    assert code == 1, out
    assert ("node2", "fail") in runs.outcomes("T2")
    assert ("node3", "stale-waiver") in runs.outcomes("T2")


def test_what_could_not_be_told_is_never_waived(runs: Runs) -> None:
    runs.suite.write(PASS, UNKNOWN)
    code, out = runs.run(lines("T3", "*"))
    assert code == 6, out
    assert {outcome for _, outcome in runs.outcomes("T3")} == {"unknown"}
    assert runs.states == ["idle"]


def test_an_expired_waiver_leaves_the_failure_a_failure(runs: Runs) -> None:
    code, out = runs.run(lines("T2", "node2", days=-1))
    assert code == 1, out
    assert runs.outcomes("T2") == [("node1", "pass"), ("node2", "fail"), ("node3", "pass")]
    assert "the fan is loud (the waiver OPS-1 for T2 on node2 expired on " in out
    assert runs.states == ["expired"]


def test_an_expired_waiver_that_no_failure_tells_of_is_a_finding(runs: Runs) -> None:
    code, out = runs.run(lines("T2", "node2"), lines("T2", "*", days=-5, ticket="OPS-0"))
    assert code == 1, out
    assert ("node2", "waived") in runs.outcomes("T2")
    assert "STALE-WAIVER T2 clust1.gnt.example: The waiver OPS-0 for T2 everywhere expired" in out
    assert runs.states == ["waives", "expired"]


def test_a_waiver_of_a_control_that_passes_is_stale(runs: Runs) -> None:
    runs.suite.write(PASS)
    code, out = runs.run(lines("T1", "*"))
    assert code == 1, out
    assert ("", "stale-waiver") in runs.outcomes("T1")
    assert len(runs.outcomes("T1")) == 4
    assert "has nothing to excuse: the control passes." in out
    junit = ET.parse(runs.suite.directory / "junit.xml").getroot()[0]  # noqa: S314 - our own file
    assert (junit.get("failures"), junit.get("errors")) == ("1", "0")


def test_of_a_part_of_the_nodes_nobody_says_that_all_pass(runs: Runs) -> None:
    code, out = runs.run(lines("T2", "*"), options=("-k", "node1"))
    assert code == 0, out
    assert runs.states == ["idle"]


@pytest.mark.parametrize(
    ("control", "host", "sentence"),
    [
        ("Z99", "*", "there is no such control"),
        ("T2", "node9", "'node9' is no node of this cluster"),
        ("C1", "node2", "it judges the whole cluster, its host is '*'"),
    ],
)
def test_a_waiver_that_matches_nothing_is_a_finding(
    runs: Runs, control: str, host: str, sentence: str
) -> None:
    runs.suite.write(PASS, CLUSTER, FAIL)
    code, out = runs.run(lines(control, host), lines("T2", "*"), lines("C1", "*"))
    assert code == 1, out
    assert sentence in out
    assert runs.states == ["unmatched", "waives", "waives"]
    assert "1 stale-waiver" in out


@pytest.mark.parametrize("options", [("-k", "T1"), ("node/test_made_up.py::test_T1",)])
def test_a_waiver_of_a_control_that_did_not_run_is_no_finding(
    runs: Runs, options: tuple[str, ...]
) -> None:
    code, out = runs.run(lines("T2", "node9", days=-1), options=options)
    assert code == 0, out
    assert runs.states == ["idle"]


def test_a_typing_error_is_found_in_a_partial_run_too(runs: Runs) -> None:
    code, out = runs.run(lines("T22", "*"), options=("-k", "T1"))
    assert code == 1, out
    assert "The waiver OPS-1 for T22 everywhere: there is no such control." in out


def test_the_end_of_a_waiver_is_announced(runs: Runs) -> None:
    code, out = runs.run(lines("T2", "node2", days=10))
    assert code == 0, out
    assert out.count("The waiver OPS-1 for T2 on node2 expires on ") == 2
    page = render(runs.suite.directory).read_text()
    assert "A waiver ends on " in page


def test_the_report_shows_every_waiver(runs: Runs) -> None:
    runs.run(lines("T2", "node2"), lines("Z9", "*", ticket="OPS-<2>"))
    page = render(runs.suite.directory).read_text()
    for word in ("OPS-1", "A. Chief", "a new fan is ordered", "excuses a failure"):
        assert word in page
    assert "OPS-&lt;2&gt;" in page
    assert "matches no control or host" in page
    assert "1 waiver excuses nothing" in page


def test_the_fix_of_a_waiver_is_not_the_controls(runs: Runs) -> None:
    runs.run(lines("T1", "*"), options=("-k", "T1"))
    page = render(runs.suite.directory).read_text()
    attention = page.split('id="attention"')[1].split("</section>")[0]
    assert "or correct it." in attention
    assert "mend T1" not in attention


# -- without a run ---------------------------------------------------------------------------


def waiver(**changes: Any) -> Waiver:
    """One for K03 on node2 until the 30th of June."""
    base = {
        "control": "K03",
        "host": "node2",
        "ticket": "OPS-1",
        "approver": "A. Chief",
        "reason": "it is so",
        "expires": date(2026, 6, 30),
    }
    return Waiver.model_validate(base | changes)


def verdict(control: str, node: str, outcome: Outcome) -> Verdict:
    names = ("title", "why", "fix", "severity", "notes", "impact", "test")
    words: dict[str, Any] = dict.fromkeys(names, "x")
    return Verdict(control=control, node=node, outcome=outcome, message="", seconds=0.0, **words)


@pytest.mark.parametrize(
    ("day", "outcome"),
    [(date(2026, 6, 30), "waived"), (date(2026, 7, 1), "fail"), (date(2026, 1, 1), "waived")],
)
def test_the_last_day_counts_to_its_end(day: date, outcome: str) -> None:
    have, _, _ = Waivers([waiver()], day).applied("K03", NAMES[1], "fail", "it is 0")
    assert have == outcome


def test_a_day_begins_and_ends_in_utc() -> None:
    midnight = datetime(2026, 7, 1, tzinfo=UTC).timestamp()
    assert today(midnight - 1) == date(2026, 6, 30)
    assert today(midnight) == date(2026, 7, 1)


@pytest.mark.parametrize(
    ("days", "said"), [(15, []), (14, ["in 14 days"]), (1, ["tomorrow"]), (0, ["today"]), (-1, [])]
)
def test_the_announcement_begins_fourteen_days_ahead(days: int, said: list[str]) -> None:
    made = Waivers([waiver(expires=DAY + timedelta(days=days))], DAY)
    assert [sentence.rsplit(", ", 1)[1] for sentence in made.expiring()] == said


@pytest.mark.parametrize("outcome", ["pass", "unknown", "not-applicable"])
def test_nothing_but_a_failure_is_changed(outcome: Outcome) -> None:
    made = Waivers([waiver(host="*")], DAY)
    assert made.applied("K03", NAMES[0], outcome, "so") == (outcome, "so", "")
    assert made.applied("K04", NAMES[0], "fail", "so") == ("fail", "so", "")


@pytest.mark.parametrize(
    ("outcomes", "partly", "state"),
    [
        (["pass", "pass", "pass"], [], "stale"),
        (["pass", "not-applicable", "pass"], [], "stale"),
        (["not-applicable"] * 3, [], "idle"),
        (["pass", "unknown", "pass"], [], "idle"),
        (["pass", "pass"], ["K03"], "idle"),
        (["pass", "waived", "pass"], [], "waives"),
    ],
)
def test_all_places_decide_whether_it_is_stale(
    outcomes: list[Outcome], partly: list[str], state: str
) -> None:
    verdicts = [verdict("K03", *pair) for pair in zip(NAMES, outcomes, strict=False)]
    judged = Judged(NAMES, verdicts, {"K03"}, partly)
    (settled,) = Waivers([waiver(host="*")], DAY).settled(judged)
    assert settled.state == state


def test_a_member_that_was_not_seen_leaves_its_waiver_alone() -> None:
    judged = Judged(NAMES, [verdict("K03", NAMES[0], "pass")], {"K03"}, ["K03"])
    (settled,) = Waivers([waiver(expires=date(2020, 1, 1))], DAY).settled(judged)
    assert (settled.state, settled.message) == ("idle", "")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('expires = "2026-12-31"', "a date is wanted, without quotes"),
        ("expires = 2026-12-31T23:59:59Z", "without a time"),
        ("expires = 20261231", "a date is wanted"),
        ("ticket = ''", "waivers.0.ticket"),
        ("approver = ' '", "waivers.0.approver"),
        ("host = 'Node 2'", "waivers.0.host"),
        ("control = 'k 3'", "waivers.0.control"),
        ("until = 2026-12-31", "unknown key 'waivers.0.until'"),
    ],
)
def test_a_waiver_says_who_what_and_until_when(tmp_path: Path, line: str, says: str) -> None:
    key = line.split(" ", 1)[0]
    kept = [one for one in lines("K03", "*").splitlines() if not one.startswith(f"{key} ")]
    path = tmp_path / "mine.toml"
    path.write_text("\n".join([*kept, line]))
    with pytest.raises(SiteError, match=says):
        load_site(path)


@pytest.mark.parametrize("key", ["control", "host", "ticket", "approver", "reason", "expires"])
def test_a_waiver_lacks_nothing(tmp_path: Path, key: str) -> None:
    kept = [one for one in lines("K03", "*").splitlines() if not one.startswith(key)]
    path = tmp_path / "mine.toml"
    path.write_text("\n".join(kept))
    with pytest.raises(SiteError, match=rf"'waivers\.0\.{key}'"):
        load_site(path)
