"""Setting Up Ganeti: Ganeti itself."""

from pyinfra.context import host

from gntverify.site.model import Node
from provision.notes._facts import Lines
from provision.notes._operations import INSTALL_S, commands, deploy, limit, packages
from provision.section import Context, Section, Stage

TITLE = "Setting Up Ganeti, Ganeti itself"
OS_DIRECTORY = "/srv/ganeti/os"


@deploy(TITLE)
def ganeti(context: Context, _node: Node) -> None:
    packages(
        ["ganeti"],
        recommends=context.site.packages.recommends,
        name="Ganeti is installed",
        _timeout=limit(INSTALL_S),
    )
    there = host.get_fact(Lines, text=f"[ ! -d {OS_DIRECTORY} ] || echo there")
    commands(*([] if there else [f"mkdir -p {OS_DIRECTORY}"]), name=f"{OS_DIRECTORY} is there")


SECTION = Section(
    key="ganeti",
    title=TITLE,
    said="""\
`wget http://ganeti.googlecode.com/files/ganeti-2.4.2.tar.gz`, `./configure --localstatedir=/var \
--sysconfdir=/etc`, `make`, `make install`, `mkdir /srv/ganeti/ /srv/ganeti/os \
/srv/ganeti/export`""",
    today="The Debian package `ganeti`, and the directory for OS definitions of one's own.",
    differs="""\
Ganeti is packaged, with its users, modes and log rotation; the address of the source is gone. \
Exports lie in `/var/lib/ganeti/export` today, which the package makes.""",
    stages=(Stage("all", ganeti),),
)
