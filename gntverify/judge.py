"""From what a control raised to what is said of the cluster: the only place where it happens."""

from collections.abc import Callable
from typing import Any

import pytest

from gntverify.compare import listed
from gntverify.controls import NotApplicable
from gntverify.errors import GntverifyError
from gntverify.evidence import scrubbed
from gntverify.verdicts import Outcome

MOST = 500
"""Characters of an expected or seen value that a verdict carries."""


def verdict_of(raised: BaseException | None) -> tuple[Outcome, str]:
    """Outcome and message: an assertion is a fail, and what kept us from telling is unknown."""
    outcome, message = _judged(raised)
    return outcome, scrubbed(message)


def _judged(raised: BaseException | None) -> tuple[Outcome, str]:
    if raised is None:
        return "pass", ""
    if isinstance(raised, NotApplicable):
        return "not-applicable", str(raised)
    if isinstance(raised, AssertionError):
        # what pytest adds to the message is for those who wrote the control
        return "fail", str(raised).split("\nassert ", 1)[0]
    if isinstance(raised, pytest.skip.Exception):
        return "unknown", f"It was skipped, which tells nothing: {raised.msg or 'no reason given'}"
    if isinstance(raised, GntverifyError):
        return "unknown", str(raised)
    return "unknown", f"The control itself broke, which is a fault of gntverify: {raised!r}."


def want_and_have(
    function: Callable[..., Any] | None, raised: BaseException | None
) -> tuple[str, str]:
    """What a control that failed calls ``want`` and ``have``; empty where it has no such names."""
    if not isinstance(raised, AssertionError):
        return "", ""
    code = getattr(function, "__code__", None)
    trace = raised.__traceback__
    while trace is not None and trace.tb_frame.f_code is not code:
        trace = trace.tb_next
    names = trace.tb_frame.f_locals if trace else {}
    want, have = (
        scrubbed(listed(names[name]))[:MOST] if name in names else "" for name in ("want", "have")
    )
    return want, have
