"""What a campaign leaves: its result, the table, and what was seen red when."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sabotage.campaign import Entry
from sabotage.fault import Fault

Seen = dict[str, dict[str, str]]


def written(path: Path, data: object) -> None:
    """Replace a file of JSON in one step: a reader finds the old one or the new one, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.new")
    partial.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)


def kept(path: Path, entries: Sequence[Entry]) -> None:
    """Write the result as far as it is known."""
    written(path, [entry.as_row() for entry in entries])


def load(path: Path) -> Seen:
    """What a file of :func:`remember` holds; nothing when there is none."""
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return dict(found)


def remember(
    seen: Path, codes: Path, entries: Sequence[Entry], faults: Sequence[Fault], date: str
) -> None:
    """Add what this campaign proved to what is known, and drop what no fault stands for any more.

    ``seen``: control to the fault on which it was last seen red; ``codes``: the same for codes
    of `gnt-cluster verify`.
    """
    proven = [entry for entry in entries if entry.proven]
    known = {(fault.control, fault.name) for fault in faults}
    by_control = {
        control: row for control, row in load(seen).items() if (control, row["sabotage"]) in known
    }
    by_code = {
        code: row
        for code, row in load(codes).items()
        if (row["control"], row["sabotage"]) in known
    }
    for entry in reversed(proven):  # the first of a control's faults stays
        row = {"sabotage": entry.sabotage, "node": entry.node, "date": date}
        by_control[entry.control] = row
        by_code |= {code: {"control": entry.control, **row} for code in entry.codes}
    written(seen, dict(sorted(by_control.items())))
    written(codes, dict(sorted(by_code.items())))


def table(entries: Sequence[Entry]) -> list[str]:
    """The result for a person, a line a fault."""
    lines = [f"{'control':<8}{'node':<7}{'red':<5}{'green':<7}{'s':>6}  sabotage"]
    for entry in sorted(entries, key=lambda entry: (entry.control, entry.sabotage)):
        green = {True: "yes", False: "NO", None: "?"}[entry.green_again]
        red = "yes" if entry.seen_red else "NO"
        beside = f"; also {', '.join(entry.collateral)}" if entry.collateral else ""
        wrong = f"; MISSING {', '.join(entry.missing)}" if entry.missing else ""
        wrong += f"; STRAY in round {entry.round}: {', '.join(entry.stray)}" if entry.stray else ""
        lines.append(
            f"{entry.control:<8}{entry.node:<7}{red:<5}{green:<7}{entry.seconds:>6.0f}  "
            f"{entry.sabotage}{beside}{wrong}"
        )
    return lines


def summary(entries: Sequence[Entry]) -> str:
    """One line: how many controls and codes were proven."""
    proven = [entry for entry in entries if entry.proven]
    controls = {entry.control for entry in proven}
    codes = {code for entry in proven for code in entry.codes}
    return (
        f"{len(proven)} of {len(entries)} faults as declared and green again: "
        f"{len(controls)} controls, {len(codes)} codes of verify"
    )
