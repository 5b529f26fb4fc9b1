"""``python -m provision lab``: the lab on the command line."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gntverify.site import load_site
from provision.lab import lab as labs
from provision.lab import namespace
from provision.lab.plan import Plan, home_of
from provision.lab.progress import Progress
from provision.lab.sentence import in_one_sentence
from provision.lab.snapshot import place, snapshots
from provision.lab.ssh import login, shell_text, to_node
from provision.lab.states import PROVISIONED, publish
from provision.lab.watch import watched
from provision.lab.workload import ensure_workload
from provision.options import site_option

NOT_UP = 3

named: Callable[[Callable[..., Any]], Callable[..., Any]] = click.option(
    "--name", default="lab", show_default=True, help="Name of the lab."
)


def _plan_of(name: str) -> Plan:
    """The plan of a lab; from now on, limits are scaled as its machines need it."""
    plan = Plan.load(home_of(name))
    os.environ.update(labs.environment(plan))
    return plan


@click.group()
def lab() -> None:
    """QEMU nodes on networks of their own, to build and verify clusters on."""


@lab.command()
@named
@site_option(": it names the nodes and the networks.")
@click.option("--baked", is_flag=True, help="Nodes with Ganeti's packages preinstalled (faster).")
@click.option("--fresh", is_flag=True, help="Ignore a cached provisioned state.")
def up(name: str, site_file: Path, *, baked: bool, fresh: bool) -> None:
    """Bring a lab up and wait until every node takes logins."""
    with in_one_sentence(), labs.locked(name) as progress:
        plan = labs.up(name, site_file, baked=baked, fresh=fresh, progress=progress)
        progress.note(f"{name!r} is up: {', '.join(m.short for m in plan.machines)}")


@lab.command()
@named
def status(name: str) -> None:
    """Show the nodes and the snapshots; status 3 when the lab is not up."""
    with in_one_sentence():
        init = namespace.find_init(home_of(name))
        if init is None:
            click.echo(f"lab: {name!r} is not up.")
            sys.exit(NOT_UP)
        plan = _plan_of(name)
        states = _states(plan, init)
        click.echo(f"{'node':<10}{'state':<12}{'public':<16}{'private':<16}")
        for machine in plan.machines:
            state = states.get(machine.short, "gone")
            click.echo(f"{machine.short:<10}{state:<12}{machine.address:<16}{machine.private:<16}")
        click.echo(f"snapshots: {', '.join(snapshots(plan)) or 'none'}")


def _states(plan: Plan, init: int) -> dict[str, str]:
    argv = [sys.executable, "-m", "provision.lab.inside", plan.home, "states"]
    done = subprocess.run(
        namespace.enter(init, argv), capture_output=True, text=True, timeout=60, check=True
    )
    return dict(line.split("\t", 1) for line in done.stdout.splitlines())


def _execute(plan: Plan, argv: list[str]) -> None:
    init = labs.init_of(plan)
    with watched(plan):
        status = namespace.run_inside(init, argv, labs.environment(plan))
    sys.exit(status)


@lab.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@named
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec(name: str, command: tuple[str, ...]) -> None:  # noqa: A001 - the command's name
    """Run a command on the lab's networks: `lab exec -- pytest --hosts=node1,node2`.

    Its ssh reads your own ~/.ssh/config first, as everywhere; the lab's hosts come after that.
    """
    with in_one_sentence():
        _execute(_plan_of(name), list(command))


@lab.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@named
@click.argument("node_name", metavar="NODE")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def ssh(name: str, node_name: str, command: tuple[str, ...]) -> None:
    """Log in to a node, or run a command there (one word: as its shell reads it)."""
    with in_one_sentence():
        plan = _plan_of(name)
        machine = plan.machine(node_name)
        _execute(plan, [*login(plan, machine.short), *shell_text(command)])


@lab.command()
@named
@click.argument("snapshot")
def snapshot(name: str, snapshot: str) -> None:
    """Freeze the whole lab under a name; `provisioned` is also kept for the next `lab up`."""
    with in_one_sentence(), labs.locked(name) as progress:
        plan = _plan_of(name)
        init = labs.init_of(plan)
        to_keep = snapshot == PROVISIONED
        if to_keep and plan.source:
            progress.note("this lab came from the provisioned state; it is kept already")
            return
        if not (place(plan, snapshot).exists() and to_keep):
            labs.inside(plan, init, "snapshot", snapshot)
        if to_keep:
            publish(plan, progress)


@lab.command()
@named
@click.argument("snapshot")
def reset(name: str, snapshot: str) -> None:
    """Put the whole lab back to a snapshot; what happened since is gone."""
    with in_one_sentence(), labs.locked(name):
        plan = _plan_of(name)
        from_cache = snapshot == PROVISIONED and plan.source
        source = Path(plan.source) if from_cache else place(plan, snapshot)
        labs.inside(plan, labs.init_of(plan), "reset", str(source))


@lab.command()
@named
@click.argument("node_name", metavar="[NODE]", required=False)
def logs(name: str, node_name: str | None) -> None:
    """Show a node's serial console, or the supervisor's log."""
    with in_one_sentence():
        plan = _plan_of(name)
        if node_name:
            path = plan.path("nodes", plan.machine(node_name).short, "serial.log")
        else:
            path = plan.path("supervisor.log")
        click.echo(path.read_text(errors="replace"), nl=False)


@lab.command()
@named
def workload(name: str) -> None:
    """Put two small instances, an export and a RAPI user on the cluster: what controls look at."""
    with in_one_sentence():
        plan = _plan_of(name)
        init = labs.init_of(plan)

        def on_node(node: str, argv: Any, *, timeout_s: float) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                namespace.enter(init, [*to_node(plan, node), shlex.join(argv)]),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )

        with Progress("lab").step("two instances, an export, a RAPI user"), watched(plan):
            made = ensure_workload(load_site(Path(plan.site_file)), on_node)
        click.echo("lab: they were made." if made else "lab: they are there already.")


@lab.command()
@named
def down(name: str) -> None:
    """End the lab and remove all of it; the cache stays."""
    with in_one_sentence(), labs.locked(name):
        home = home_of(name)
        was_up = namespace.end(home)
        existed = home.exists()
        shutil.rmtree(home, ignore_errors=True)
        click.echo(
            f"lab: {name!r} is down." if was_up or existed else f"lab: {name!r} was not up."
        )
