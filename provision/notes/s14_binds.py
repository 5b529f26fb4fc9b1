"""What About Security?: the addresses that the daemons listen on."""

from pyinfra.context import host

from gntverify.site.model import Bind, Node
from provision.notes._facts import FileText, Lines
from provision.notes._ganeti import (
    DAEMON_UTIL,
    EVERYWHERE,
    ON_MASTER,
    START_S,
    DaemonFacts,
    Daemons,
    MembershipFacts,
    RunningDaemon,
    start,
    start_commands,
)
from provision.notes._operations import commands, deploy, limit, text_file
from provision.notes._texts import (
    ANY,
    daemon_words,
    rapi_option,
    with_daemon_arguments,
    with_rapi_address,
)
from provision.notes.s08_startup import CRON_FILE, PACKAGED
from provision.notes.s12_init import INIT
from provision.notes.s13_nodes import add_command
from provision.section import Context, Section, Stage

TITLE = "What About Security?"
FILE = "/etc/default/ganeti"
DEFAULTS = """\
# Default arguments for Ganeti daemons
NODED_ARGS=""
RAPI_ARGS="-b 127.0.0.1 --require-authentication"
CONFD_ARGS=""
MOND_ARGS=""
WCONFD_ARGS=""
LUXID_ARGS=""
KVMD_ARGS=""
"""
"""The file as the package ships it, for a node that does not have it yet."""
RUNS = "/var/lib/ganeti/watcher.*.data"
"""One a group of nodes; written at the end of a run that went well."""
WATCHER_S = 330  # a turn of cron, and half a minute
STARTED_BY_ADD = frozenset({"noded", "mond"})
DAEMONS = ("noded", "confd", "rapi", "mond", "metad")


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
    before = host.get_fact(FileText, path=FILE) or DEFAULTS
    text = with_daemon_arguments(before, want)
    text_file(FILE, text, name=f"{FILE} names the addresses the daemons listen on")
    text_file(
        CRON_FILE,
        with_rapi_address(host.get_fact(FileText, path=CRON_FILE) or PACKAGED, want["rapi"]),
        name="The watcher asks RAPI where it listens",
    )
    planned = started(context, node, before)
    member = planned or host.get_fact(MembershipFacts).cluster
    have = planned or host.get_fact(DaemonFacts)
    commands(
        *restarts(text, want, have.running),
        name="The running daemons listen there",
        _timeout=limit(120),
    )
    commands(
        *(start_commands(have, is_master=node.name == context.master) if member else []),
        name="The daemons of the node's role run",
        _timeout=limit(START_S),
    )


@deploy(TITLE)
def watcher(context: Context, node: Node) -> None:
    ran = host.get_fact(Lines, text=f"ls {RUNS} 2>/dev/null || true")
    first = f"/usr/sbin/ganeti-watcher{rapi_option(binds(context, node)['rapi'])}"
    # cron's own run may hold the lock; whichever comes to its end is good
    commands(
        *([] if ran else [f"{first}; until ls {RUNS}; do sleep 2; done"]),
        name="The watcher came to its end once",
        _timeout=limit(WATCHER_S),
    )


def started(context: Context, node: Node, text: str) -> Daemons | None:
    """In a dry run that would make the node a member: the daemons that would run by then."""
    if context.plans(INIT, node.name):
        names = ON_MASTER
    elif context.plans(f"{add_command(node)} "):
        names = STARTED_BY_ADD
    else:
        return None
    running = (RunningDaemon(name, daemon_words(text, name) or ()) for name in sorted(names))
    return Daemons(tuple(running), tuple(sorted(EVERYWHERE | names)))


def restarts(text: str, want: dict[str, str], running: tuple[RunningDaemon, ...]) -> list[str]:
    """What restarts the daemons that were started otherwise than the file now has it."""
    wrong = {
        daemon.name
        for daemon in running
        if daemon.name in want and not _as_in_file(daemon, text, want[daemon.name])
    }
    return [f"{DAEMON_UTIL} stop ganeti-{name}; {start(name)}" for name in sorted(wrong)]


def _as_in_file(daemon: RunningDaemon, text: str, address: str) -> bool:
    """All arguments are compared; where only a shell can tell them, the address alone."""
    words = daemon_words(text, daemon.name)
    return bound(daemon.arguments) == address if words is None else daemon.arguments == words


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
The same addresses, and `MOND_ARGS` and `METAD_ARGS` too, on all nodes; only `-b` is set, every \
other argument stays. The watcher's line in `/etc/cron.d/ganeti` gets `--rapi-ip`. Daemons that \
were started with other arguments are restarted, one by one; those that should run and do not are \
started. Where the watcher never came to its end, it runs once: whoever verifies the new cluster \
need not wait for cron.""",
    differs="""\
The notes' line for RAPI, taken by the letter, would drop Debian's `--require-authentication` \
and open RAPI to anonymous readers; the watcher would restart RAPI every five minutes, because \
it asks 127.0.0.1 (#1170). It comes after `gnt-cluster init`, because only then the cluster \
address is up. luxid brings that up, after RAPI was started: `gnt-cluster master-failover` ends \
there with status 1, and after a boot of the master RAPI comes with the watcher's first round, \
unless the site has `net.ipv4.ip_nonlocal_bind = 1`, as the lab's have. mond and metad did not \
exist then: mond answers everybody without authentication, and metad is started by the first \
instance of a node, on port 80 of all addresses unless it is told otherwise.""",
    stages=(Stage("all", arguments), Stage("master", watcher)),
)
