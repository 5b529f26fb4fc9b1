"""A waiver as a site file has it; what it does to a run is in :mod:`gntverify.waivers`."""

from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

from gntverify.site.part import Part

Told = Annotated[str, StringConstraints(pattern=r"\S")]
EVERYWHERE = "*"


def _plain_date(value: object) -> object:
    if type(value) is not date:  # a datetime is one too, and its zone would move the day
        raise ValueError("a date is wanted, without quotes and without a time: 2026-12-31")
    return value


Day = Annotated[date, BeforeValidator(_plain_date)]


class Waiver(Part):
    """A failure that somebody answers for, until a day; the control runs all the same.

    Attributes:
        control: its id.
        host: a node's name, short or in full; ``*`` for every node, and for a control that judges
            the cluster as a whole.
        ticket, approver, reason: where it is dealt with, who allowed it, and why.
        expires: the last day, which ends at midnight UTC.
    """

    control: Annotated[str, StringConstraints(pattern=r"^[A-Z]\w*$")]
    host: Annotated[str, StringConstraints(pattern=r"^(\*|[a-z0-9][a-z0-9.-]*)$")]
    ticket: Told
    approver: Told
    reason: Told
    expires: Day
