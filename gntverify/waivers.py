"""Waivers: failures that somebody answers for, and those of them that excuse nothing (any more).

A control runs whether its failure is waived or not. A waiver changes a ``fail`` into ``waived``
and nothing else: what could not be told is never excused.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Literal

from gntverify.site.waiver import EVERYWHERE, Waiver
from gntverify.verdicts import Outcome, Verdict

ANNOUNCED_DAYS = 14
"""How long before its last day the end of a waiver is announced."""

State = Literal["waives", "stale", "expired", "unmatched", "idle"]


def today(unix: float) -> date:
    """The day of a moment, in UTC: a waiver ends at the same instant everywhere."""
    return datetime.fromtimestamp(unix, UTC).date()


@dataclass(frozen=True, slots=True)
class Judged:
    """A run as far as waivers are concerned.

    Attributes:
        nodes: every member's name, those that were not judged too.
        verdicts: all of them.
        known: ids of all controls there are; None when only a part of them was looked for.
        partly: ids of controls that came to no verdict at some place where they should have.
    """

    nodes: Collection[str]
    verdicts: Sequence[Verdict]
    known: Collection[str] | None
    partly: Collection[str]


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a waiver in a run.

    Attributes:
        state: ``waives`` a failure; ``stale``: the control passes; ``expired``; ``unmatched``:
            there is no such control or host; ``idle``: none of these could be told.
        message: what is wrong with it; empty for a waiver that does its work, or was not met.
        judged: a verdict that it met, if there is one.
    """

    waiver: Waiver
    state: State
    message: str = ""
    judged: Verdict | None = None

    def as_verdict(self) -> Verdict:
        """What is said of a waiver that excuses nothing, at its control where there is one."""
        waiver = self.waiver
        found = Verdict(
            control="",
            node="",
            outcome="stale-waiver",
            message=self.message,
            title="Every waiver excuses a failure",
            why="A waiver that excuses nothing today hides the failure of tomorrow.",
            fix=f"Take the waiver {waiver.ticket} out of the site file, or correct it.",
            severity="medium",
            notes="",
            impact="passive",
            test=f"waivers::{waiver.control}[{waiver.host}]",
            seconds=0.0,
        )
        if self.judged is None:
            return found
        at = self.judged.node if meets(waiver, waiver.control, self.judged.node) else ""
        return replace(
            found,
            control=waiver.control,
            node="" if waiver.host == EVERYWHERE else at,
            title=self.judged.title,
            severity=self.judged.severity,
            notes=self.judged.notes,
            impact=self.judged.impact,
        )


@dataclass(frozen=True)
class Waivers:
    """The waivers of a site on a day."""

    waivers: Sequence[Waiver]
    day: date

    def days_left(self, waiver: Waiver) -> int:
        """Days until its last one; negative when that is over."""
        return (waiver.expires - self.day).days

    def expiring(self) -> list[str]:
        """A sentence for each waiver that ends soon."""
        return [
            f"The {named(waiver)} expires on {waiver.expires}, {_in_days(self.days_left(waiver))}"
            for waiver in self.waivers
            if 0 <= self.days_left(waiver) <= ANNOUNCED_DAYS
        ]

    def applied(
        self, control: str, node: str, outcome: Outcome, message: str
    ) -> tuple[Outcome, str, str]:
        """Outcome and message of a verdict, and the ticket of the waiver that excuses it.

        Args:
            control: its id.
            node: the node's name, empty for the cluster as a whole.
            outcome: as judged.
            message: likewise.
        """
        met = [waiver for waiver in self.waivers if meets(waiver, control, node)]
        if outcome != "fail" or not met:
            return outcome, message, ""
        last = max(met, key=lambda waiver: waiver.expires)
        if self.days_left(last) < 0:
            return "fail", f"{message} (the {named(last)} expired on {last.expires})", ""
        why = f"{last.ticket}, approved by {last.approver}: {last.reason}"
        return "waived", f"{message} (waived until {last.expires}, {why})", last.ticket

    def settled(self, judged: Judged) -> list[Settled]:
        """What became of each waiver."""
        return [self._settled(waiver, judged) for waiver in self.waivers]

    def _settled(self, waiver: Waiver, judged: Judged) -> Settled:
        if judged.known is not None and waiver.control not in judged.known:
            return Settled(waiver, "unmatched", f"The {named(waiver)}: there is no such control.")
        ran = [v for v in judged.verdicts if v.control == waiver.control]
        met = [v for v in ran if meets(waiver, v.control, v.node)]
        if ran and not met:
            return _unmatched(waiver, judged.nodes, ran)
        if not met:
            return Settled(waiver, "idle")
        outcomes = {v.outcome for v in met}
        whole = waiver.host != EVERYWHERE or waiver.control not in judged.partly
        if whole and "pass" in outcomes and outcomes <= {"pass", "not-applicable"}:
            said = f"The {named(waiver)} has nothing to excuse: the control passes."
            return Settled(waiver, "stale", said, met[0])
        if self.days_left(waiver) < 0:
            said = f"The {named(waiver)} expired on {waiver.expires}."
            return Settled(waiver, "expired", "" if "fail" in outcomes else said, met[0])
        return Settled(waiver, "waives" if "waived" in outcomes else "idle")

    def as_json(self, settled: Iterable[Settled]) -> list[dict[str, Any]]:
        """The waivers for ``meta.json``."""
        return [
            one.waiver.model_dump(mode="json")
            | {"days_left": self.days_left(one.waiver), "state": one.state}
            for one in settled
        ]


def meets(waiver: Waiver, control: str, node: str) -> bool:
    """Whether the waiver speaks of that control at that place (``""``: the cluster)."""
    at = (EVERYWHERE, node, node.split(".", 1)[0]) if node else (EVERYWHERE,)
    return waiver.control == control and waiver.host in at


def named(waiver: Waiver) -> str:
    """The waiver as messages call it."""
    at = "everywhere" if waiver.host == EVERYWHERE else f"on {waiver.host}"
    return f"waiver {waiver.ticket} for {waiver.control} {at}"


def _unmatched(waiver: Waiver, nodes: Iterable[str], ran: Sequence[Verdict]) -> Settled:
    """It names a host, and the control was judged elsewhere."""
    if not any(meets(waiver, waiver.control, node) for node in nodes):
        said = f"The {named(waiver)}: {waiver.host!r} is no node of this cluster."
    elif not any(verdict.node for verdict in ran):
        said = f"The {named(waiver)}: it judges the whole cluster, its host is {EVERYWHERE!r}."
    else:
        return Settled(waiver, "idle")  # a member that this run did not see
    return Settled(waiver, "unmatched", said, ran[0])


def _in_days(days: int) -> str:
    return {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")
