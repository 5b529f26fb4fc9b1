"""``python -m provision cluster``: a Ganeti cluster by the deployment notes."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click
import gevent
from pyinfra.api.exceptions import ConnectError, PyinfraError

from gntverify.errors import GntverifyError, SiteError, TargetRefused, Unreachable
from gntverify.site import Site, load_site
from provision.connector import OpenSshConnector, remove_directory, socket_directory
from provision.engine import Outcome, be_quiet, run_section
from provision.inventory import check_site, make_inventory, new_state
from provision.notes import SECTIONS
from provision.notes._ganeti import Membership, MembershipFacts, find_master
from provision.options import site_option
from provision.section import Context, Section

REFUSED = 4
FAILED = 1
KEYS = [section.key for section in SECTIONS]
HEARTBEAT_S = 20.0


@click.command()
@site_option(": nodes, networks, storage, packages, cluster.")
@click.option("--dry", is_flag=True, help="Show what would change on each node; change nothing.")
@click.option(
    "--ssh-config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Configuration file for ssh, instead of the user's own.",
)
@click.option("--from", "first", type=click.Choice(KEYS), help="Begin with this section.")
@click.option("--only", type=click.Choice(KEYS), multiple=True, help="Only this section.")
def cluster(
    site_file: Path, *, dry: bool, ssh_config: Path | None, first: str | None, only: Sequence[str]
) -> None:
    """Build the cluster of a site by the deployment notes, section by section.

    A second run changes nothing; after a failure, a new run goes on from there.
    """
    try:
        site = load_site(site_file)
        check_site(site, site_file)
    except SiteError as err:
        click.echo(f"cluster: {err}", err=True)
        sys.exit(REFUSED)
    be_quiet()
    sections = _chosen(first, only)
    begun = False
    try:
        with _connected(site, ssh_config) as context:
            begun = True
            _run(sections, context, dry=dry)
    except SiteError as err:
        click.echo(f"cluster: {err}", err=True)
        sys.exit(REFUSED)
    except GntverifyError as err:
        click.secho(f"cluster: {err}", err=True, fg="red")
        if begun:
            click.echo("cluster: a new run goes on from there; what was done stays.", err=True)
        refused = isinstance(err, TargetRefused) and not begun
        sys.exit(REFUSED if refused else FAILED)


def _chosen(first: str | None, only: Sequence[str]) -> list[Section]:
    start = KEYS.index(first) if first else 0
    return [s for s in SECTIONS[start:] if not only or s.key in only]


@contextmanager
def _connected(site: Site, ssh_config: Path | None) -> Iterator[Context]:
    """The site's nodes, connected; the master is the cluster's, or else the first node.

    Raises:
        Unreachable: a node could not be reached; the message names it.
        TargetRefused: the nodes are in another cluster, or not of one mind about theirs.
    """
    directory = socket_directory()
    inventory = make_inventory(
        site, OpenSshConnector, ssh_config=ssh_config, ssh_directory=directory
    )
    new_state(inventory)
    try:
        greenlets = {
            host.name: gevent.spawn(host.connect, show_errors=False, raise_exceptions=True)
            for host in inventory
        }
        gevent.joinall(list(greenlets.values()))
        for name, greenlet in greenlets.items():
            if isinstance(greenlet.exception, ConnectError):
                raise Unreachable(name, str(greenlet.exception.args[0]))
            greenlet.get()
        context = Context(site, inventory, site.nodes[0].name)
        yield Context(site, inventory, find_master(site, _memberships(context)))
    finally:
        for host in inventory:
            if host.connected:
                host.disconnect()
        remove_directory(directory)


def _memberships(context: Context) -> dict[str, Membership]:
    """Node to the cluster it is in, of all nodes: asked before anything is changed."""
    new_state(context.inventory)
    found = {}
    for node in context.site.nodes:
        try:
            found[node.name] = context.ask(node.name, MembershipFacts)
        except PyinfraError as err:
            raise Unreachable(
                node.name, f"Host {node.name!r} did not answer a first question."
            ) from err
    return found


def _run(sections: Sequence[Section], context: Context, *, dry: bool) -> None:
    names = ", ".join(node.short for node in context.site.nodes)
    click.echo(f"cluster: {context.cluster_name} on {names}; master {context.master}")
    taken: list[tuple[str, float, Outcome]] = []
    try:
        for number, section in enumerate(sections, 1):
            click.secho(f"[{number}/{len(sections)}] {section.title}", bold=True)
            began = time.monotonic()
            with _heartbeat() as tell:
                outcome = run_section(section, context, dry=dry, tell=tell)
            taken.append((section.title, time.monotonic() - began, outcome))
            _tell_outcome(outcome, taken[-1][1], dry=dry)
    finally:
        _table(taken, dry=dry)


class _Tell:
    """Keeps what runs where, for the lines that show that something still does."""

    def __init__(self) -> None:
        self.running: dict[str, str] = {}

    def __call__(self, node: str, step: str, begins: bool) -> None:
        if begins:
            self.running[node] = step
        else:
            self.running.pop(node, None)


@contextmanager
def _heartbeat() -> Iterator[_Tell]:
    tell = _Tell()
    began = time.monotonic()

    def beat() -> None:
        while True:
            gevent.sleep(HEARTBEAT_S)
            steps = sorted(set(tell.running.values()))
            where = ", ".join(sorted(node.split(".", 1)[0] for node in tell.running))
            if steps:
                click.echo(f"      {time.monotonic() - began:5.0f} s  {where}: {steps[0]}")

    greenlet = gevent.spawn(beat)
    try:
        yield tell
    finally:
        greenlet.kill()


def _tell_outcome(outcome: Outcome, seconds: float, *, dry: bool) -> None:
    verb = "would change" if dry else "changed"
    for node, count in outcome.operations.items():
        short = node.split(".", 1)[0]
        changed = outcome.changed(node)
        if count:
            click.echo(f"      {short}: {count} operations, {changed} {verb}")
        for change in outcome.changes:
            if change.node == node:
                click.echo(f"        {change.step.partition(': ')[2]}")
                for line in "\n".join(change.commands).splitlines():
                    click.echo(f"          {line}".rstrip())
    click.echo(f"      {seconds:.1f} s")


def _table(taken: Sequence[tuple[str, float, Outcome]], *, dry: bool) -> None:
    if not taken:
        return
    verb = "would change" if dry else "changed"
    click.secho("cluster: time by section", bold=True)
    for title, seconds, outcome in taken:
        click.echo(f"  {title:<50} {seconds:7.1f} s  {len(outcome.changes):3d} {verb}")
    operations = sum(sum(o.operations.values()) for _, _, o in taken)
    changed = sum(len(outcome.changes) for _, _, outcome in taken)
    click.echo(f"  {'total':<50} {sum(seconds for _, seconds, _ in taken):7.1f} s")
    click.echo(f"cluster: {operations} operations, {changed} {verb}")
