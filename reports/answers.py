"""Which answers a report holds itself, and how much of each.

Each answer stands in the page once, however many controls looked at it. Answers behind what is
not calm come first and at length; the others are cut short. When the page's budget is used up,
what is left is named with its file in ``evidence/`` and not embedded.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gntverify.errors import ParseError

LOUD, CALM, COMMAND = 6000, 600, 1000
"""Most characters of output behind what is not calm, behind what is, and of a command."""

BUDGET = 3_000_000
"""Most characters of all answers in one page: it opens on a phone and fits into a mail."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One answer as the report shows it.

    Attributes:
        rc: exit status; None when the command was ended at its limit.
        cut: how many characters of output the page leaves out.
        file: where the whole answer is, relative to the folder of the run.
        embedded: False when the page has no room for its output.
    """

    key: str
    host: str
    command: str
    rc: int | None
    when: float
    seconds: float
    problem: str
    output: str
    cut: int
    file: str
    embedded: bool


def pick(
    directory: Path, wanted: Iterable[str], loud: Iterable[str], budget: int = BUDGET
) -> dict[str, Shown]:
    """The wanted answers of ``evidence/``, by key, those behind what is not calm first.

    Raises:
        ParseError: a line is no answer; the message names file and line.
    """
    at_length = dict.fromkeys(loud)
    order = at_length | dict.fromkeys(wanted)
    found = _found(directory, order)
    shown: dict[str, Shown] = {}
    for key in order:
        if key in found:
            most = LOUD if key in at_length else CALM
            one = _shown(*found[key], min(most, budget))
            budget -= len(one.output) + len(one.command)
            shown[key] = one
    return shown


def _found(directory: Path, wanted: Mapping[str, None]) -> dict[str, tuple[dict[str, Any], str]]:
    found: dict[str, tuple[dict[str, Any], str]] = {}
    for path in sorted(directory.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if not line:
                continue
            try:
                data = json.loads(line)
                if data["key"] in wanted:
                    found[data["key"]] = (data, f"{directory.name}/{path.name}")
                    _shown(data, "", 0)
            except (ValueError, TypeError, KeyError) as err:
                raise ParseError(f"{path}, line {number}, is no answer: {err!r}") from err
    return found


def _shown(data: Mapping[str, Any], file: str, most: int) -> Shown:
    argv = [str(word) for word in data["argv"]]
    command = argv[2] if argv[:2] == ["sh", "-c"] and len(argv) > 2 else " ".join(argv)
    output = data["stdout"] + (f"\n[standard error]\n{data['stderr']}" if data["stderr"] else "")
    kept = output[: max(most, 0)]
    return Shown(
        key=str(data["key"]),
        host=str(data["host"]),
        command=command if len(command) <= COMMAND else f"{command[:COMMAND]} …",
        rc=data["rc"],
        when=float(data["started"]),
        seconds=float(data["seconds"]),
        problem=str(data.get("problem", "")),
        output=kept,
        cut=len(output) - len(kept),
        file=file,
        embedded=most > 0,
    )
