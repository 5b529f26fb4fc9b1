"""What Ganeti tells of itself: cheap facts from its files, dear ones from its commands."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyinfra.api.facts import FactBase

from gntverify.errors import TargetRefused

if TYPE_CHECKING:
    from provision.section import Context

SSCONF = "/var/lib/ganeti/ssconf"
KEY = "/root/.ssh/id_rsa.pub"
INIT_S = 180
ADD_S = 240
MODIFY_S = 90
DAEMON_UTIL = "/usr/lib/ganeti/daemon-util"


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


class DaemonFacts(FactBase[tuple[RunningDaemon, ...]]):
    """Ganeti's daemons that run, with their arguments."""

    def command(self) -> str:
        """Lines of arguments."""
        return "ps -eo args= | grep -E '(^|[ /])ganeti-[a-z]+d?( |$)' | grep -v grep || true"

    @staticmethod
    def default() -> tuple[RunningDaemon, ...]:
        """None runs."""
        return ()

    def process(self, output: list[str]) -> tuple[RunningDaemon, ...]:
        """The first word that is a daemon, and the words after it."""
        found = []
        for line in output:
            words = line.split()
            for position, word in enumerate(words[:3]):
                base = word.rpartition("/")[2]
                if base.startswith("ganeti-"):
                    name = base.removeprefix("ganeti-")
                    found.append(RunningDaemon(name, tuple(words[position + 1 :])))
                    break
        return tuple(found)


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
        """The word after ``-H``."""
        pairs = ",".join(f"{key}={value}" for key, value in self.values.items())
        return f"{self.hypervisor}:{pairs}"


def refuse_other_cluster(node: str, have: Membership, context: "Context") -> None:
    """Leave a node alone that is in another cluster.

    Raises:
        TargetRefused: it is.
    """
    if have.cluster and have.cluster != context.cluster_name:
        raise TargetRefused(
            f"Startup of the Cluster: {node!r} is in cluster {have.cluster!r}, the site's is "
            f"{context.cluster_name!r}. Remove it there (`gnt-node remove`, or `gnt-cluster "
            f"destroy` on its master), or correct cluster.name of the site file."
        )
