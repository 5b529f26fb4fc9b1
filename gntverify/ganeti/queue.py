"""The job queue: whether it takes jobs, and those that have not come to their end."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.facts.shape import number, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

DRAIN = ("gnt-cluster", "queue", "info")
OPEN = ("queued", "waiting", "canceling", "running")
TOOL = "gnt-job list"
LIMIT_S = 60.0
# Only what is open: a queue keeps thousands of jobs until the watcher archives them. Their times
# are the master's, so its clock is asked along with them. "|" may occur in a summary, which
# therefore comes last.
_FILTER = " or ".join(f'status == "{status}"' for status in OPEN)
JOBS = [
    "sh",
    "-c",
    'date +"now %s"; exec gnt-job list --no-headers "--separator=|" '
    f"--output=id,status,received_ts,summary --filter '{_FILTER}'",
]
_JOB = re.compile(r"([0-9]{1,18})\|(\w+)\|\[([0-9]{1,18}), [0-9]{1,18}\]\|(.*)")


@dataclass(frozen=True, slots=True)
class Job:
    """A job that has not come to its end.

    Attributes:
        number: its id.
        status: one of :data:`OPEN`.
        age_min: minutes since the queue took it.
        summary: its opcodes, as Ganeti tells them.
    """

    number: int
    status: str
    age_min: float
    summary: str

    def __str__(self) -> str:
        return f"job {self.number} {self.summary} is {self.status} for {self.age_min:.0f} min"


def parse_drained(text: str) -> bool:
    """Whether the queue refuses new jobs.

    Raises:
        ParseError: the flag is neither set nor unset.
    """
    words = {"The drain flag is set": True, "The drain flag is unset": False}
    if text.strip() not in words:
        raise refuse("gnt-cluster queue info", text)
    return words[text.strip()]


def parse_jobs(text: str) -> tuple[Job, ...]:
    """Open jobs of what :data:`JOBS` printed; often there is none.

    Raises:
        ParseError: a line has other fields, or the clock is not told.
    """
    first, *rows = text.splitlines() or [""]
    if not first.startswith("now "):
        raise refuse("date", first)
    now = number("date", first.removeprefix("now "))
    return tuple(_job(row, now) for row in rows)


def _job(row: str, now: int) -> Job:
    found = _JOB.fullmatch(row)
    if not found or found[2] not in OPEN:
        raise refuse(TOOL, row)
    return Job(int(found[1]), found[2], (now - int(found[3])) / 60, found[4])


def read_drained(source: "Source") -> bool:
    """Ask the master."""
    return parse_drained(source.ask(DRAIN, timeout_s=LIMIT_S).text())


def read_jobs(source: "Source") -> tuple[Job, ...]:
    """Ask the master."""
    return parse_jobs(source.ask(JOBS, timeout_s=LIMIT_S).text())
