"""``gnt-cluster info``: what the cluster says of itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.shape import number, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

COMMAND = ("gnt-cluster", "info")
TOOL = "gnt-cluster info"
LIMIT_S = 60.0
_LINE = re.compile(r"(?P<indent> *)(?P<key>[^\s:-][^:]*): ?(?P<value>.*)")


@dataclass(frozen=True)
class Info:
    """Three levels of what Ganeti prints: ``("Cluster parameters", "master netdev")`` to value."""

    values: Mapping[tuple[str, ...], str]

    def _value(self, *path: str) -> str:
        if path not in self.values:
            raise ParseError(f"`{TOOL}` does not tell {' / '.join(path)!r}.")
        return self.values[path]

    @property
    def cluster_name(self) -> str:
        """The cluster's name."""
        return self._value("Cluster name")

    @property
    def master_node(self) -> str:
        """The master as its own daemons know it."""
        return self._value("Master node")

    @property
    def master_netdev(self) -> str:
        """The interface that carries the cluster address."""
        return self._value("Cluster parameters", "master netdev")

    @property
    def master_netmask(self) -> str:
        """Length of the cluster address's prefix."""
        return self._value("Cluster parameters", "master netmask")

    @property
    def candidate_pool_size(self) -> int:
        """How many candidates the cluster keeps, if it has as many nodes for it."""
        return number(TOOL, self._value("Cluster parameters", "candidate pool size"))

    @property
    def volume_group(self) -> str:
        """The volume group, or ``"None"`` in a cluster without LVM."""
        return self._value("Cluster parameters", "lvm volume group")

    @property
    def usermode_helper(self) -> str:
        """DRBD's helper as the cluster wants it."""
        return self._value("Cluster parameters", "drbd usermode helper")

    @property
    def nic_mode(self) -> str:
        """How new NICs are connected: ``bridged``, ``routed`` or ``openvswitch``."""
        return self._value("Default nic parameters", "default", "mode")

    @property
    def nic_link(self) -> str:
        """What new NICs are connected to: a bridge, when they are bridged."""
        return self._value("Default nic parameters", "default", "link")

    @property
    def hypervisors(self) -> tuple[str, ...]:
        """Enabled hypervisors."""
        return tuple(self._value("Enabled hypervisors").split(", "))

    def hypervisor_parameter(self, hypervisor: str, name: str) -> str:
        """A parameter that its instances inherit; a truth value as ``true`` or ``false``.

        Raises:
            ParseError: Ganeti does not tell it.
        """
        told = self._value("Hypervisor parameters", hypervisor, name)
        return {"True": "true", "False": "false"}.get(told, told)

    @property
    def os_search_path(self) -> tuple[str, ...]:
        """The directories in which OS definitions are searched, in that order."""
        return tuple(self._value("Cluster parameters", "OS search path").split(", "))

    @property
    def default_hypervisor(self) -> str:
        """The one of them that an instance gets when nothing is said."""
        return self._value("Default hypervisor")

    @property
    def disk_templates(self) -> tuple[str, ...]:
        """Enabled disk templates."""
        return tuple(self._value("Cluster parameters", "enabled disk templates").split(", "))


def parse_info(text: str) -> Info:
    """The first three levels of ``gnt-cluster info``; deeper ones and lists are left out.

    Raises:
        ParseError: a line of these levels is no ``key: value``, or there is no cluster name.
    """
    values: dict[tuple[str, ...], str] = {}
    above: tuple[str, ...] = ()
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        level, odd = divmod(len(line) - len(line.lstrip(" ")), 2)
        if level > 2 or line.lstrip().startswith("- ") or (level == 2 and not found):
            continue
        if not found or odd or level > len(above):
            raise refuse(TOOL, line)
        above = (*above[:level], found["key"])
        values[above] = found["value"].strip()
    if ("Cluster name",) not in values:
        raise refuse(TOOL, text)
    return Info(values)


def read_info(source: "Source") -> Info:
    """What the master's daemons say."""
    return parse_info(source.ask(COMMAND, timeout_s=LIMIT_S).text())
