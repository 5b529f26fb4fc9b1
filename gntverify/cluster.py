"""The cluster as controls read it: nodes with their facts, and what Ganeti says of the whole."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from gntverify.compare import listed
from gntverify.controls import need
from gntverify.drills.record import Told, read_records
from gntverify.errors import NOT_TOLD, CommandFailed, TargetRefused
from gntverify.evidence import fact
from gntverify.facts.machine import MachineFacts
from gntverify.facts.node import SystemFacts
from gntverify.ganeti import images
from gntverify.ganeti.info import Info, read_info
from gntverify.ganeti.instances import Instance, Live, read_instances, read_live
from gntverify.ganeti.memory import Memory, read_rooms
from gntverify.ganeti.node import GanetiFacts
from gntverify.ganeti.nodes import NodeState, read_nodes
from gntverify.ganeti.oses import OsState, read_oses
from gntverify.ganeti.queue import Job, read_drained, read_jobs
from gntverify.ganeti.ssconf import Ssconf, read_ssconf
from gntverify.ganeti.verify import Report, read_report
from gntverify.site import Site
from gntverify.transport.backend import testinfra_host

if TYPE_CHECKING:
    from gntverify.transport.source import Source


class Node(SystemFacts, MachineFacts, GanetiFacts):
    """A member of the cluster that answers.

    Attributes:
        name: its name in Ganeti, an FQDN.
        alias: its name in ``--hosts``.
        short: the name's first label; the whole name where another node has the same label.
        source: where it is asked.
        ssconf: its own copy of what nodes know of their cluster.
    """

    def __init__(self, name: str, alias: str, source: "Source", ssconf: Ssconf) -> None:
        self.name = name
        self.alias = alias
        self.short = name.split(".", 1)[0]
        self.source = source
        self.ssconf = ssconf
        self.is_master = False

    def __repr__(self) -> str:
        return f"<Node {self.name}>"

    @fact
    def host(self) -> Any:  # testinfra ships no types
        """The node as testinfra's host, standing on the same source."""
        return testinfra_host(self.source)

    @property
    def primary_ip(self) -> IPv4Address:
        """Its address as Ganeti knows it."""
        return self.ssconf.primary_ips[self.name]

    @property
    def secondary_ip(self) -> IPv4Address:
        """Its replication address as Ganeti knows it."""
        return self.ssconf.secondary_ips[self.name]


@dataclass(frozen=True)
class Cluster:
    """The nodes that answer, and the master's view.

    Attributes:
        nodes: in Ganeti's order.
        absent: members, and nodes the site names, that are not in this run.
        master: the node that most nodes take for the master.
    """

    nodes: tuple[Node, ...]
    absent: tuple[str, ...]
    master: Node

    @property
    def ssconf(self) -> Ssconf:
        """The master's copy."""
        return self.master.ssconf

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.ssconf.cluster_name

    @property
    def address(self) -> IPv4Address:
        """The cluster address."""
        return self.ssconf.master_ip

    @property
    def candidates(self) -> tuple[Node, ...]:
        """Those of the nodes that may become master; the master is one."""
        return tuple(node for node in self.nodes if node.name in self.ssconf.master_candidates)

    def several(self) -> tuple[Node, ...]:
        """The nodes, two at least, to be compared with each other.

        Raises:
            NotApplicable: the cluster has one node.
            CommandFailed: it has others, and this run sees none of them.
        """
        need(self.ssconf.node_list[1:], "the cluster has one node, and nothing to compare it with")
        if len(self.nodes) == 1:
            raise CommandFailed(
                f"Of the cluster's {len(self.ssconf.node_list)} nodes this run sees "
                f"{self.nodes[0].name!r} only, and there is nothing to compare it with."
            )
        return self.nodes

    @property
    def hosts(self) -> tuple[Node, ...]:
        """Those of the nodes that may have instances (``vm_capable``) and are online."""
        return tuple(node for node in self.nodes if node.name in self.ssconf.instance_nodes)

    @fact
    def instances(self) -> Mapping[str, Instance]:
        """``gnt-instance list`` by name: as they are configured."""
        return read_instances(self.master.source)

    @fact
    def live(self) -> Mapping[str, Live]:
        """``gnt-instance list`` by name: as their nodes see them, which are asked."""
        return read_live(self.master.source)

    def mirrored_on(self, node: str) -> frozenset[str]:
        """Instances that should run and have a DRBD disk on that node."""
        return frozenset(
            name
            for name, state in self.instances.items()
            if (state.template, state.admin_state) == ("drbd", "up") and node in state.nodes
        )

    def placed_on(self, node: str) -> Mapping[str, Instance]:
        """Instances that have that node as primary or secondary."""
        return {name: one for name, one in self.instances.items() if node in one.nodes}

    def primaries(self, node: str, hypervisor: str = "") -> Mapping[str, Instance]:
        """Instances of that node, it being their primary; of one hypervisor, if one is given."""
        return {
            name: one
            for name, one in self.instances.items()
            if one.primary == node and hypervisor in ("", one.hypervisor)
        }

    @fact
    def info(self) -> Info:
        """``gnt-cluster info``."""
        return read_info(self.master.source)

    @fact
    def verify(self) -> Report:
        """``gnt-cluster verify``: asked once a run, it takes its time."""
        return read_report(self.master.source)

    @fact
    def memory(self) -> Memory:
        """What nodes have and instances take; of the nodes live, they are asked."""
        return Memory(read_rooms(self.master.source), self.instances)

    @fact
    def refuses_jobs(self) -> bool:
        """Whether the job queue is drained."""
        return read_drained(self.master.source)

    @fact
    def jobs(self) -> tuple[Job, ...]:
        """Jobs that have not come to their end."""
        return read_jobs(self.master.source)

    @fact
    def drills(self) -> Told:
        """Restore drills so far, as any of the nodes remembers them."""
        return read_records(node.source for node in self.nodes)

    @fact
    def oses(self) -> Mapping[str, OsState]:
        """``gnt-os diagnose``: OS definitions by name, on nodes by name."""
        names = {state.uuid: name for name, state in self.node_list.items()}
        return {
            name: replace(os, nodes={names.get(node, node): on for node, on in os.nodes.items()})
            for name, os in read_oses(self.master.source).items()
        }

    def required_variants(self, site: Site) -> Mapping[str, frozenset[str]]:
        """OS to the variants it must have: the site's; without a site file, all OSes there are."""
        if site.described:
            return {os.name: frozenset(os.variants) for os in site.os}
        return {name: frozenset() for name in self.oses}

    def os_trouble(self, name: str, node: str, variants: frozenset[str]) -> str:
        """Why that OS cannot be used on that node; empty when it can.

        Raises:
            CommandFailed: Ganeti heard nothing of any OS on that node.
        """
        if self.oses and not any(node in os.nodes for os in self.oses.values()):
            raise CommandFailed(f"`gnt-os diagnose` has no word from {node!r}; does noded run?")
        state = self.oses[name].nodes.get(node) if name in self.oses else None
        if state is None or not state.valid:
            return state.reason if state else "not there"
        missing = variants - state.variants
        return f"without the variants {listed(missing)}" if missing else ""

    @property
    def image_instances(self) -> tuple[str, ...]:
        """Instances whose OS is ``image``, in whatever variant."""
        return tuple(
            name for name, one in self.instances.items() if one.os.partition("+")[0] == images.NAME
        )

    def needs_image(self, site: Site) -> bool:
        """Whether an instance, or the site, uses the OS ``image``."""
        return bool(self.image_instances) or images.NAME in (os.name for os in site.os)

    @fact
    def node_list(self) -> Mapping[str, NodeState]:
        """``gnt-node list`` by name."""
        return read_nodes(self.master.source)

    @property
    def certified(self) -> Mapping[str, str]:
        """Node to the client certificate with which it is let in; by UUID what is no node's."""
        names = {state.uuid: name for name, state in self.node_list.items()}
        return {
            names.get(uuid, uuid): digest
            for uuid, digest in self.ssconf.candidate_certificates.items()
        }


def connect(sources: Mapping[str, "Source"], site: Site | None = None) -> Cluster:
    """The cluster to which the hosts belong.

    Args:
        sources: name in ``--hosts`` to where that host is asked; hosts that do not answer are
            left out by the caller.
        site: what is expected; with a site file, its cluster must be this one.

    Raises:
        TargetRefused: the hosts are no target: one is no Ganeti node or not readable, they belong
            to two clusters or to another one than the site's, or the master is not among them.
        Unreachable: a host stopped answering.
    """
    if not sources:
        raise TargetRefused("None of the hosts answers, so there is nothing to verify.")
    copies = {alias: read_ssconf(source, alias) for alias, source in sources.items()}
    _refuse_two_clusters({alias: copy.cluster_name for alias, copy in copies.items()}, site)
    found: dict[str, Node] = {}
    for alias, source in sources.items():
        node = _identified(alias, source, copies[alias])
        if node.name in found:
            raise TargetRefused(
                f"{found[node.name].alias!r} and {alias!r} are the same node {node.name!r}; give "
                "each node once."
            )
        found[node.name] = node
    master = _master(found)
    master.is_master = True
    members = master.ssconf.node_list
    labels = Counter(name.split(".", 1)[0] for name in members)
    for node in found.values():
        if labels[node.short] > 1:
            node.short = node.name
    ordered = sorted(found.values(), key=lambda node: _place(node.name, members))
    expected = [*members, *(node.name for node in (site.nodes if site else []))]
    absent = tuple(dict.fromkeys(name for name in expected if name not in found))
    return Cluster(tuple(ordered), absent, master)


def _refuse_two_clusters(names: Mapping[str, str], site: Site | None) -> None:
    by_cluster: dict[str, list[str]] = {}
    for alias, name in names.items():
        by_cluster.setdefault(name, []).append(alias)
    if len(by_cluster) > 1:
        groups = "; ".join(f"{name!r}: {listed(hosts)}" for name, hosts in by_cluster.items())
        raise TargetRefused(
            f"The hosts belong to {len(by_cluster)} clusters ({groups}). Give --hosts the nodes "
            "of one."
        )
    (name,) = by_cluster
    if site and site.described and site.cluster.name and site.cluster.name != name:
        raise TargetRefused(
            f"The hosts belong to the cluster {name!r}, the site {site.name!r} describes "
            f"{site.cluster.name!r}. Give --hosts or --site of the other."
        )


def _identified(alias: str, source: "Source", ssconf: Ssconf) -> Node:
    """The host as the node whose name it bears, or else whose primary address it has."""
    node = Node("", alias, source, ssconf)
    try:
        own = {address.ip for address in node.addresses}
    except NOT_TOLD:
        own = set()  # the name may still tell; controls on addresses will say what is wrong
    by_address = [name for name, address in ssconf.primary_ips.items() if address in own]
    by_name = [name for name in ssconf.node_list if name == _fqdn(node)]
    name = next(iter(by_name or by_address), "")
    if not name:
        raise TargetRefused(
            f"{alias!r} keeps files of the cluster {ssconf.cluster_name!r} and is none of its "
            f"nodes: it has none of their addresses and none of their names "
            f"({listed(ssconf.node_list)}). Was it removed from the cluster?"
        )
    return Node(name, alias, source, ssconf)


def _fqdn(node: Node) -> str:
    try:
        return node.fqdn
    except NOT_TOLD:
        return ""  # as above: the name is one of two ways


def _master(found: Mapping[str, Node]) -> Node:
    votes = Counter(node.ssconf.master_node for node in found.values())
    most = max(votes.values())
    elected = [name for name, count in votes.items() if count == most]
    # with a tie, a node that takes itself for the master is asked
    present = [name for name in elected if name in found]
    proud = [name for name in present if found[name].ssconf.master_node == name]
    for name in (*proud, *present):
        return found[name]
    raise TargetRefused(
        f"The master {elected[0]!r} is not among the hosts that answered "
        f"({listed([node.alias for node in found.values()])}), and only it knows the cluster. "
        f"Add it: --hosts={','.join([elected[0], *(node.alias for node in found.values())])}"
    )


def _place(name: str, members: tuple[str, ...]) -> tuple[int, str]:
    return (members.index(name) if name in members else len(members), name)
