"""Every control can fail: on a recording of a good cluster it is green, on each mutant it is not.

A mutant is the smallest change to what a node answered. The control it is made for turns red (or
unknown, where it says so), and no other control changes its verdict, but for those it names.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gntverify.catalogue import load_controls, load_mutants
from gntverify.evidence import Answer
from gntverify.scan import RUNNER
from gntverify.target import Target, recorded
from gntverify.transport.replay import Replay

if TYPE_CHECKING:
    from collections.abc import Sequence

GOOD = Path(__file__).parent / "recordings" / "good"
SITE = Path(__file__).parent / "recordings" / "good.toml"  # the lab's, when it was recorded
CONTROLS = load_controls()
MUTANTS = [(control, mutant) for control, mutants in load_mutants().items() for mutant in mutants]
CALM = ("pass", "not-applicable")

Verdicts = dict[tuple[str, str], tuple[str, str]]


def judged(target: Target) -> Verdicts:
    """Control and node to outcome and message, of all controls."""
    return {
        (one.control.id, node.short if node else ""): (outcome, message)
        for one in CONTROLS
        for node, outcome, message in one.judge(target)
    }


@pytest.fixture(scope="session")
def good() -> Verdicts:
    """What the controls say of the good recording."""
    return judged(recorded(GOOD, SITE))


def test_the_good_recording_is_green(good: Verdicts) -> None:
    """No control is red or unknown on a cluster that was built by the notes' steps."""
    assert {key: told for key, told in good.items() if told[0] not in CALM} == {}


def test_every_control_has_a_mutant() -> None:
    """A control that nothing turns red proves nothing."""
    assert {one.control.id for one in CONTROLS} - {control for control, _ in MUTANTS} == set()


def test_every_mutant_is_of_a_control() -> None:
    """No mutant is left over from a control that is gone."""
    assert {control for control, _ in MUTANTS} - {one.control.id for one in CONTROLS} == set()


@pytest.mark.parametrize(
    ("control", "mutant"), MUTANTS, ids=[f"{c}: {m['name']}" for c, m in MUTANTS]
)
def test_a_mutant_is_killed(
    control: str, mutant: dict[str, Any], good: Verdicts, tmp_path: Path
) -> None:
    """The control turns, on that node if it names one, and nothing else does."""
    mutate(mutant, tmp_path)
    have = judged(recorded(tmp_path, SITE))
    turned = {key for key in have if have[key][0] != good[key][0]}
    expected = {outcome for (id_, _), (outcome, _) in have.items() if id_ == control}
    assert mutant["expect"] in expected, f"{control} survives: it says {expected}"
    places = {place for id_, place in turned if id_ == control} - {""}
    wanted = mutant.get("node", "*")
    assert places <= {wanted} or wanted == "*", f"{control} turns on {places}, not on {wanted}"
    others = {id_ for id_, _ in turned} - {control, *mutant.get("also", [])}
    told = {key: have[key] for key in turned if key[0] in others}
    assert not others, f"{mutant['name']!r} also turns {told}"
    missing = set(mutant.get("also", [])) - {id_ for id_, _ in turned}
    assert not missing, f"{mutant['name']!r} should also turn {missing}"


def mutate(mutant: dict[str, Any], target: Path) -> None:
    """Write the recording with the mutant's changes into ``target``."""
    changes: Sequence[dict[str, Any]] = mutant.get("changes", [mutant])
    applied = 0
    for path in sorted(GOOD.glob("*.jsonl")):
        answers = Replay.load(path).answers
        for change in changes:
            if change.get("node", mutant.get("node", "*")) in (path.stem, "*") or (
                change.get("node") is None and path.stem == RUNNER
            ):
                changed = [_changed(answer, change) for answer in answers]
                applied += changed != answers
                answers = changed
        Replay(path.stem, answers).save(target / path.name)
    assert applied, f"{mutant['name']!r} changes nothing in the recording"


def _changed(answer: Answer, change: dict[str, Any]) -> Answer:
    if not _meant(answer, change):
        return answer
    stdout = change.get("stdout", answer.stdout)
    if "find" in change:
        stdout = stdout.replace(change["find"], change["put"])
    if "find_re" in change:
        stdout = re.sub(change["find_re"], change["put"], stdout, flags=re.MULTILINE)
    rc = change.get("rc", answer.rc)
    return replace(answer, stdout=stdout, rc=rc, stderr=change.get("stderr", answer.stderr))


def _meant(answer: Answer, change: dict[str, Any]) -> bool:
    if "command" in change:
        return bool(answer.command == change["command"])
    return bool(re.search(change["command_re"], answer.command))
