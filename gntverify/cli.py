"""The command ``gntverify``: what there is to know without a run, and recordings."""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from gntverify.catalogue import load_controls, load_rows
from gntverify.drills.reap import reap_all
from gntverify.errors import GntverifyError, SiteError
from gntverify.evidence import Answer, scrubbed
from gntverify.handbook import documents, load_handbook
from gntverify.run import REFUSED
from gntverify.scan import RUNNER
from gntverify.site import default_site, load_site
from gntverify.site.differences import disagreements, shown_key
from gntverify.site.schema import schema_text
from gntverify.site.survey import head, survey
from gntverify.site.write import text_of
from gntverify.target import Target, live
from gntverify.transport.replay import Replay
from gntverify.transport.ssh import Options

Command = TypeVar("Command", bound=Callable[..., None])


def reaching_hosts(command: Command) -> Command:
    """The options of a command that asks hosts: which ones, and how they are reached."""
    for option in (
        click.option("--sudo", is_flag=True, help="Become root on the hosts by sudo."),
        click.option("--ssh-identity-file", "identity", help="Key for ssh."),
        click.option("--ssh-config", "config", help="Configuration file for ssh."),
        click.option("--hosts", required=True, help="All nodes, the master among them."),
    ):
        command = option(command)
    return command


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
        rows = [row.as_json() for row in load_rows()]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        columns = (("id", 5), ("severity", 10), ("notes", 10), ("impact", 12), ("proven", 10))
        words = "".join(f"{row[key] or '-':<{width}}" for key, width in columns)
        click.echo(f"{words}{row['title']}")
    proven = Counter(row["proven"] for row in rows)
    click.echo(
        f"{len(rows)} controls: {proven['live']} seen red on a live cluster, "
        f"{proven['recorded']} on a recording only"
    )


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
@reaching_hosts
@click.option("--site", type=click.Path(path_type=Path), help="Site file.")
@click.argument("directory", type=click.Path(path_type=Path))
def record(hosts: str, site: Path | None, directory: Path, **how: Any) -> None:
    """Record every answer that the controls ask for, scrubbed of secrets, into DIRECTORY."""
    with in_one_sentence():
        # not ahead: what an older gntverify asked for has no place in a recording
        target = live(hosts.split(","), Options(**how), site, ahead=False)
        try:
            survey(default_site(), target.cluster)
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


@main.command()
@reaching_hosts
@click.option("--dry", is_flag=True, help="Say what would be done, and do nothing.")
def reap(hosts: str, *, dry: bool, **how: Any) -> None:
    """Undo what a killed run of drills has left; touch nothing that is not its own.

    Status 0: nothing is left; 1: something could not be undone, or --dry found something.
    """
    with in_one_sentence():
        target = live(hosts.split(","), Options(**how), None, "reap", ahead=False)
        try:
            left = reap_all(target, click.echo, dry=dry)
        finally:
            target.close()
    for sentence in left:
        click.echo(sentence, err=not dry)
    sys.exit(1 if left else 0)


@main.group()
def site() -> None:
    """Site files: what is expected of a cluster."""


@site.command()
@reaching_hosts
@click.option("--profile", default="notes", show_default=True, help="What it inherits.")
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.argument("file", type=click.Path(path_type=Path), required=False)
def init(hosts: str, profile: str, file: Path | None, *, force: bool, **how: Any) -> None:
    """Write a first site FILE (default: CLUSTER.toml) from what a live cluster says of itself.

    Nothing is changed on the hosts. What could not be determined stands there as a comment
    marked TODO.
    """
    with in_one_sentence():
        base = default_site(profile)
        _refuse_to_overwrite(file, force=force)
        target = live(hosts.split(","), Options(**how), None, "site init")
        try:
            lines = survey(base, target.cluster)
        finally:
            target.close()
        path = file or Path(f"{target.cluster.name.split('.', 1)[0]}.toml")
        _refuse_to_overwrite(path, force=force)
        _write(path, text_of(lines, head(path, target.cluster)))
    click.echo(f"written: {path}")
    for line in lines:
        if line.todo and line.remark:
            click.echo(f"TODO {shown_key(line.path)}: {line.remark}")


def _refuse_to_overwrite(path: Path | None, *, force: bool) -> None:
    if path and path.exists() and not force:
        raise SiteError(f"{str(path)!r} exists; name another file, or add --force.")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as err:
        raise SiteError(f"{str(path)!r} cannot be written: {err.strerror}.") from err


@site.command()
def schema() -> None:
    """Print the JSON Schema of a site file, for editors."""
    click.echo(schema_text(), nl=False)


@site.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
def diff(file: Path | None) -> None:
    """List the keys on which the profiles disagree, and what FILE says there."""
    with in_one_sentence():
        for one in disagreements(load_site(file) if file else default_site()):
            click.echo(str(one))


if __name__ == "__main__":
    main()
