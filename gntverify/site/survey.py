"""A first site file: what a live cluster says of itself, and what is left to a person.

Nothing is judged here. What differs between nodes, or could not be told, is a TODO; what differs
from the profile is written as it is, beside the profile's word, for somebody to want it so.
"""

import os
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gntverify.compare import listed, odd_ones_out
from gntverify.errors import NOT_TOLD, ParseError, SiteError
from gntverify.facts.sysctl import persisted
from gntverify.facts.system import locale_key, zone_key
from gntverify.ganeti.defaults import ANY
from gntverify.site.load import read_profile
from gntverify.site.model import BUILT_IN, PROBE, UNDECIDED, Site
from gntverify.site.observed import complete
from gntverify.site.schema import FILE
from gntverify.site.write import Keys, Line, at, possible, refused

if TYPE_CHECKING:
    from gntverify.cluster import Cluster, Node
    from gntverify.facts.drbd import Module
    from gntverify.facts.network import Link, Route

Reader = Callable[["Node"], Hashable]
MOST_REASON = 160


def survey(profile: Site, cluster: "Cluster") -> list[Line]:
    """The lines of a site file for that cluster, on top of an undescribed profile.

    Raises:
        SiteError: what the cluster says contradicts itself, so that no site can say it.
        Unreachable: a node was lost.
    """
    made = _Survey(complete(profile, cluster), cluster)
    for part in (_names, _nodes, _public, _private, _storage, _cluster, _hypervisors, _daemons):
        part(made)
    for part in (_time, _oses, _drbd, _sysctl, _packages, _security, _instances):
        part(made)
    lines = possible(made.lines) if refused(made.lines) else made.lines
    wrong = refused(lines)
    if wrong:
        raise SiteError(f"What the cluster says of itself makes no site: {wrong}")
    return lines


def head(path: Path, cluster: "Cluster") -> list[str]:
    """What a site file begins with: its schema for editors, and how it came about."""
    without = f" Not asked, and so not in what follows: {listed(cluster.absent)}."
    return [
        f":schema {os.path.relpath(FILE, path.absolute().parent)}",
        "",
        f" The cluster {cluster.name} as it said of itself. What differs from the profile has",
        " the profile's word beside it: correct the cluster or keep the line, but decide. What",
        " could not be determined is marked TODO. What is not here is the profile's.",
        *([without] if cluster.absent else []),
    ]


class _Survey:
    """The lines so far, and how they come about."""

    def __init__(self, site: Site, cluster: "Cluster") -> None:
        self.site = site
        self.cluster = cluster
        self.lines: list[Line] = []
        self._profile = read_profile(site.profile, "--profile")

    def said(self, *path: str) -> Any:
        """What the profile says there."""
        return at(self._profile, path)

    def say(self, path: Keys, value: Any, *, always: bool = True) -> None:
        """Write a key; one that the profile has as well only if it differs or ``always``.

        None says that there is nothing to be written.
        """
        if value is None:
            return
        expected = at(self._profile, path)
        if value != expected and expected is not None:
            shown = listed(expected) if isinstance(expected, list) else expected
            self.lines.append(Line(path, value, f"profile {self.site.profile!r}: {shown}"))
        elif always or expected is None:
            self.lines.append(Line(path, value))

    def todo(self, path: Keys, reason: object, value: Any = "") -> None:
        """Leave a key to a person."""
        said = str(reason)
        short = said if len(said) <= MOST_REASON else f"{said[:MOST_REASON]} …"
        self.lines.append(Line(path, value, short, todo=True))

    def leave(self, path: tuple[str, ...]) -> None:
        """Leave a key to a person because no node is asked for it."""
        self.todo(path, "nobody looked; the profile's word is in force", self.said(*path))

    def ask(self, path: Keys, read: Callable[[], Any], *, always: bool = True) -> None:
        """Write what ``read`` returns."""
        try:
            value = read()
        except NOT_TOLD as err:
            expected = at(self._profile, path)
            self.todo(path, err, "" if expected is None else expected)
        else:
            self.say(path, value, always=always)

    def agree(self, path: Keys, read: Reader, *, always: bool = True) -> None:
        """Write what ``read`` returns of every node, if that is the same."""
        self.ask(path, lambda: self.agreed(read), always=always)

    def agreed(self, read: Reader) -> Any:
        """What ``read`` returns of every node.

        Raises:
            ParseError: the nodes differ.
        """
        have = {node.short: read(node) for node in self.cluster.nodes}
        odd = odd_ones_out(have)
        if odd:
            raise ParseError(f"the nodes differ: {odd}")
        value = have[self.cluster.master.short]
        return list(value) if isinstance(value, tuple) else value


def _names(made: _Survey) -> None:
    made.say(("name",), made.cluster.name.split(".", 1)[0])
    made.lines.append(Line(("profile",), made.site.profile))


def _nodes(made: _Survey) -> None:
    for number, node in enumerate(made.site.nodes):
        made.say(("nodes", number, "name"), node.name)
        made.say(("nodes", number, "private"), str(node.private))
        if node.public:
            made.say(("nodes", number, "public"), str(node.public))
        else:
            made.todo(("nodes", number, "public"), "no address of its own besides Ganeti's found")


def _public(made: _Survey) -> None:
    own = ("network", "public")
    made.agree((*own, "interface"), lambda node: _way_out(made, node).link)
    made.agree((*own, "gateway"), lambda node: str(_way_out(made, node).gateway))
    made.agree((*own, "network"), lambda node: _network(node, _way_out(made, node).link))


def _way_out(made: _Survey, node: "Node") -> "Route":
    routes = [r for r in node.default_routes if r.link and r.gateway]
    if len(routes) != 1 or routes[0].link == made.cluster.ssconf.master_netdev:
        raise ParseError(f"{node.name} has no one default route besides the private network")
    return routes[0]


def _network(node: "Node", link: str | None) -> str:
    networks = {a.network for a in node.addresses if a.link == link and a.network.prefixlen < 32}
    if len(networks) != 1:
        raise ParseError(f"{node.name} has {len(networks)} networks on {link}")
    return str(networks.pop())


def _private(made: _Survey) -> None:
    own = ("network", "private")
    mode, bridge = made.site.network.private.mode, made.site.network.private.bridge
    made.say((*own, "mode"), mode)
    made.say((*own, "bridge"), bridge)
    made.agree((*own, "network"), lambda node: _network(node, bridge))
    if mode != "bridged":
        return
    made.agree((*own, "interface"), lambda node: _bare(_port(node, bridge)))
    made.agree((*own, "vlan"), lambda node: _port(node, bridge).vlan)
    made.agree((*own, "port_name"), lambda node: _unusual(_port(node, bridge)), always=False)
    made.agree((*own, "stp"), lambda node: _link(node, bridge).stp)
    made.agree((*own, "forward_delay_s"), lambda node: _link(node, bridge).forward_delay_s)


def _link(node: "Node", name: str) -> "Link":
    if name not in node.links:
        raise ParseError(f"{node.name} has no {name}")
    return node.links[name]


def _port(node: "Node", bridge: str) -> "Link":
    ports = node.ports_of(bridge)
    if len(ports) != 1:
        raise ParseError(f"{node.name}: {bridge} has {len(ports)} ports of its own")
    return ports[0]


def _bare(port: "Link") -> str:
    """The interface under the tagged one; without a tag the port itself."""
    return port.parent or port.name


def _unusual(port: "Link") -> str | None:
    """The port's name, where it is not the one that INTERFACE and VLAN give it."""
    usual = f"{port.parent}.{port.vlan}" if port.vlan else _bare(port)
    return None if port.name == usual else port.name


def _storage(made: _Survey) -> None:
    group = made.site.storage.volume_group
    made.say(("storage", "volume_group"), group)
    made.agree(
        ("storage", "physical_volumes"),
        lambda node: tuple(
            sorted(v.device for v in node.physical_volumes if v.group == group and not v.missing)
        ),
    )
    made.agree(("storage", "swaps"), lambda node: tuple(sorted(s.device for s in node.swaps)))
    made.agree(("storage", "root", "device"), lambda node: node.root.source)
    made.agree(("storage", "root", "fstype"), lambda node: node.root.fstype)
    wanted = made.said("storage", "root", "options")
    made.agree(
        ("storage", "root", "options"),
        lambda node: tuple(
            option for option in wanted if option in node.root.options & node.fstab_root_options
        ),
        always=False,
    )


def _cluster(made: _Survey) -> None:
    info = made.cluster
    made.say(("cluster", "name"), info.name)
    made.say(("cluster", "address"), str(info.address))
    made.ask(("cluster", "hypervisors"), lambda: list(info.info.hypervisors))
    made.ask(("cluster", "disk_templates"), lambda: list(info.info.disk_templates))
    made.ask(("cluster", "candidate_pool_size"), lambda: info.info.candidate_pool_size)


def _hypervisors(made: _Survey) -> None:
    """The parameters that the profile names: of the others nobody said anything."""
    for hypervisor, wanted in made.said("cluster", "hypervisor_parameters").items():
        for key in wanted:
            path = ("cluster", "hypervisor_parameters", hypervisor, key)
            made.ask(path, partial(_parameter, made, hypervisor, key), always=False)


def _parameter(made: _Survey, hypervisor: str, key: str) -> str:
    return made.cluster.info.hypervisor_parameter(hypervisor, key)


def _daemons(made: _Survey) -> None:
    for daemon in made.said("daemons"):
        made.agree(("daemons", daemon), partial(_word, made, daemon))


def _word(made: _Survey, daemon: str, node: "Node") -> str:
    """What the site calls the address that a daemon has in the node's file."""
    bind = node.defaults.bind(daemon)
    words = {
        ANY: "any",
        str(node.primary_ip): "private",
        str(made.cluster.address): "cluster",
    }
    if bind.startswith("127."):
        return "loopback"
    if bind not in words:
        raise ParseError(f"on {node.name}, {daemon} is bound to {bind}, which has no word here")
    return words[bind]


def _time(made: _Survey) -> None:
    made.agree(("time", "locale"), lambda node: _locale(node, made.said("time", "locale")))
    made.agree(("time", "timezone"), lambda node: zone_key(node.clock.timezone))
    made.leave(("time", "servers"))


def _locale(node: "Node", wanted: str) -> str:
    if locale_key(wanted) not in node.locales:
        raise ParseError(f"{node.name} has no {wanted}, but {listed(node.locales)}")
    return wanted


def _oses(made: _Survey) -> None:
    try:
        oses = made.cluster.oses
    except NOT_TOLD as err:
        made.todo(("os",), err, [])
        return
    found = [(name, *_os(made, name)) for name in sorted(oses)]
    if not any(package for _, _, package in found):
        made.lines.append(Line(("os",), [], "goes when one is named below"))
    for number, (name, variants, package) in enumerate(found):
        own, todo = ("os", number), not package
        why = "not on every node, or no Debian package brought it" if todo else ""
        made.lines.append(Line((*own, "name"), name, todo=todo))
        made.lines.append(Line((*own, "variants"), variants, todo=todo))
        source = BUILT_IN if package == PROBE else f"package:{package or 'NAME'}"
        made.lines.append(Line((*own, "source"), source, why, todo=todo))


def _os(made: _Survey, name: str) -> tuple[list[str], str]:
    """The variants that are everywhere, and the package; empty where it is not one package's."""
    states = made.cluster.oses[name].nodes
    nodes = made.cluster.ssconf.instance_nodes
    there = [states[node] for node in nodes if node in states and states[node].valid]
    if not there or len(there) < len(nodes):
        return [], ""
    paths = {state.path for state in there}
    try:
        package = made.agreed(lambda node: "".join(node.owners(sorted(paths)).values()))
    except NOT_TOLD:
        package = ""
    return sorted(frozenset.intersection(*(state.variants for state in there))), package


def _drbd(made: _Survey) -> None:
    with suppress(*NOT_TOLD):  # where nobody tells whether DRBD is used, the modules are asked
        if not made.site.cluster.mirrors:
            return
    own, helper = "drbd", "usermode_helper"
    made.agree((own, "minor_count"), lambda node: _module(node).number("minor_count"))
    made.agree((own, helper), lambda node: _module(node).parameter(helper))


def _module(node: "Node") -> "Module":
    if node.drbd_module is None:
        raise ParseError(f"on {node.name} the module is not loaded")
    return node.drbd_module


def _sysctl(made: _Survey) -> None:
    for key in made.site.sysctl:
        made.agree(("sysctl", key), partial(_decided, made, key), always=False)


def _decided(made: _Survey, key: str, node: "Node") -> int | str:
    """The value in force; of one that is not the profile's, only where a file sets it at boot."""
    have = node.parameter(key, among=tuple(made.site.sysctl))
    if have == made.said("sysctl", key) or persisted(node.sysctl_files, key):
        return have
    return UNDECIDED


def _packages(made: _Survey) -> None:
    for part in ("network", "ganeti"):
        wanted = made.said("packages", part)
        made.ask(("packages", part), partial(_installed, made, wanted), always=False)


def _installed(made: _Survey, names: Sequence[str]) -> list[str]:
    """Those of the packages that every node has."""
    return [name for name in names if all(name in node.packages for node in made.cluster.nodes)]


def _security(made: _Survey) -> None:
    made.ask(("security", "rapi_write_users"), lambda: _writers(made), always=False)
    made.leave(("security", "public_tcp_ports"))
    made.leave(("kvm", "wrapper"))


def _writers(made: _Survey) -> list[str]:
    files = [node.rapi_users for node in made.cluster.nodes]
    return sorted({name for users in files if users for name in users.writers})


def _instances(made: _Survey) -> None:
    """Every instance: whether it has a mirror, its links, and what it has of its own."""
    try:
        found = made.cluster.instances
    except NOT_TOLD as err:
        made.todo(("instances",), err, [])
        return
    for number, (name, one) in enumerate(sorted(found.items())):
        own = ("instances", number)
        single = "one copy of its disks: if the node is lost, so are they"
        made.say((*own, "name"), name)
        if one.mirrored or one.has_one_copy:
            remark = "" if one.mirrored else single
            made.lines.append(Line((*own, "redundant"), one.mirrored, remark))
        made.say((*own, "links"), [nic.link for nic in one.nics])
        wanted = made.said("cluster", "hypervisor_parameters", one.hypervisor) or {}
        for key in sorted(wanted.keys() & one.parameters.keys()):
            with suppress(ParseError):
                common = _parameter(made, one.hypervisor, key)
                if one.parameter(key) != common:
                    made.say((*own, "hypervisor_parameters", key), one.parameter(key))
