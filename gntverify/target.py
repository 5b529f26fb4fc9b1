"""What a run is aimed at: live hosts, or the recording of some."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from testinfra.backend.base import BaseBackend

from gntverify import scan
from gntverify.cluster import Cluster, connect
from gntverify.errors import TargetRefused, Unreachable
from gntverify.evidence import Answer
from gntverify.site import Site, default_site, load_site
from gntverify.site.observed import complete
from gntverify.transport import learned
from gntverify.transport.backend import SourceBackend, register
from gntverify.transport.fleet import Fleet
from gntverify.transport.replay import Replay
from gntverify.transport.session import Session
from gntverify.transport.ssh import Options


@dataclass
class Target:
    """The hosts of a run and what they turned out to be.

    Attributes:
        hosts: as asked for.
        sources: those that answer.
        unreachable: why the others do not; a host lost in the middle joins them.
        cluster: what the hosts belong to.
        site: what is expected of it.
        site_file: where that stands; None without one.
        outside: what nmap sees, once it is asked.
        close: let go of the hosts.
    """

    hosts: Sequence[str]
    sources: Mapping[str, Session | Replay]
    unreachable: dict[str, Unreachable]
    cluster: Cluster
    site: Site
    site_file: Path | None
    outside: scan.Outside
    close: Callable[[], None]

    @property
    def left_out(self) -> list[str]:
        """Online members, and nodes of the site, that nobody asked for in ``hosts``."""
        ssconf = self.cluster.ssconf
        offline = set(ssconf.node_list) - set(ssconf.online_nodes)
        asked = {BaseBackend.parse_hostspec(host).name for host in self.unreachable}
        return [
            name
            for name in self.cluster.absent
            if name not in offline
            and asked.isdisjoint(
                {name, name.split(".", 1)[0], str(ssconf.primary_ips.get(name, name))}
            )
        ]

    @property
    def answers(self) -> list[Answer]:
        """Every answer so far: the hosts' and nmap's."""
        of_hosts = [answer for source in self.sources.values() for answer in source.answers]
        return [*of_hosts, *self.outside.answers]


def live(
    hosts: Sequence[str],
    options: Options,
    site_file: Path | None,
    selection: str = "",
    *,
    ahead: bool = True,
) -> Target:
    """Reach the hosts, and begin to ask what they were asked last time for this selection.

    Args:
        hosts: as asked for.
        options: how they are reached.
        site_file: what is expected.
        selection: names what of the suites is judged; each is learned for itself.
        ahead: whether to ask what was learned; not when nothing will be judged.

    Raises:
        SiteError, TargetRefused: the site file is wrong, or the hosts are no target.
    """
    expected = load_site(site_file) if site_file else default_site()
    fleet = Fleet(hosts, options)
    try:
        _open(fleet)
        cluster, site = _found(fleet, expected)
        outside = scan.outside_of(cluster, site, scan.Nmap(), raw=os.geteuid() == 0)
        fleet.prefetch(learned.recall(hosts, selection) if ahead else {})
    except Exception:
        _let_go(fleet)
        raise
    register(fleet.sources)

    def close() -> None:
        outside.close()
        if ahead:
            learned.keep(hosts, fleet.asked(), selection)
        _let_go(fleet)

    there = fleet.sources, fleet.unreachable
    return Target(hosts, *there, cluster, site, site_file, outside, close)


def _let_go(fleet: Fleet) -> None:
    SourceBackend.live = {}
    fleet.close()


def _open(fleet: Fleet) -> None:
    """Reach the hosts as root: to others a node tells too little, and does not say so."""
    fleet.open()
    others = [host for host, session in fleet.sources.items() if session.uid != 0]
    if others:
        raise TargetRefused(
            f"The login on {', '.join(map(repr, others))} is not root's, and much of a node is "
            f"told to root only. Log in as root (--hosts=root@{others[0]}) or add --sudo."
        )


def _found(fleet: Fleet, expected: Site) -> tuple[Cluster, Site]:
    """The cluster behind the hosts that answer; one that is lost meanwhile is left out."""
    while fleet.sources:
        try:
            cluster = connect(fleet.sources, expected if expected.described else None)
            return cluster, complete(expected, cluster)
        except Unreachable as lost:
            fleet.unreachable[lost.host] = lost
            del fleet.sources[lost.host]
    reasons = " ".join(str(problem) for problem in fleet.unreachable.values())
    raise TargetRefused(f"None of the hosts can be asked. {reasons}")


def recorded(directory: Path, site_file: Path | None) -> Target:
    """The hosts as they were when they were recorded: ``HOST.jsonl``, and ``outside.jsonl``.

    Raises:
        SiteError: the site file is wrong.
        TargetRefused: there is no recording, or it is none of a cluster.
        ParseError: a file is no recording.
    """
    expected = load_site(site_file) if site_file else default_site()
    found = {path.stem: Replay.load(path) for path in sorted(directory.glob("*.jsonl"))}
    scanner = found.pop(scan.RUNNER, Replay(scan.RUNNER, []))
    if not found:
        raise TargetRefused(f"There is no recording in {str(directory)!r}.")
    cluster = connect(found, expected if expected.described else None)
    site = complete(expected, cluster)
    raw = any("-sU" in answer.argv for answer in scanner.answers)
    outside = scan.outside_of(cluster, site, scanner, raw=raw)
    return Target(list(found), found, {}, cluster, site, site_file, outside, lambda: None)
