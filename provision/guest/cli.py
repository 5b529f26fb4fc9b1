"""``python -m provision guest``: the package of the probe guest."""

from pathlib import Path

import click

from gntverify.errors import GntverifyError
from provision.guest.package import build


@click.group()
def guest() -> None:
    """The probe guest, for clusters that this project did not build."""


@guest.command("build")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
def build_package(directory: Path) -> None:
    """Make the Debian package of the OS definition in DIRECTORY, and print its path."""
    try:
        click.echo(build(directory))
    except GntverifyError as err:
        raise click.ClickException(str(err)) from None
