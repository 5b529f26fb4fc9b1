"""What drives think of themselves, from ``smartctl``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.shape import Row, checked, load_json, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

TOOL = "smartctl"
SMART = (
    "sh",
    "-c",
    "for d in /sys/block/*/device; do [ -e $d ] || continue; d=${d#/sys/block/}; "
    'd=/dev/${d%/device}; echo "$d $(smartctl --json=c --info --health "$d" 2>/dev/null)"; done',
)
"""``--info`` as well: smartctl 7.3 calls a SCSI drive without SMART healthy when it is asked for
nothing but ``--health``."""
LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Health:
    """A drive's verdict on itself; ``passed`` is None when it gives none, ``reason`` says why."""

    passed: bool | None
    reason: str = ""


UNASKED = Health(None, f"`{TOOL}` did not come to ask it")


class _Message(Row):
    string: str


class _Run(Row):
    exit_status: int
    messages: tuple[_Message, ...] = ()


class _Support(Row):
    available: bool


class _Status(Row):
    passed: bool


class _Report(Row):
    smartctl: _Run
    smart_support: _Support | None = None
    smart_status: _Status | None = None


def parse_smart(text: str) -> dict[str, Health]:
    """Path of a drive to its health; none where there is no drive.

    Raises:
        ParseError: a line is not a path and what smartctl prints, or nothing behind it.
    """
    found: dict[str, Health] = {}
    for line in text.splitlines():
        parts = re.fullmatch(r"(/dev/\S+) (.*)", line)
        if not parts:
            raise refuse(TOOL, line)
        found[parts[1]] = _health(parts[2])
    return found


def _health(text: str) -> Health:
    if not text:
        return Health(None, f"`{TOOL}` said nothing (package smartmontools)")
    report = checked(_Report, load_json(text, TOOL), TOOL)
    if report.smart_support and not report.smart_support.available:
        return Health(None, "it has no SMART, or something in front of it hides it")
    if report.smart_status:
        return Health(report.smart_status.passed)
    said = "; ".join(message.string for message in report.smartctl.messages)
    return Health(None, said or f"`{TOOL}` ended with {report.smartctl.exit_status}")


def failing(drives: Mapping[str, Health]) -> frozenset[str]:
    """The drives that say of themselves that they fail.

    Raises:
        ParseError: none says so, and of one it cannot be told.
    """
    failed = frozenset(path for path, health in drives.items() if health.passed is False)
    untold = {path: health.reason for path, health in drives.items() if health.passed is None}
    if untold and not failed:
        reasons = "; ".join(f"{path}: {reason}" for path, reason in sorted(untold.items()))
        raise ParseError(
            f"Of {len(untold)} drives it cannot be told whether they fail: {reasons}."
        )
    return failed


def read_smart(source: "Source") -> dict[str, Health]:
    """What the host's drives say, virtual ones too: whoever judges leaves those out."""
    return parse_smart(source.ask(SMART, timeout_s=LIMIT_S).text())
