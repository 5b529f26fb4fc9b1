"""Sentences and characters for people."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

FEW = 3


LEFT = "the drills did not leave the cluster as it was"


def sentence(
    counts: Mapping[str, int],
    at: Sequence[str],
    unreachable: int,
    stale: int,
    *,
    left: bool = False,
    interrupted: bool,
) -> str:
    """The verdict of a run in one sentence.

    Args:
        counts: how many controls have which outcome.
        at: where the failed ones failed.
        unreachable: how many hosts were not judged: not there, or not named.
        stale: how many waivers excuse nothing.
        left: whether drills have left the cluster other than it was.
        interrupted: whether the run ended before its end.
    """
    total = sum(counts.values())
    if not total:
        said = "Nothing was judged"
        tail = [*([LEFT] if left else []), *([_hosts(unreachable)] if unreachable else [])]
        return _finished([said, *tail], interrupted=interrupted)
    parts = []
    if counts.get("fail"):
        parts.append(f"{counts['fail']} of {controls(total)} failed {_places(at)}")
    if counts.get("unknown"):
        of = "" if parts else f" of {controls(total)}"
        parts.append(f"{counts['unknown']}{of} could not be told")
    if stale:
        parts.append(_number(stale, "waiver excuses nothing", "waivers excuse nothing"))
    if left:
        parts.append(LEFT)
    if not parts:
        parts.append(_calm(counts, total))
    if unreachable:
        parts.append(_hosts(unreachable))
    return _finished(parts, interrupted=interrupted)


def _calm(counts: Mapping[str, int], total: int) -> str:
    passed, waived = counts.get("pass", 0), counts.get("waived", 0)
    aside = counts.get("not-applicable", 0)
    if passed == total:
        return f"All {controls(total)} passed" if total > 1 else "The only control passed"
    rest = [f"{waived} waived"] if waived else []
    rest += [_number(aside, "does not apply", "do not apply")] if aside else []
    return f"No control failed: {passed} passed, {', '.join(rest)}"


def _finished(parts: Sequence[str], *, interrupted: bool) -> str:
    said = "; ".join(parts) + "."
    if interrupted:
        return f"Interrupted, so far: {said[0].lower()}{said[1:]}"
    return f"{said[0].upper()}{said[1:]}"


def _hosts(number: int) -> str:
    return _number(number, "host was not judged", "hosts were not judged")


def _number(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def controls(number: int) -> str:
    """``1 control``, ``60 controls``."""
    return _number(number, "control", "controls")


def _places(at: Sequence[str]) -> str:
    if len(at) > FEW:
        return f"in {len(at)} places"
    named = [f"the {place}" if place == "cluster" else place for place in at]
    return "on " + (", ".join(named[:-1]) + " and " + named[-1] if len(named) > 1 else named[0])


def when(unix: float) -> str:
    """A moment for people, in UTC."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def printable(text: str) -> str:
    """The text with everything that is no plain character made visible.

    That is: control characters, halves of surrogate pairs, and those that turn the direction of
    writing.
    """
    if text.isprintable():
        return text
    return "".join(char if char in "\n\t" or char.isprintable() else "\ufffd" for char in text)
