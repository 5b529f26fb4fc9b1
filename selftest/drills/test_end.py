"""Drills of a run, and their end: whatever it meets, the report says what is left."""

import time
from types import SimpleNamespace
from typing import Any

import pytest

from gntverify.drilling import DRILLS, pytest_runtest_setup, pytest_sessionfinish
from gntverify.drills import session
from gntverify.drills.session import Drills
from gntverify.plugin import MEASURED, RUN


@pytest.mark.parametrize(
    ("met", "told"),
    [
        (KeyboardInterrupt(), "Ctrl-C came again"),
        (KeyError("x"), "a fault of gntverify"),
        (None, "a bridge is left"),
    ],
)
def test_what_the_end_met_is_a_verdict(met: BaseException | None, told: str) -> None:
    def close() -> list[str]:
        if met is not None:
            raise met
        return ["a bridge is left"]

    verdicts: list[Any] = []
    drills: Any = SimpleNamespace(close=close)
    run: Any = SimpleNamespace(add=verdicts.append)
    stash = pytest.Stash()
    stash[DRILLS], stash[RUN] = drills, run
    session: Any = SimpleNamespace(config=SimpleNamespace(stash=stash))
    assert next(pytest_sessionfinish(session)) is None, "what follows ends the fixtures"
    (verdict,) = verdicts
    assert verdict.outcome == "fail"
    assert told in verdict.message
    assert "gntverify reap" in verdict.fix


def test_what_is_timed_belongs_to_the_drill_that_goes_on() -> None:
    target: Any = None
    drills = Drills(target, print, {"of the one before": 1.0})
    stash, own = pytest.Stash(), pytest.Stash()
    stash[DRILLS] = drills
    item: Any = SimpleNamespace(config=SimpleNamespace(stash=stash), stash=own)
    pytest_runtest_setup(item)
    drills.took["migration"] = 2.0
    assert own[MEASURED] == {"migration": 2.0}


def test_the_watcher_is_paused_anew_while_drills_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    operator: Any = SimpleNamespace(master=None, on=lambda _, text: asked.append(text))
    target: Any = None
    drills = Drills(target, print, _operator=operator)
    drills.begin()
    drills.begin()
    assert asked == ["gnt-cluster watcher pause 6h"], "one that is younger than an hour is enough"
    now = time.monotonic() + session.RENEWED_S + 1
    monkeypatch.setattr(time, "monotonic", lambda: now)
    drills.begin()
    assert len(asked) == 2
