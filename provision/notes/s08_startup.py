"""Setting Up Ganeti: startup script and watcher."""

from pyinfra.context import host

from gntverify.errors import TargetRefused
from gntverify.site.model import Node
from provision.notes._facts import FileText, Lines, pairs
from provision.notes._operations import INSTALL_S, commands, deploy, limit, packages
from provision.section import Context, Section, Stage

TITLE = "Setting Up Ganeti, startup script and watcher"
CRON = "cron"
CRON_FILE = "/etc/cron.d/ganeti"
PACKAGED = "*/5 * * * * root [ -x /usr/sbin/ganeti-watcher ] && /usr/sbin/ganeti-watcher\n"
"""The watcher's line as the package ships it, for a node that does not have it yet."""
SERVICES = ("ganeti", "cron")
LOOK = f"for s in {' '.join(SERVICES)}; do echo $s $(systemctl is-enabled $s 2>/dev/null); done"


@deploy(TITLE)
def cron(context: Context, _node: Node) -> None:
    packages(
        [CRON],
        recommends=context.site.packages.recommends,
        name="cron, which starts the watcher, is installed",
        _timeout=limit(INSTALL_S),
    )


@deploy(TITLE)
def startup(_context: Context, node: Node) -> None:
    states = dict(pairs(host.get_fact(Lines, text=LOOK)))
    off = [service for service in SERVICES if states.get(service) != "enabled"]
    commands(
        *([f"systemctl enable --now {' '.join(off)}"] if off else []),
        name="Ganeti and cron start at boot",
        _timeout=limit(90),
    )
    text = host.get_fact(FileText, path=CRON_FILE)
    if states.get("ganeti") and (text is None or "ganeti-watcher" not in text):
        raise TargetRefused(
            f"{TITLE}: on {node.name!r}, {CRON_FILE} does not start the watcher. "
            f"`apt-get install --reinstall -o Dpkg::Options::=--force-confmiss ganeti` "
            f"brings the package's own file back."
        )


SECTION = Section(
    key="startup",
    title=TITLE,
    said="""\
`cp …/doc/examples/ganeti.initd /etc/init.d/ganeti`, `update-rc.d ganeti defaults 20 80`, \
`cp …/doc/examples/ganeti.cron /etc/cron.d/ganeti`""",
    today="""\
Both come with the package; the services are enabled, and a missing watcher is an error, not \
something to write by hand. The watcher runs every five minutes.""",
    differs="The package owns these files and keeps them current.",
    stages=(Stage("all", cron), Stage("all", startup)),
)
