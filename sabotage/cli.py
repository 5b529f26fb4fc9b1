"""The command line of the campaign: which faults, on which lab, within what time."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from gntverify.catalogue import SABOTAGES, SEEN, load_controls
from gntverify.errors import GntverifyError
from gntverify.run import FAILED, INTERRUPTED, PASSED, REFUSED
from gntverify.site import Site, load_site
from provision.accept import built_by, steps_for
from provision.lab import lab as labs
from provision.lab.plan import Plan, home_of
from provision.lab.progress import Progress
from provision.lab.snapshot import snapshots
from provision.lab.states import PROVISIONED
from sabotage.campaign import Campaign
from sabotage.fault import Fault, check_faults, load_faults
from sabotage.marks import Expectation
from sabotage.packing import Round, packed
from sabotage.record import kept, remember, summary, table
from sabotage.stage import LabStage, interruptible

ROOT = Path(__file__).parents[1]
OUT = ROOT / "reports" / "out"
CODES = SEEN.with_name("codes.json")


@click.command()
@click.option("--name", default="lab", show_default=True, help="Name of the lab.")
@click.option(
    "--site",
    "site_file",
    default=ROOT / "sites" / "lab.toml",
    type=click.Path(path_type=Path),
    help="Site file of the lab  [default: sites/lab.toml]",
)
@click.option("--only", help="Controls whose faults are played, e.g. W08,K02.")
@click.option("--list", "listing", is_flag=True, help="Show the rounds, and break nothing.")
@click.option("--keep-going", is_flag=True, help="Go on after a round that was not as declared.")
@click.option("--limit-min", default=60.0, show_default=True, help="Longest time, in minutes.")
def main(
    name: str,
    site_file: Path,
    only: str | None,
    limit_min: float,
    *,
    listing: bool,
    keep_going: bool,
) -> None:
    """Break the lab in every declared way, and see exactly the declared controls turn red."""
    try:
        with interruptible():
            site = load_site(site_file)
            every, expected = _loaded(site)
            faults = _chosen(every, only)
            rounds = packed(faults, expected)
            if listing:
                _show(rounds)
                return
            plan = _lab(name, site, site_file)
            sys.exit(_play(plan, site, rounds, expected, every, limit_min * 60, keep_going))
    except KeyboardInterrupt:
        click.echo("sabotage: interrupted.", err=True)
        sys.exit(INTERRUPTED)
    except (GntverifyError, subprocess.SubprocessError) as err:
        click.echo(f"sabotage: {err}", err=True)
        sys.exit(REFUSED)


def _loaded(site: Site) -> tuple[list[Fault], dict[Fault, Expectation]]:
    """All faults, and what each must turn."""
    per_node = {one.control.id: "node" in one.parameters for one in load_controls()}
    faults = load_faults(SABOTAGES)
    check_faults(faults, per_node, [node.short for node in site.nodes])
    return faults, {fault: Expectation(fault, per_node) for fault in faults}


def _chosen(faults: list[Fault], only: str | None) -> list[Fault]:
    if only is None:
        return faults
    wanted = set(only.split(","))
    chosen = [fault for fault in faults if fault.control in wanted or fault.name in wanted]
    if not chosen:
        raise click.BadParameter("no fault is of these controls", param_hint="--only")
    return chosen


def _show(rounds: Sequence[Round]) -> None:
    for number, group in enumerate(rounds, 1):
        ends = "  (ended by a reset)" if any(fault.by_reset for fault in group) else ""
        click.echo(f"round {number}{ends}")
        for fault in group:
            beside = f"; also {', '.join(fault.also)}" if fault.also else ""
            codes = f"; codes {', '.join(fault.codes)}" if fault.codes else ""
            click.echo(f"  {fault}{beside}{codes}")
    faults = [fault for group in rounds for fault in group]
    controls = {fault.control for fault in faults}
    codes_told = {code.split()[0] for fault in faults for code in fault.codes}
    click.echo(
        f"{len(faults)} faults of {len(controls)} controls, {len(codes_told)} codes of verify, in "
        f"{len(rounds)} rounds"
    )


def _lab(name: str, site: Site, site_file: Path) -> Plan:
    """The lab, up and provisioned: from the cache, or built as `make accept` does."""
    up, *rest = steps_for(site, site_file, name)
    _command(up.argv)
    plan = Plan.load(home_of(name))
    os.environ.update(labs.environment(plan))  # from now on, limits are its machines'
    if not plan.source and PROVISIONED not in snapshots(plan):
        for step in built_by((up, *rest)):
            _command(step.argv)
    return plan


def _command(argv: Sequence[str]) -> None:
    click.echo(f"sabotage: python -m {shlex.join(argv)}")
    subprocess.run([sys.executable, "-m", *argv], cwd=ROOT, check=True)


def _play(
    plan: Plan,
    site: Site,
    rounds: Sequence[Round],
    expected: dict[Fault, Expectation],
    every: Sequence[Fault],
    limit_s: float,
    keep_going: bool,
) -> int:
    """The exit status of the campaign; its result is written whatever happens."""
    runs, result = OUT / "sabotage", OUT / "sabotage.json"
    shutil.rmtree(runs, ignore_errors=True)
    progress = Progress("sabotage")
    campaign = Campaign(
        stage=LabStage(plan, site, runs, progress),
        rounds=rounds,
        expected=expected,
        progress=progress,
        keep=lambda entries: kept(result, entries),
        limit_s=limit_s,
        keep_going=keep_going,
    )
    try:
        campaign.run()
    finally:
        for line in table(campaign.entries):
            click.echo(line)
        click.echo(summary(campaign.entries))
        for fault in campaign.left_out:
            click.echo(f"not played: {fault}")
        date = datetime.now(UTC).date().isoformat()
        remember(
            SEEN, CODES, campaign.entries, every, date
        )  # what is proven is, whatever ended it
    whole = not campaign.left_out and all(entry.proven for entry in campaign.entries)
    return PASSED if whole else FAILED
