"""``python -m provision``: the lab, the cluster, and both with their verification."""

import click

from provision.accept import accept
from provision.cluster import cluster
from provision.guest.cli import guest
from provision.lab.cli import lab
from provision.runbook import runbook


@click.group()
def main() -> None:
    """Build Ganeti clusters by the deployment notes, and the lab they can stand on."""


main.add_command(lab)
main.add_command(cluster)
main.add_command(accept)
main.add_command(guest)
main.add_command(runbook)

if __name__ == "__main__":
    main(prog_name="python -m provision")
