from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest

from gntverify.controls import NotApplicable, need
from gntverify.drills.exports import Subject
from gntverify.drills.record import LEVELS
from gntverify.drills.restore import Ladder
from gntverify.errors import CommandFailed
from gntverify.ganeti.exports import Export
from gntverify.site import load_site
from selftest.suite import ROOT

SITE = load_site(ROOT / "sites" / "lab.toml")


def ladder() -> Ladder:
    node: Any = SimpleNamespace(short="node1", name="node1.gnt.example")
    export = Export({}, {"timestamp": "1795585750"}, 60)
    where = PurePosixPath("/var/lib/ganeti/export/vm2.gnt.example")
    nobody: Any = None
    return Ladder(nobody, SITE, Subject("vm2.gnt.example", node, where, export))


def climbed(made: Ladder, *levels: str) -> Ladder:
    for level in levels:
        with made.judged(level):
            pass
    return made


def test_a_whole_climb_passes() -> None:
    made = climbed(ladder(), *LEVELS)
    assert made.ended
    assert made.record.passed
    assert made.record.exported == 1795585750


def test_above_a_level_that_did_not_hold_nothing_is_tried() -> None:
    made = climbed(ladder(), "L0")
    with pytest.raises(AssertionError), made.judged("L1"):
        raise AssertionError
    with pytest.raises(CommandFailed, match="L2 was not tried, since L1"), made.judged("L2"):
        pass
    assert made.levels == {"L0": "pass", "L1": "fail"}
    assert made.ended
    assert not made.record.passed


def test_a_level_without_a_subject_stops_nobody() -> None:
    made = climbed(ladder(), *LEVELS[:-1])
    with pytest.raises(NotApplicable), made.judged("L5"):
        need(None, "nobody says what it should hold")
    assert made.levels["L5"] == "not-applicable"
    assert made.record.passed


@pytest.mark.parametrize("error", [CommandFailed("silence"), KeyError("a fault of ours")])
def test_what_could_not_be_told_is_no_pass(error: Exception) -> None:
    made = ladder()
    with pytest.raises(type(error)), made.judged("L0"):
        raise error
    assert made.levels == {"L0": "unknown"}
    assert made.ended
    assert not made.record.passed


def test_some_levels_alone_are_no_climb() -> None:
    assert not climbed(ladder(), "L0", "L1").ended
    with pytest.raises(CommandFailed, match="since L0"), ladder().judged("L3"):
        pass
