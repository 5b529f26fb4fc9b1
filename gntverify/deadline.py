"""Time limits: one factor scales them all, and a wait names its condition.

A node under software emulation is five to ten times slower than on hardware. Whoever knows
that (the lab does) sets ``GNTVERIFY_TIME_FACTOR``; every limit of the project goes through
:func:`scaled`.
"""

import os
import time
from collections.abc import Callable
from typing import TypeVar

from gntverify.errors import DeadlinePassed, SiteError

FACTOR_VARIABLE = "GNTVERIFY_TIME_FACTOR"

T = TypeVar("T")


def factor() -> float:
    """The factor of this run, 1.0 unless the environment says otherwise.

    Raises:
        SiteError: the variable is no number of at least 1.
    """
    text = os.environ.get(FACTOR_VARIABLE, "1")
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1.0 <= value <= 100.0:
        raise SiteError(f"{FACTOR_VARIABLE}={text!r} is no factor between 1 and 100.")
    return value


def scaled(limit_s: float) -> float:
    """A limit in seconds as written for hardware, scaled for this run."""
    return limit_s * factor()


def wait_for(
    condition: str,
    probe: Callable[[], tuple[T | None, str]],
    limit_s: float,
    *,
    every_s: float = 0.5,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Ask ``probe`` until it returns a value, and return that.

    Args:
        condition: what is awaited, as the subject of a sentence: ``"Node 'node1' at its login"``.
        probe: returns ``(value, state)``; ``value`` is None while the condition does not hold,
            ``state`` is what was seen, for the message. It raises when waiting is pointless.
        limit_s: the limit in seconds, unscaled.
        every_s: pause between two probes, in seconds.
        sleep: how to pause; others go on meanwhile where it is gevent's.

    Raises:
        DeadlinePassed: the limit passed; the message carries the last state seen.
    """
    end = time.monotonic() + scaled(limit_s)
    while True:
        value, state = probe()
        if value is not None:
            return value
        if time.monotonic() >= end:
            raise DeadlinePassed(
                f"{condition} was awaited for {scaled(limit_s):.0f} s; last seen: {state}."
            )
        sleep(every_s)
