"""One job from its submission to its end: its log is part of what it says.

A job that succeeded may have warned: burnin, and whoever looks at the exit status only, passes a
restore of half a disk (docs/roadmap.md). So the log is read, from the job's own file on the
master, which unlike `gnt-job info` is the same text in all versions.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.facts.shape import refuse

if TYPE_CHECKING:
    from gntverify.evidence import Answer
    from gntverify.transport.source import Source

QUEUE = "/var/lib/ganeti/queue"
TOOL = "the job's file"
LIMIT_S = 30.0
ENDED = ("success", "error", "canceled")
_SUBMITTED = re.compile(r"^(?:JobID: )?([0-9]{1,18})(?::.*)?$", re.MULTILINE)
# Why an import or export failed is said in a message that has no such word (its "recent output").
_WARNING = re.compile(r"\b(?:WARNING|ERROR)\b|^\s*Warning: |\bfailed to (?:receive|send) data: ")
# An export asks every node for older ones, and one that never had any has no directory for them.
_HARMLESS = re.compile(r"Failed to query node \S+ \(continuing\): No exports directory")
_NEVER_BEGAN = re.compile(r"\bjob [0-9]+ failed to start: ", re.IGNORECASE)
# A job moves to the archive while it is looked for, so the queue is asked again. Parameters of an
# opcode may be secret: they stay where they are.
_SCRIPT = """\
import glob, json, sys
name = "job-" + sys.argv[2]
places = [sys.argv[1] + "/" + name, *glob.glob(sys.argv[1] + "/archive/*/" + name)]
for place in places + places[:1]:
    try:
        with open(place) as file:
            job = json.load(file)
        break
    except FileNotFoundError:
        pass
else:
    sys.exit("there is no file of job " + sys.argv[2])
print(json.dumps([{
    "name": op["input"].get("OP_ID"), "status": op["status"], "result": op.get("result"),
    "log": [[entry[1][0], entry[3]] for entry in op["log"]],
} for op in job["ops"]], default=str))
"""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its file tells it.

    Attributes:
        number: its id.
        status: of its opcodes: ``error`` or ``canceled`` when one is, else the first that has not
            succeeded, else ``success``.
        log: messages in their order, of all opcodes.
        error: what the failed opcode said; empty when none failed.
    """

    number: int
    status: str
    log: tuple[str, ...] = ()
    error: str = ""

    @property
    def ended(self) -> bool:
        """Whether it will not change any more."""
        return self.status in ENDED

    @property
    def never_began(self) -> bool:
        """Whether a busy master gave up on it before it did anything."""
        return self.status == "error" and bool(_NEVER_BEGAN.search(self.error))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Messages of the log that warn."""
        return tuple(
            line.strip().removeprefix("- ")
            for line in self.log
            if _WARNING.search(line) and not _HARMLESS.search(line)
        )

    @property
    def trouble(self) -> str:
        """Why its success is none; empty when it succeeded and warned of nothing.

        What it warned of before it failed is often the reason, and the error but "it failed".
        """
        told = []
        if self.status != "success":
            reason = self.error or "no reason given"
            told.append(f"job {self.number} ended with {self.status}: {reason}")
        if self.warnings:
            told.append(f"job {self.number} warned: {'; '.join(self.warnings)}")
        return "; ".join(told)


def parse_submitted(text: str) -> tuple[int, ...]:
    """Ids of what a command with ``--submit`` printed, on either of its outputs.

    Raises:
        ParseError: it names no job.
    """
    found = tuple(int(number) for number in _SUBMITTED.findall(text))
    if not found:
        raise refuse("gnt-… --submit", text)
    return found


def command(number: int) -> list[str]:
    """What prints a job for :func:`parse_job`."""
    return ["python3", "-c", _SCRIPT, QUEUE, str(number)]


def parse_job(number: int, text: str) -> Job:
    """A job of what :func:`command` printed.

    Raises:
        ParseError: it is no list of opcodes.
    """
    try:
        ops = json.loads(text)
        states = [str(op["status"]) for op in ops]
        log = tuple(str(message) for op in ops for _, message in op["log"])
        errors = [_reason(op["result"]) for op in ops if op["status"] == "error"]
    except (ValueError, TypeError, KeyError) as err:
        raise refuse(TOOL, text) from err
    if not states:
        raise refuse(TOOL, text)
    return Job(number, _status(states), log, "; ".join(errors))


def _status(states: list[str]) -> str:
    for bad in ("error", "canceled"):
        if bad in states:
            return bad
    return next((state for state in states if state != "success"), "success")


def _reason(result: object) -> str:
    """The words of a failed opcode's result, which is an error's class and its arguments."""
    if isinstance(result, list) and len(result) == 2 and isinstance(result[1], list):
        return " ".join(str(word) for word in result[1] if word is not None)
    return "" if result is None else str(result)


def read_job(source: "Source", number: int) -> Job:
    """Ask the master, now."""
    return parse_job(number, source.ask(command(number), timeout_s=LIMIT_S, fresh=True).text())


def ask_job(source: "Source", argv: Sequence[str], *, timeout_s: float) -> "Answer":
    """The answer to a command that only reads, but is a job to Ganeti.

    A busy master gives up on the process that it started for a job before that did anything
    ("Timeout in reading a response"); then it is asked once more. Both answers are evidence.
    """
    answer = source.ask(argv, timeout_s=timeout_s)
    if _NEVER_BEGAN.search(answer.stdout + answer.stderr):
        answer = source.ask(argv, timeout_s=timeout_s, fresh=True)
    return answer
