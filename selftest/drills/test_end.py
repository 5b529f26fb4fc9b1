"""The end of a run of drills: whatever it meets, the report says what is left."""

from types import SimpleNamespace
from typing import Any

import pytest

from gntverify.drilling import DRILLS, pytest_sessionfinish
from gntverify.plugin import RUN


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
