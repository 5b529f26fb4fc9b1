"""The command ``gntverify``: what there is to know without a run, and recordings."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gntverify.catalogue import Listed, load_controls, load_mutants
from gntverify.errors import GntverifyError
from gntverify.evidence import Answer, scrubbed
from gntverify.handbook import documents, load_handbook
from gntverify.run import REFUSED
from gntverify.scan import RUNNER
from gntverify.target import Target, live
from gntverify.transport.replay import Replay
from gntverify.transport.ssh import Options


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """What goes wrong is told in a sentence, with the status of a refused run."""
    try:
        yield
    except GntverifyError as err:
        click.echo(f"gntverify: {err}", err=True)
        sys.exit(REFUSED)


@click.group()
def main() -> None:
    """Verify Ganeti clusters; a run itself is `pytest --hosts=node1,node2`."""


@main.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON list instead of a table.")
def controls(*, as_json: bool) -> None:
    """List every control."""
    with in_one_sentence():
        listed, mutants = load_controls(), load_mutants()
    if as_json:
        rows = [_described(one, mutants.get(one.control.id, [])) for one in listed]
        click.echo(json.dumps(rows, indent=1))
        return
    for one in listed:
        made = one.control
        click.echo(f"{made.id:<5}{made.severity:<10}{made.notes:<10}{made.impact:<12}{made.title}")
    click.echo(f"{len(listed)} controls")


def _described(one: Listed, mutants: list[dict[str, Any]]) -> dict[str, Any]:
    made = one.control
    return {
        "id": made.id,
        "title": made.title,
        "severity": made.severity,
        "notes": made.notes,
        "impact": made.impact,
        "mutants": [mutant["name"] for mutant in mutants],
    }


@main.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
def docs(directory: Path) -> None:
    """Write the generated documents, controls.md and verify-codes.md, into DIRECTORY."""
    with in_one_sentence():
        texts = documents(load_handbook())
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8")
        click.echo(f"written: {directory / name}")


@main.command()
@click.option("--hosts", required=True, help="Nodes to ask, the master among them.")
@click.option("--site", type=click.Path(path_type=Path), help="Site file.")
@click.option("--ssh-config", help="Configuration file for ssh.")
@click.argument("directory", type=click.Path(path_type=Path))
def record(hosts: str, site: Path | None, ssh_config: str | None, directory: Path) -> None:
    """Record every answer that the controls ask for, scrubbed of secrets, into DIRECTORY."""
    with in_one_sentence():
        target = live(hosts.split(","), Options(config=ssh_config), site)
        try:
            for one in load_controls():
                for node, outcome, message in one.judge(target):
                    where = node.short if node else target.cluster.name
                    click.echo(f"{one.control.id} {where}: {outcome} {message}".rstrip())
            _save(target, directory)
        finally:
            target.close()


def _save(target: Target, directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for host, source in target.sources.items():
        answers = [_scrubbed(answer) for answer in source.answers]
        Replay(host, answers).save(directory / f"{host}.jsonl")
    outside = Replay(RUNNER, target.outside.answers)
    outside.save(directory / f"{RUNNER}.jsonl")
    click.echo(f"recorded: {directory}")


def _scrubbed(answer: Answer) -> Answer:
    return replace(answer, stdout=scrubbed(answer.stdout), stderr=scrubbed(answer.stderr))


if __name__ == "__main__":
    main()
