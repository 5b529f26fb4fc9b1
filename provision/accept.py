"""``python -m provision accept``: from nothing to a verified cluster and its report.

Each step is a command that a user could type; it is shown before it runs.
"""

import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from gntverify.errors import SiteError
from gntverify.site import Site, load_site
from provision.lab.node import trouble
from provision.lab.plan import Plan, home_of
from provision.lab.states import PROVISIONED
from provision.options import site_option

INTERRUPTED = 2
REFUSED = 4
DRILLS = "the drills"
DISRUPTIVE = ("-m", "drill", "--allow-disruptive")
DRILLED = (
    "tests/drills/test_lifecycle.py",
    "tests/drills/test_failover.py",
    "tests/drills/test_burnin.py::test_burn_in_passes_with_plain_disks",
)
"""What fits into the time: mirrored burn-in, the crash and the walk are played by themselves."""


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the acceptance run.

    Attributes:
        title: what it does.
        argv: the command, after ``python -m``.
        vital: whether the run ends when it fails; a verdict that no step stands on is not vital.
    """

    title: str
    argv: tuple[str, ...]
    vital: bool = True


def steps_for(site: Site, site_file: Path, lab: str) -> tuple[Step, ...]:
    """What ``make accept`` does, in order."""
    name = ("--name", lab)
    inside = ("provision", "lab", "exec", *name, "--", sys.executable, "-m")
    hosts = ",".join(node.short for node in site.nodes)
    suite = ("pytest", f"--hosts={hosts}", f"--site={site_file}")
    restore = (*DISRUPTIVE, "tests/drills/test_restore.py")
    drills = (*DISRUPTIVE, *DRILLED)
    return (
        Step("the lab", ("provision", "lab", "up", *name, "--site", str(site_file))),
        Step("the cluster", (*inside, "provision", "cluster", "--site", str(site_file))),
        Step("a workload", ("provision", "lab", "workload", *name)),
        # before the snapshot: B05 wants to see that what is protected was restored, and only a lab
        # that is whole is kept
        Step("a restore", (*inside, *suite, *restore)),
        Step("the snapshot", ("provision", "lab", "snapshot", *name, PROVISIONED)),
        Step("the suite", (*inside, *suite), vital=False),
        Step(DRILLS, (*inside, *suite, *drills), vital=False),
    )


def built_by(steps: Sequence[Step]) -> Sequence[Step]:
    """Those steps that make a provisioned lab of one that is up."""
    titles = [step.title for step in steps]
    return steps[1 : titles.index("the snapshot") + 1]


@click.command()
@site_option(" of the lab.")
@click.option("--name", "lab", default="lab", show_default=True, help="Name of the lab.")
@click.option(
    "--drills/--no-drills",
    default=True,
    show_default=True,
    help="Whether life cycle, failover and burn-in are played at the end.",
)
def accept(site_file: Path, lab: str, drills: bool) -> None:
    """Build the notes' cluster on a lab, restore an export, run the whole suite and the drills."""
    try:
        site = load_site(site_file)
    except SiteError as err:
        click.echo(f"accept: {err}", err=True)
        sys.exit(REFUSED)
    steps = [s for s in steps_for(site, site_file, lab) if drills or s.title != DRILLS]
    taken: list[tuple[str, float, int]] = []
    ended: list[int] = []
    for number, step in enumerate(steps, 1):
        status = _run(step, f"{number}/{len(steps)}", taken)
        died = fallen(lab) if step.title == DRILLS and status not in (0, INTERRUPTED) else ""
        if died:
            click.secho(f"\naccept: {died} The drills are played once more.", bold=True)
            reset = ("provision", "lab", "reset", "--name", lab, PROVISIONED)
            _run(Step("the reset", reset), "again", taken)
            status = _run(step, "again", taken)
        ended.append(status)
        if status == INTERRUPTED or (status and step.vital):
            break
    _summary(taken, lab)
    sys.exit(next((status for status in ended if status), 0))


def fallen(lab: str) -> str:
    """What ended a node's kernel, or its QEMU; empty while all of them run.

    Under emulation a node's kernel may die while a guest runs on it (docs/roadmap.md).
    """
    plan = Plan.load(home_of(lab))
    return " ".join(filter(None, (trouble(plan, machine) for machine in plan.machines)))


def _run(step: Step, place: str, taken: list[tuple[str, float, int]]) -> int:
    click.secho(f"\n[{place}] {step.title}: python -m {shlex.join(step.argv)}", bold=True)
    began = time.monotonic()
    status = _status((sys.executable, "-m", *step.argv))
    taken.append((step.title, time.monotonic() - began, status))
    return status


def _status(argv: Sequence[str]) -> int:
    """Exit status of a child that shares our terminal; Ctrl-C reaches it as it reaches us."""
    # No limit of our own: every one of these commands has its own deadlines.
    child = subprocess.Popen(argv)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue  # it ends as it sees fit, and says so by its status


def _summary(taken: Sequence[tuple[str, float, int]], lab: str) -> None:
    click.secho("\naccept: time by step", bold=True)
    for title, seconds, status in taken:
        ended = "" if status == 0 else f"  ended with status {status}"
        click.echo(f"  {title:<16} {seconds:7.1f} s{ended}")
    click.echo(f"  {'total':<16} {sum(seconds for _, seconds, _ in taken):7.1f} s")
    click.echo(
        f"The lab stays up: `python -m provision lab ssh --name {lab} node1` looks around, "
        f"`python -m provision lab down --name {lab}` ends it."
    )
