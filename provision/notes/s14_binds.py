"""What About Security?: the addresses that the daemons listen on."""

from pyinfra.context import host

from gntverify.site.model import Bind, Node
from provision.notes._facts import FileText
from provision.notes._ganeti import DAEMON_UTIL, DaemonFacts, RunningDaemon
from provision.notes._operations import commands, deploy, limit, text_file
from provision.notes._texts import ANY, with_daemon_arguments, with_rapi_address
from provision.notes.s08_startup import CRON_FILE, PACKAGED
from provision.section import Context, Section, Stage

TITLE = "What About Security?"
FILE = "/etc/default/ganeti"
DAEMONS = ("noded", "confd", "rapi", "mond")


def binds(context: Context, node: Node) -> dict[str, str]:
    """Daemon to the address it listens on, on this node."""
    where: dict[Bind, str] = {
        "private": str(node.private),
        "cluster": context.cluster_address,
        "loopback": "127.0.0.1",
        "any": ANY,
    }
    return {name: where[getattr(context.site.daemons, name)] for name in DAEMONS}


@deploy(TITLE)
def arguments(context: Context, node: Node) -> None:
    want = binds(context, node)
    text_file(
        FILE,
        with_daemon_arguments(host.get_fact(FileText, path=FILE) or "", want),
        name=f"{FILE} names the addresses the daemons listen on",
    )
    text_file(
        CRON_FILE,
        with_rapi_address(host.get_fact(FileText, path=CRON_FILE) or PACKAGED, want["rapi"]),
        name="The watcher asks RAPI where it listens",
    )
    commands(
        *restarts(want, host.get_fact(DaemonFacts)),
        name="The running daemons listen there",
        _timeout=limit(120),
    )


def restarts(want: dict[str, str], running: tuple[RunningDaemon, ...]) -> list[str]:
    """What restarts the daemons that were started with another address."""
    wrong = [
        daemon.name
        for daemon in running
        if daemon.name in want and bound(daemon.arguments) != want[daemon.name]
    ]
    return [
        f"{DAEMON_UTIL} stop ganeti-{name}; {DAEMON_UTIL} start ganeti-{name}"
        for name in sorted(set(wrong))
    ]


def bound(words: tuple[str, ...]) -> str:
    """The address in a daemon's arguments."""
    address = ANY
    for position, word in enumerate(words):
        if word in ("-b", "--bind"):
            address = "".join(words[position + 1 : position + 2])
        elif word.startswith("--bind="):
            address = word.removeprefix("--bind=")
    return address


SECTION = Section(
    key="binds",
    title=TITLE,
    said="""\
In `/etc/default/ganeti` of all nodes `RAPI_ARGS="-b 192.168.1.1"`, `NODED_ARGS="-b \
192.168.0.1"`, `CONFD_ARGS="-b 192.168.0.1"`.""",
    today="""\
The same addresses, and `MOND_ARGS` too, on all nodes; only `-b` is set, every other argument \
stays. The watcher's line in `/etc/cron.d/ganeti` gets `--rapi-ip`. Daemons that were started \
with another address are restarted, one by one.""",
    differs="""\
The notes' line for RAPI, taken by the letter, would drop Debian's `--require-authentication` \
and open RAPI to anonymous readers; the watcher would restart RAPI every five minutes, because \
it asks 127.0.0.1 (#1170). It comes after `gnt-cluster init`, because only then the cluster \
address is up; after a boot of the master RAPI starts with the watcher's first round. mond did \
not exist then; it answers everybody without authentication.""",
    stages=(Stage("all", arguments),),
)
