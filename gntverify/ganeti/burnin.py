"""Ganeti's own burn-in: how it is asked, and what it says, phase by phase.

Facts of `lib/tools/burnin.py`: a phase begins with a line `- Its words`; what is said of one
instance is indented. What fails is followed by `- Error detected: opcode buffer follows:`. It
forgives: a repeated opcode that succeeds in the end, and every warning of a job, pass; so the
jobs are read as well (:func:`parse_jobs`), which bear the reason that burn-in was given.
"""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gntverify.compare import listed
from gntverify.deadline import scaled
from gntverify.errors import ParseError, SiteError
from gntverify.facts.shape import Row, checked, load_json, refuse
from gntverify.ganeti.instances import unchecked
from gntverify.ganeti.jobs import QUEUE, Job, parse_job

PROGRAM = "/usr/lib/ganeti/tools/burnin"
JOBS_TOOL = "the job queue"
Kind = Literal["out", "err", "status"]
SIZES = (
    "--disk-size=1024m",
    "--disk-growth=128m",
    "--minmem-size=128m",
    "--maxmem-size=192m",
)
"""Ganeti's default policy takes no smaller disk. With no --vcpu-count: burn-in reads it as a size
in MiB, and makes 4 of 1; its default is 3."""
BOTH = ("plain", "drbd")


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of burn-in.

    Attributes:
        name: as the site leaves it out: burn-in's own option without ``--no-``, where it has one.
        begins: what burn-in says as it begins.
        without: the option that leaves it out; empty when it cannot be, or needs none.
        templates: disk templates with which it is played.
        nodes: how many it takes at least.
    """

    name: str
    begins: tuple[str, ...]
    without: str = ""
    templates: tuple[str, ...] = BOTH
    nodes: int = 1


PHASES = (
    Phase("create", ("Creating instances",)),
    Phase("startstop", ("Stopping and starting instances",), "--no-startstop"),
    Phase("memory", ("Setting instance runtime memory",), "--minmem-size=192m"),
    Phase("replace1", ("Replacing disks on the same nodes",), "--no-replace1", ("drbd",), 2),
    Phase("replace2", ("Changing the secondary node",), "--no-replace2", ("drbd",), 3),
    Phase("grow", ("Growing disks",), "--disk-growth=0m"),
    Phase("failover", ("Failing over instances",), "--no-failover", ("drbd",), 2),
    Phase("migrate", ("Migrating instances",), "--no-migrate", ("drbd",), 2),
    Phase("move", ("Moving instances",), "--no-move", ("plain",), 2),
    Phase("importexport", ("Exporting and re-importing instances",), "--no-importexport"),
    Phase("reinstall", ("Reinstalling instances",), "--no-reinstall"),
    Phase("reboot", ("Rebooting instances",), "--no-reboot"),
    Phase("renamesame", ("Renaming the instances to their own name",), "--no-renamesame"),
    Phase("confd", ("Checking confd results",), "--no-confd"),
    Phase("add-nics", ("Adding and removing NICs",), "--no-add-nics"),
    Phase("activate-disks", ("Activating/deactivating disks",), "--no-activate-disks"),
    Phase(
        "add-disks",
        ("Adding and detaching disks", "Attaching and removing disks"),
        "--no-add-disks",
    ),
    Phase("rename", ("Renaming instances",)),
)
"""All of 3.0's, in its order; removal is left to whoever asked for burn-in (``-K``)."""
NEEDED = ("create",)
ERROR = "Error detected: opcode buffer follows:"
_OF = {words: phase.name for phase in PHASES for words in phase.begins}
_SKIPPED = {"Skipping migration": "migrate", "Skipping nic add/remove": "add-nics"}
# Scaled, a job takes longer: none of the phase before was received so shortly before a phase.
EARLY_S = 0.25


@dataclass(frozen=True, slots=True)
class Order:
    """What burn-in is asked for.

    Attributes:
        template: of the disks.
        names: of the instances it creates, FQDNs that no instance has.
        spare: the name that each is given for a moment, and that no instance has.
        nodes: FQDNs of those it plays on.
        os: ``name+variant``.
        hypervisor: ``kvm:NAME=VALUE,…``.
        reason: what its jobs bear.
        release: of Ganeti.
        left_out: names of phases.
        parallel: several instances at once.
    """

    template: str
    names: tuple[str, ...]
    spare: str
    nodes: tuple[str, ...]
    os: str
    hypervisor: str
    reason: str
    release: str
    left_out: frozenset[str] = frozenset()
    parallel: bool = False

    def argv(self) -> list[str]:
        """The command."""
        without = [one.without for one in PHASES if one.name in self.left_out and one.without]
        rename = [] if "rename" in self.left_out else [f"--rename={self.spare}"]
        return [
            *(PROGRAM, f"--reason={self.reason}", "--keep-instances"),
            *("-o", self.os, "-H", self.hypervisor),
            *("-t", self.template, "-n", ",".join(self.nodes)),
            *(
                *SIZES,
                *unchecked(self.release),
                *without,
                *rename,
            ),  # of an option given twice the last counts
            *(["--parallel"] if self.parallel else []),
            *self.names,
        ]

    def not_played(self, phase: Phase) -> str:
        """Why this order has not that phase; empty when it has."""
        if phase.name in self.left_out:
            return "the site leaves it out (drills.burnin)"
        if self.template not in phase.templates:
            return f"burn-in does not play it with disks of template {self.template}"
        if len(self.nodes) < phase.nodes:
            return f"it takes {phase.nodes} nodes, and there are {len(self.nodes)}"
        return ""


def left_out(names: Collection[str]) -> frozenset[str]:
    """The site's phases to be left out.

    Raises:
        SiteError: one is no phase of burn-in that can be.
    """
    known = [phase.name for phase in PHASES if phase.name not in NEEDED]
    strangers = sorted(set(names) - set(known))
    if strangers:
        raise SiteError(
            f"drills.burnin leaves out {listed(strangers)}; burn-in can leave out {listed(known)}."
        )
    return frozenset(names)


@dataclass(frozen=True, slots=True)
class Line:
    """Something burn-in said: on its output, its error output, or with its exit status."""

    at: float
    kind: Kind
    text: str


def parse_lines(text: str) -> tuple[Line, ...]:
    """Lines as :data:`gntverify.drills.burnin.KEEPER` keeps them.

    Raises:
        ParseError: one has another form, or a status is not the last.
    """
    found = tuple(_line(line) for line in text.split("\n") if line)
    if any(line.kind == "status" for line in found[:-1]):
        raise refuse("burnin", "lines after its exit status")
    return found


def _line(text: str) -> Line:
    data = load_json(text, "burnin")
    if not isinstance(data, list) or len(data) != 3:
        raise refuse("burnin", text)
    line = Line(*checked(tuple[float, Kind, str], data, "burnin"))
    if line.kind == "status" and not re.fullmatch(r"-?[0-9]{1,3}", line.text):
        raise refuse("burnin", text)
    return line


@dataclass(frozen=True, slots=True)
class Played:
    """A phase that burn-in began; times are Unix times of the master.

    Attributes:
        ended: None while it goes on.
        passed: whether burn-in passed it; of no meaning before its end.
        forgiven: what it tried again, and why it gave up.
        errors: of its error output what says something, which a warning of Python may be too.
    """

    name: str
    began: float
    ended: float | None = None
    passed: bool = True
    forgiven: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it took; 0 while it goes on."""
        return 0.0 if self.ended is None else self.ended - self.began


@dataclass(frozen=True, slots=True)
class Progress:
    """How far burn-in has come.

    Attributes:
        phases: that it began, in their order; its own preparation, named ``""``, is the first.
        skipped: name of a phase to burn-in's words on why it does not play it.
        status: its exit status; None while it runs.
    """

    phases: tuple[Played, ...]
    skipped: dict[str, str]
    status: int | None

    def phase(self, name: str) -> Played | None:
        """The phase of that name, if it has begun."""
        return next((one for one in self.phases if one.name == name), None)

    def beyond(self, name: str) -> bool:
        """Whether that phase has ended, or will not be played any more."""
        names = [phase.name for phase in PHASES]
        later = set(names[names.index(name) + 1 :])
        over = self.status is not None or name in self.skipped
        return over or any(
            one.name in later or (one.name == name and one.ended is not None)
            for one in self.phases
        )

    @property
    def last(self) -> str:
        """In which phase it is, or ended, in words."""
        name = self.phases[-1].name if self.phases else ""
        return f"its phase {name!r}" if name else "its preparation"


def progress(lines: Iterable[Line]) -> Progress:
    """What lines say of the phases.

    A phase passed when another began, or burn-in ended with 0, and no error was told meanwhile.
    """
    phases: list[Played] = []
    skipped: dict[str, str] = {}
    status: int | None = None
    failed = False
    for line in lines:
        if not phases:
            phases.append(Played("", line.at))
        now = phases[-1]
        head = line.text.removeprefix("- ") if line.kind == "out" and line.text[:2] == "- " else ""
        if line.kind == "status":
            status = int(line.text)
            passed = status == 0 and now.passed
            phases[-1] = replace(now, ended=now.ended or line.at, passed=passed)
        elif line.kind == "err":
            phases[-1] = replace(now, errors=(*now.errors, *_worth(line.text)))
        elif failed:
            continue  # the log of all jobs so far
        elif head == ERROR:
            failed = True
            phases[-1] = replace(now, ended=line.at, passed=False)
        elif head in _OF:
            _turn(phases, _OF[head], line.at)
        elif found := next((key for key in _SKIPPED if head.startswith(key)), ""):
            skipped[_SKIPPED[found]] = head
        elif head:
            phases[-1] = replace(now, forgiven=(*now.forgiven, head.strip()))
    return Progress(tuple(phases), skipped, status)


def _worth(text: str) -> tuple[str, ...]:
    """Of a traceback its last line counts, which alone is not indented."""
    return () if text[:1] in (" ", "") or text.startswith("Traceback ") else (text,)


def _turn(phases: list[Played], name: str, at: float) -> None:
    if phases[-1].name != name:  # adding and removing disks are one phase of two parts
        phases[-1] = replace(phases[-1], ended=at)
        phases.append(Played(name, at))


# What a job was for stands in its reason. Files of jobs that ended before burn-in began are not
# read: the archive of a cluster is large. What was received before `since` belongs to others.
SCAN = f"""\
import glob, json, os, sys
def jobs(reason, since):
    for path in glob.glob("{QUEUE}/job-*") + glob.glob("{QUEUE}/archive/*/job-*"):
        try:
            if os.path.getmtime(path) < since:
                continue
            with open(path) as file:
                job = json.load(file)
        except FileNotFoundError:
            continue  # archived meanwhile
        trails = [op["input"].get("reason") or [] for op in job["ops"]]
        if any(item[1] == reason for trail in trails for item in trail):
            yield job
"""
_JOBS = (
    SCAN
    + """\
found = {}
for _ in range(2):  # a job that moves to the archive while it is looked for is there then
    for job in jobs(sys.argv[1], float(sys.argv[2])):
        found[job["id"]] = job
print(json.dumps([{
    "id": job["id"],
    "received": job["received_timestamp"][0] + job["received_timestamp"][1] / 1e6,
    "ops": [{
        "name": op["input"].get("OP_ID"), "status": op["status"], "result": op.get("result"),
        "log": [[entry[1][0], entry[3]] for entry in op["log"]],
    } for op in job["ops"]],
} for _, job in sorted(found.items())], default=str))
"""
)


class _Filed(Row):
    id: int
    received: float
    ops: list[dict[str, object]]


@dataclass(frozen=True, slots=True)
class Deed:
    """A job of burn-in's, and the Unix time at which Ganeti received it."""

    received: float
    job: Job


def command(reason: str, since: float) -> list[str]:
    """What prints the jobs of that reason, of files changed since, for :func:`parse_jobs`."""
    return ["python3", "-c", _JOBS, reason, f"{since:.3f}"]


def parse_jobs(text: str) -> tuple[Deed, ...]:
    """Jobs, in the order of their ids; none is a legal answer.

    Raises:
        ParseError: it is no list of jobs.
    """
    filed = checked(list[_Filed], load_json(text, JOBS_TOOL), JOBS_TOOL)
    numbers = [one.id for one in filed]
    if sorted(set(numbers)) != numbers:
        raise ParseError(f"`{JOBS_TOOL}` printed the jobs {listed(numbers)}, not in their order.")
    return tuple(Deed(one.received, parse_job(one.id, json.dumps(one.ops))) for one in filed)


def of_phase(deeds: Sequence[Deed], phase: Played) -> tuple[Job, ...]:
    """The jobs that burn-in submitted in that phase; nothing follows on one that failed.

    A phase is told before its first job is submitted, and the line may reach us a little late.
    """
    followed = phase.ended is not None and phase.passed
    early_s = scaled(EARLY_S)
    end = (phase.ended or 0.0) - early_s if followed else float("inf")
    return tuple(one.job for one in deeds if phase.began - early_s <= one.received < end)
