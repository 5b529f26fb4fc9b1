"""``python -m reports RUN_DIR``: render a run again."""

import sys
from pathlib import Path

import click

from gntverify.errors import GntverifyError
from reports.html import render


@click.command()
@click.argument("run_dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(run_dir: Path) -> None:
    """Render the report of the run in RUN_DIR again, and tell where it lies."""
    try:
        click.echo(render(run_dir))
    except GntverifyError as err:
        click.echo(f"reports: {err}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="python -m reports")
