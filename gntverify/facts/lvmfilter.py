"""Where LVM looks for physical volumes, from ``lvmconfig``."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gntverify.errors import ParseError
from gntverify.facts.shape import checked, load_json, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

TOOL = "lvmconfig"
DEVICES = (TOOL, "--type", "full", "devices")
"""The section as it is in force, defaults included."""
FILTERS = ("global_filter", "filter")
_LINE = re.compile(r"\t(\w+)=(.*)")
_CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern of a filter, and what becomes of a device whose path it matches anywhere."""

    accepts: bool
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Search:
    """What LVM opens when it looks for physical volumes.

    A device is taken when a rule accepts any of its names. Only one is looked at here: a DRBD
    minor of Ganeti's has no other, as drbdadm, which makes them, does not know it.

    Attributes:
        inside: whether it looks inside logical volumes, so inside guests' disks.
        rules: a list of rules for each filter; since 2.03 all commands obey both.
    """

    inside: bool
    rules: tuple[tuple[Rule, ...], ...]

    def opens(self, path: str) -> bool:
        """Whether no filter rejects the device of that path."""
        return all(_accepts(rules, path) for rules in self.rules)

    def opened(self, paths: Iterable[str]) -> list[str]:
        """Those of the paths that no filter rejects."""
        return [path for path in paths if self.opens(path)]


def _accepts(rules: Iterable[Rule], path: str) -> bool:
    """The first rule that matches decides; where none does, the device is taken (lvm.conf)."""
    return next((rule.accepts for rule in rules if rule.pattern.search(path)), True)


def parse_devices(text: str) -> Search:
    """The section ``devices`` of ``lvmconfig --type full``.

    Raises:
        ParseError: the text is not what lvmconfig prints, a pattern is none, or LVM obeys a
            devices file in place of its filters.
    """
    found = [_LINE.fullmatch(line) for line in text.splitlines()]
    values = {line[1]: line[2] for line in found if line}
    if not text.startswith("devices {") or not {*FILTERS, "scan_lvs"} <= values.keys():
        raise refuse(TOOL, text)
    if values.get("use_devicesfile", "0") != "0":
        raise ParseError(
            "LVM obeys a devices file here (devices/use_devicesfile) in place of its filters, "
            "which gntverify does not read; see `lvmdevices`."
        )
    if values["scan_lvs"] not in ("0", "1"):
        raise refuse(TOOL, f"scan_lvs={values['scan_lvs']}")
    rules = tuple(tuple(map(_rule, _strings(values[key]))) for key in FILTERS)
    return Search(values["scan_lvs"] == "1", rules)


def _strings(value: str) -> list[str]:
    """A list as lvmconfig prints it: of one item, the item alone."""
    data: Any = load_json(value, TOOL)
    return checked(list[str], [data] if isinstance(data, str) else data, TOOL)


def _rule(text: str) -> Rule:
    """``r|/dev/drbd[0-9]+|``: a letter, and a pattern between two equal marks, or two brackets."""
    action, mark, body = text[:1], text[1:2], text[2:]
    end = body.rfind(_CLOSING.get(mark, mark)) if mark else -1
    if action not in ("a", "r") or end < 0:
        raise refuse(TOOL, text)
    try:
        return Rule(action == "a", re.compile(body[:end]))
    except (re.error, OverflowError, RecursionError) as err:
        raise ParseError(f"`{TOOL}` shows a pattern that is none, {text!r}: {err}.") from err


def read_search(source: "Source") -> Search:
    """Where the host's LVM looks."""
    return parse_devices(source.ask(DEVICES).text())
