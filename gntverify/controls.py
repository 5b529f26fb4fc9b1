"""What a control is: a pytest test with an id, a severity, a section of the notes, an impact."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import pytest

Severity = Literal["critical", "high", "medium", "low"]
Impact = Literal["passive", "low-impact", "disruptive"]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

ATTRIBUTE = "__gntverify_control__"


@dataclass(frozen=True, slots=True)
class Control:
    """One statement about a cluster that a run judges.

    Attributes:
        id: stable, e.g. ``"K02"``.
        title: the first sentence of the docstring; true when the control is green.
        why: what goes wrong when it is red.
        fix: what to do then.
        severity: critical, high, medium or low.
        notes: section of the deployment notes, a key of :data:`SECTIONS`.
        impact: passive, low-impact or disruptive.
    """

    id: str
    title: str
    why: str
    fix: str
    severity: Severity
    notes: str
    impact: Impact


SECTIONS: dict[str, str] = {
    "base": "Base System Setup",
    "network": "Network Topology and Bridge",
    "sysctl": "Kernel Parameters",
    "setup": "Setting Up Ganeti",
    "drbd": "DRBD Configuration",
    "os": "Operating System Support Packages",
    "startup": "Startup of the Cluster",
    "instance": "Instance Creation",
    "nics": "Private and Public Networks",
    "security": "What About Security?",
    "ha": "High Availability",
    "backup": "Replication and Backup Strategies",
    "perf": "Performance Tuning",
    "solving": "Solving Problems",
}


class NotApplicable(Exception):  # noqa: N818 - a verdict, not an error
    """This control has no subject here; the message is the reason a reader accepts."""


def need(subject: T | None, reason: str) -> T:
    """``subject``, if there is one.

    Raises:
        NotApplicable: it is None, False or empty; ``reason`` says so to a reader.
    """
    if not subject:
        raise NotApplicable(reason)
    return subject


def control(
    id: str,  # noqa: A002 - the field's word
    *,
    severity: Severity,
    notes: str,
    impact: Impact = "passive",
) -> Callable[[F], F]:
    """Declare a test function to be the control ``id``.

    The docstring gives the rest: its first paragraph is the title, ``Why:`` and ``Fix:`` follow.

    Raises:
        ValueError: the section is unknown, or the docstring lacks a part.
    """

    def mark(function: F) -> F:
        made = _described(id, function, severity, notes, impact)
        setattr(function, ATTRIBUTE, made)
        marked: F = pytest.mark.control(made)(function)
        return marked

    return mark


def _described(
    id: str,  # noqa: A002 - as above
    function: Callable[..., Any],
    severity: Severity,
    notes: str,
    impact: Impact,
) -> Control:
    if notes not in SECTIONS:
        raise ValueError(f"Control {id}: {notes!r} is no section of the notes.")
    title, why, fix = _parts(id, inspect.getdoc(function) or "")
    return Control(id, title, why, fix, severity, notes, impact)


def _parts(id: str, doc: str) -> tuple[str, str, str]:  # noqa: A002 - as above
    flat = {"": "", "Why:": "", "Fix:": ""}
    key = ""
    for line in doc.splitlines():
        for head in ("Why:", "Fix:"):
            if line.startswith(head):
                key, line = head, line[len(head) :]
        flat[key] = f"{flat[key]} {line.strip()}".strip()
    if not all(flat.values()):
        raise ValueError(f"Control {id}: its docstring needs a title, a Why: and a Fix:.")
    return flat[""], flat["Why:"], flat["Fix:"]


def control_of(function: Callable[..., Any]) -> Control | None:
    """The control that ``function`` declares, if it is one."""
    found = getattr(function, ATTRIBUTE, None)
    return found if isinstance(found, Control) else None
