"""ssconf: the plain files in which every node keeps what it must know of its cluster."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from gntverify.errors import CommandFailed, ParseError, TargetRefused
from gntverify.facts.shape import cat, checked, number, parse_cat

if TYPE_CHECKING:
    from gntverify.transport.source import Source

DATA_DIR = "/var/lib/ganeti"
PREFIX = f"{DATA_DIR}/ssconf_"
_FORBIDDEN = 13  # EACCES: told apart from "no such directory", which a node may answer

COMMAND = [
    "sh",
    "-c",
    f"d={DATA_DIR}; if [ -d $d ] && ! {{ [ -r $d ] && [ -x $d ]; }}; then "
    f'echo "$d: Permission denied" >&2; exit {_FORBIDDEN}; fi; {cat([PREFIX + "*"])[2]}',
]


@dataclass(frozen=True)
class Ssconf:
    """One node's own copy; each property raises ParseError when its file is not there.

    Attributes:
        values: key (``cluster_name``) to content, without the last newline.
    """

    values: Mapping[str, str]

    @cached_property
    def cluster_name(self) -> str:
        """The cluster's name."""
        return self._word("cluster_name")

    @cached_property
    def master_node(self) -> str:
        """The node that this node takes for the master."""
        return self._word("master_node")

    @cached_property
    def master_ip(self) -> IPv4Address:
        """The cluster address."""
        return checked(IPv4Address, self._word("master_ip"), f"{PREFIX}master_ip")

    @cached_property
    def master_netdev(self) -> str:
        """The interface that carries the cluster address on the master."""
        return self._word("master_netdev")

    @cached_property
    def master_netmask(self) -> int:
        """Length of the cluster address's prefix."""
        return number(f"{PREFIX}master_netmask", self._word("master_netmask"))

    @cached_property
    def release_version(self) -> str:
        """Ganeti's version."""
        return self._word("release_version")

    @cached_property
    def node_list(self) -> tuple[str, ...]:
        """All nodes, in the order of Ganeti."""
        return self._lines("node_list")

    @cached_property
    def online_nodes(self) -> tuple[str, ...]:
        """The nodes that are not marked offline."""
        return self._lines("online_nodes")

    @cached_property
    def instance_nodes(self) -> tuple[str, ...]:
        """The online nodes that may have instances (``vm_capable``)."""
        rows = [line.partition("=") for line in self._lines("node_vm_capable")]
        if any(word not in ("True", "False") for _, _, word in rows):
            raise ParseError(f"{PREFIX}node_vm_capable was expected to hold NODE=True or =False.")
        capable = {name for name, _, word in rows if word == "True"}
        return tuple(name for name in self.online_nodes if name in capable)

    @cached_property
    def ssh_ports(self) -> Mapping[str, int]:
        """Node to the port of its sshd; 22 where none is kept."""
        rows = [line.partition("=") for line in self.values.get("ssh_ports", "").split()]
        ports = {name: number(f"{PREFIX}ssh_ports", port) for name, _, port in rows}
        return dict.fromkeys(self.node_list, 22) | ports

    @cached_property
    def master_candidates(self) -> tuple[str, ...]:
        """The nodes that keep the configuration, the master among them."""
        return self._lines("master_candidates")

    @cached_property
    def candidate_certificates(self) -> Mapping[str, str]:
        """UUID of a candidate to the digest of the client certificate that the nodes let in."""
        key = "master_candidates_certs"
        rows = [line.partition("=") for line in self._lines(key, may_be_empty=True)]
        if not all(uuid and digest for uuid, _, digest in rows):
            raise ParseError(f"{PREFIX}{key} was expected to hold UUID=DIGEST a line.")
        return {uuid: digest.upper() for uuid, _, digest in rows}

    @cached_property
    def hypervisors(self) -> tuple[str, ...]:
        """Enabled hypervisors."""
        return self._lines("hypervisor_list")

    @cached_property
    def instances(self) -> tuple[str, ...]:
        """All instances; there may be none."""
        return self._lines("instance_list", may_be_empty=True)

    @cached_property
    def primary_ips(self) -> Mapping[str, IPv4Address]:
        """Node to its primary address."""
        return self._addresses("node_primary_ips")

    @cached_property
    def secondary_ips(self) -> Mapping[str, IPv4Address]:
        """Node to its secondary (replication) address; often the primary one."""
        return self._addresses("node_secondary_ips")

    @cached_property
    def user_shutdown(self) -> bool:
        """Whether users may shut instances down from inside: then kvmd runs."""
        word = self._word("enabled_user_shutdown")
        if word not in ("True", "False"):
            raise ParseError(f"{PREFIX}enabled_user_shutdown says {word!r}, no truth value.")
        return word == "True"

    def _text(self, key: str) -> str:
        if key not in self.values:
            raise ParseError(f"There is no {PREFIX}{key}, which every Ganeti 3 node keeps.")
        return self.values[key]

    def _word(self, key: str) -> str:
        words = self._text(key).split()
        if len(words) != 1:
            raise ParseError(f"{PREFIX}{key} was expected to hold one word: {words!r}.")
        return words[0]

    def _lines(self, key: str, *, may_be_empty: bool = False) -> tuple[str, ...]:
        lines = tuple(self._text(key).split())
        if not lines and not may_be_empty:
            raise ParseError(f"{PREFIX}{key} is empty.")
        return lines

    def _addresses(self, key: str) -> dict[str, IPv4Address]:
        pairs = [line.split() for line in self._text(key).splitlines()]
        if not pairs or any(len(pair) != 2 for pair in pairs):
            raise ParseError(f"{PREFIX}{key} was expected to hold a name and an address a line.")
        return {name: checked(IPv4Address, address, f"{PREFIX}{key}") for name, address in pairs}


def parse_ssconf(text: str) -> Ssconf | None:
    """What :data:`COMMAND` printed; None when no such file exists: not a Ganeti node.

    Raises:
        ParseError: a line is neither a file's name nor its content.
    """
    files = parse_cat(text)
    if not files:
        return None
    strange = [path for path in files if not path.startswith(PREFIX)]
    if strange:
        raise ParseError(f"Asked for {PREFIX}*, the node answered with {strange[0]!r}.")
    return Ssconf({path.removeprefix(PREFIX): text.rstrip("\n") for path, text in files.items()})


def read_ssconf(source: "Source", alias: str) -> Ssconf:
    """The node's copy.

    Raises:
        TargetRefused: the host is no Ganeti node, or the login may not read what nodes keep.
    """
    answer = source.ask(COMMAND)
    if answer.rc == _FORBIDDEN or "Permission denied" in answer.stderr:
        raise TargetRefused(
            f"On {alias!r}, the login may not read {DATA_DIR}: {_last(answer.stderr)}. Log in as "
            f"root (--hosts=root@{alias}) or add --sudo."
        )
    if answer.rc == 127:
        raise CommandFailed(f"On {alias!r}, there is no shell to ask: {_last(answer.stderr)}.")
    found = parse_ssconf(answer.text())
    if found is None:
        raise TargetRefused(
            f"{alias!r} is no Ganeti node: there is no {PREFIX}*. Give --hosts the nodes of a "
            "cluster, or set the cluster up first."
        )
    return found


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].rstrip(".") if lines else "nothing was said"
