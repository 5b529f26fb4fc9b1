"""``gnt-cluster verify``: its findings by code.

Low-impact, not free: it takes shared locks and runs hooks. Exit status 0 says that there is no
ERROR, warnings or not; 1 that there is one, or that a job of it failed.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from gntverify.errors import CommandFailed, ParseError
from gntverify.facts.shape import refuse
from gntverify.ganeti.codes import hint
from gntverify.ganeti.jobs import ask_job

if TYPE_CHECKING:
    from gntverify.evidence import Answer
    from gntverify.transport.source import Source

COMMAND = ("gnt-cluster", "verify", "--error-codes")
TOOL = "gnt-cluster verify"
LIMIT_S = 180.0
ORPHANS = frozenset({"ENODEORPHANINSTANCE", "ENODEORPHANLV"})
UNALLOCATED = (
    "unallocated drbd minor"  # other findings of this code are of minors that are missing
)
_STAMP = r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4}"
_FINDING = re.compile(
    rf"{_STAMP}\s+- (ERROR|WARNING):([A-Z0-9]+):(cluster|group|node|instance):([^:]*):(.*)"
)
_CODED = re.compile(rf"(^|\s)- (ERROR|WARNING):|{_STAMP}\s+- (?!NOTICE:)\w+:[A-Z0-9]+:[a-z]+:")
"""What is meant as a finding, however it is written, and whatever its level is called."""
_UNCODED = r"On \S+ script \S+ failed, output:|Communication failure to node "
_TOLD = re.compile(rf"{_STAMP}\s+- WARNING: (?:{_UNCODED}).*")
"""A failed hook, or a node without an answer, as the job itself tells of it: the finding with its
code (ENODEHOOKS, ENODERPC) stands beside it."""
_FAILED = re.compile(r"([0-9]{1,9}) job\(s\) failed while verifying the cluster\.")


@dataclass(frozen=True, slots=True)
class Finding:
    """One coded line; ``name`` is empty when Ganeti names nobody."""

    level: Literal["ERROR", "WARNING"]
    code: str
    domain: str
    name: str
    message: str

    def __str__(self) -> str:
        subject = f"{self.domain} {self.name}".strip()
        more = hint(self.code)
        return f"{self.code} ({subject}): {self.message}" + (f" ({more})" if more else "")


@dataclass(frozen=True)
class Report:
    """All findings, and how many jobs of the verification itself failed."""

    findings: tuple[Finding, ...]
    failed_jobs: int = 0

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Findings of level ERROR."""
        return tuple(f for f in self.findings if f.level == "ERROR")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Findings of level WARNING."""
        return tuple(f for f in self.findings if f.level == "WARNING")

    @property
    def leftovers(self) -> tuple[Finding, ...]:
        """Findings of what belongs to no instance: machines, volumes, DRBD minors."""
        return tuple(
            f
            for f in self.findings
            if f.code in ORPHANS or (f.code == "ENODEDRBD" and f.message.startswith(UNALLOCATED))
        )

    def complete(self) -> None:
        """Do nothing when the verification looked at everything.

        Raises:
            CommandFailed: a job of it failed, or a node did not answer it, so that finding nothing
                says nothing.
        """
        silent = sorted({f.name for f in self.findings if f.code == "ENODERPC"})
        if silent:
            raise CommandFailed(
                f"`{TOOL}` had no answer from {', '.join(map(repr, silent))}, so it did not look "
                "at everything; see what is said of that node."
            )
        if self.failed_jobs:
            raise CommandFailed(
                f"{self.failed_jobs} job(s) of `{TOOL}` failed, so it did not look at everything; "
                "see `gnt-job list` and `gnt-job info`."
            )


def parse_report(text: str) -> Report:
    """The findings of ``gnt-cluster verify --error-codes``.

    Raises:
        ParseError: a finding is written otherwise, or the text is not from a verification that
            looked at the cluster and at one group of nodes at least.
    """
    findings = []
    failed = 0
    for line in text.splitlines():
        if found := _FINDING.fullmatch(line):
            level = cast("Literal['ERROR', 'WARNING']", found[1])
            name = "" if found[4] == "None" else found[4]
            findings.append(Finding(level, found[2], found[3], name, found[5].strip()))
        elif _CODED.search(line) and not _TOLD.fullmatch(line):
            raise refuse(TOOL, line)
        elif jobs := _FAILED.fullmatch(line):
            failed = int(jobs[1])
    seen = "* Verifying cluster config" in text and ("* Verifying group" in text or failed)
    if not seen:
        raise refuse(TOOL, text)
    return Report(tuple(findings), failed)


def judged(answer: "Answer") -> Report:
    """The report of an answer whose exit status fits what was printed.

    Raises:
        ParseError: they contradict each other, or the text is not understood.
        CommandFailed: the exit status is another one, or the output was cut.
        CommandTimeout: it did not end.
    """
    if answer.status() not in (0, 1) or not answer.stdout.strip():
        answer.text()
    report = parse_report(answer.stdout)
    bad = bool(report.errors or report.failed_jobs)
    if bad != (answer.rc == 1):
        raise ParseError(
            f"`{TOOL}` ended with status {answer.rc} and printed {len(report.errors)} error(s), "
            "which does not fit; was its output understood?"
        )
    return report


def read_report(source: "Source") -> Report:
    """Run the verification on the master."""
    return judged(ask_job(source, COMMAND, timeout_s=LIMIT_S))
