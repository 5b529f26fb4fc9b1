"""What Ganeti tells of itself: cheap facts from its files, dear ones from its commands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyinfra.api.facts import FactBase

from gntverify.errors import TargetRefused
from gntverify.site import Site
from provision.notes._facts import SSCONF

KEY = "/root/.ssh/id_rsa.pub"
INIT_S = 180
ADD_S = 240
MODIFY_S = 90
START_S = 90
DAEMON_UTIL = "/usr/lib/ganeti/daemon-util"
EVERYWHERE = frozenset({"noded", "confd", "mond"})
ON_MASTER = EVERYWHERE | {"wconfd", "luxid", "rapi"}
"""The daemons that always run, by the node's role; kvmd and metad come and go."""
ALL = ("noded", "confd", "wconfd", "rapi", "luxid", "kvmd", "mond", "metad")


@dataclass(frozen=True)
class Membership:
    """The cluster a node is in, as its own files say; all empty when it is in none."""

    cluster: str = ""
    master: str = ""
    nodes: frozenset[str] = frozenset()


class MembershipFacts(FactBase[Membership]):
    """ssconf files: they are on every node, and reading them needs no daemon."""

    def command(self) -> str:
        """Lines ``cluster``, ``master``, ``node``."""
        return (
            f"if [ -e {SSCONF}_cluster_name ]; then "
            f"echo cluster $(cat {SSCONF}_cluster_name); "
            f"echo master $(cat {SSCONF}_master_node); "
            f"sed 's/^/node /' {SSCONF}_node_list; fi"
        )

    @staticmethod
    def default() -> Membership:
        """In no cluster."""
        return Membership()

    def process(self, output: list[str]) -> Membership:
        """The lines, by their first word."""
        rows = [line.split() for line in output if len(line.split()) == 2]
        words = {row[0]: row[1] for row in rows}
        return Membership(
            words.get("cluster", ""),
            words.get("master", ""),
            frozenset(row[1] for row in rows if row[0] == "node"),
        )


@dataclass(frozen=True)
class RunningDaemon:
    """A daemon's name (``noded``) and its arguments."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Daemons:
    """Ganeti's daemons of a node.

    Attributes:
        running: those that run, with their arguments.
        startable: those that this Ganeti has and starts, in their order.
    """

    running: tuple[RunningDaemon, ...] = ()
    startable: tuple[str, ...] = ()


class DaemonFacts(FactBase[Daemons]):
    """Ganeti's daemons: those that run, and those that daemon-util starts."""

    def command(self) -> str:
        """Lines of a program and its arguments; lines of a name."""
        names = ",".join(f"ganeti-{name}" for name in ALL)
        return (
            f"ps -ww -o comm=,args= -C {names}; "
            f"[ ! -x {DAEMON_UTIL} ] || {DAEMON_UTIL} list-start-daemons"
        )

    @staticmethod
    def default() -> Daemons:
        """None is there."""
        return Daemons()

    def process(self, output: list[str]) -> Daemons:
        """The first word is a daemon; its arguments are what follows its program.

        What ended and was not waited for has no program, only its name in brackets.
        """
        running, startable = [], []
        for program, *words in filter(None, map(str.split, output)):
            name = program.removeprefix("ganeti-")
            at = [i for i, word in enumerate(words) if word.rpartition("/")[2] == program]
            if at:
                running.append(RunningDaemon(name, tuple(words[at[0] + 1 :])))
            elif not words:
                startable.append(name)
        return Daemons(tuple(running), tuple(startable))


def start(name: str) -> str:
    """Shell text that starts a daemon; well when the watcher does so at the same moment.

    Cron runs it every five minutes, on every node; whoever comes second is refused (status 2).
    """
    daemon = f"ganeti-{name}"
    return f"{DAEMON_UTIL} start {daemon} || {{ sleep 3; {DAEMON_UTIL} check {daemon}; }}"


def start_commands(have: Daemons, *, is_master: bool) -> list[str]:
    """What starts the daemons of the node's role that do not run.

    RAPI comes last, and is tried until it stays or the step's limit passes: it may be bound to
    the cluster's address, which luxid brings up some time after its own start.
    """
    running = {daemon.name for daemon in have.running}
    role = ON_MASTER if is_master else EVERYWHERE
    missing = [name for name in have.startable if name in role and name not in running]
    rapi = f"until {DAEMON_UTIL} start ganeti-rapi; do sleep 2; done"
    return [
        *(start(name) for name in missing if name != "rapi"),
        *([rapi] if "rapi" in missing else []),
    ]


class HypervisorParameters(FactBase[dict[str, dict[str, str]]]):
    """Cluster-wide hypervisor parameters, from ``gnt-cluster info``."""

    def command(self) -> str:
        """All it tells; nothing on a node that is in no cluster."""
        return f"[ ! -e {SSCONF}_cluster_name ] || gnt-cluster info"

    @staticmethod
    def default() -> dict[str, dict[str, str]]:
        """There is no cluster."""
        return {}

    def process(self, output: list[str]) -> dict[str, dict[str, str]]:
        """Hypervisor to parameter to value, of the block ``Hypervisor parameters``."""
        return parse_hypervisor_parameters(output)


def parse_hypervisor_parameters(output: Sequence[str]) -> dict[str, dict[str, str]]:
    """The block ``Hypervisor parameters`` of ``gnt-cluster info``; two blanks a level."""
    found: dict[str, dict[str, str]] = {}
    block = hypervisor = ""
    for line in output:
        level = (len(line) - len(line.lstrip(" "))) // 2
        key, _, value = line.strip().partition(":")
        if level == 0:
            block = key
        elif block == "Hypervisor parameters" and level == 1:
            hypervisor = key
            found[hypervisor] = {}
        elif block == "Hypervisor parameters" and level == 2 and hypervisor:
            found[hypervisor][key] = value.strip()
    return found


@dataclass(frozen=True)
class Parameters:
    """Hypervisor parameters as ``-H`` takes them, of one hypervisor."""

    hypervisor: str
    values: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """The word after ``-H``, in which a comma of a value does not end it."""
        pairs = (f"{key}={_escaped(value)}" for key, value in self.values.items())
        return f"{self.hypervisor}:{','.join(pairs)}"


def _escaped(value: str) -> str:
    """As Ganeti's ``UnescapeAndSplit`` reads it."""
    return value.replace("\\", "\\\\").replace(",", "\\,")


def find_master(site: Site, have: Mapping[str, Membership]) -> str:
    """FQDN of the cluster's master, as all its members know it.

    Where no node is in any cluster, it is the site's first: there, and only then, the cluster
    may be initialised.

    Raises:
        TargetRefused: a node is in another cluster, or it cannot be told who the master is.
    """
    for node, membership in have.items():
        refuse_other_cluster(node, membership, site)
    views = {node: membership.master for node, membership in have.items() if membership.cluster}
    if not views:
        return site.nodes[0].name
    if len(set(views.values())) > 1:
        told = ", ".join(f"on {node!r} it is {master!r}" for node, master in views.items())
        raise TargetRefused(
            f"The nodes disagree about the master of {site.cluster.name!r}: {told}. See with "
            f"`gnt-cluster getmaster` and `gnt-cluster redist-conf` to it that they agree."
        )
    master = next(iter(views.values()))
    found = site.node(master)
    if found is None:
        raise TargetRefused(
            f"{next(iter(views))!r} knows {master!r} as the master of {site.cluster.name!r}, and "
            f"the site file has no such node. Add it there, or fail over to a node of the site "
            f"(`gnt-cluster master-failover` on a candidate)."
        )
    if not have[found.name].cluster:
        raise TargetRefused(
            f"{', '.join(map(repr, views))} know {found.name!r} as the master of "
            f"{site.cluster.name!r}, and {found.name!r} itself is in no cluster: was it installed "
            f"anew? Fail over first, with `gnt-cluster master-failover` on a candidate."
        )
    return found.name


def refuse_other_cluster(node: str, have: Membership, site: Site) -> None:
    """Leave a node alone that is in another cluster.

    Raises:
        TargetRefused: it is.
    """
    if have.cluster and have.cluster != site.cluster.name:
        raise TargetRefused(
            f"{node!r} is in cluster {have.cluster!r}, the site's is {site.cluster.name!r}. "
            f"Remove it there (`gnt-node remove`, or `gnt-cluster destroy` on its master), or "
            f"correct cluster.name of the site file."
        )
