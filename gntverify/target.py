"""What a run is aimed at: live hosts, or the recording of some."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
    def answers(self) -> list[Answer]:
        """Every answer so far: the hosts' and nmap's."""
        of_hosts = [answer for source in self.sources.values() for answer in source.answers]
        return [*of_hosts, *self.outside.answers]


def live(
    hosts: Sequence[str], options: Options, site_file: Path | None, selection: str = ""
) -> Target:
    """Reach the hosts, and begin to ask what they were asked last time for this selection.

    Raises:
        SiteError: the site file is wrong; no host has been troubled.
        TargetRefused: no host answers, or those that do are no target.
    """
    expected = load_site(site_file) if site_file else default_site()
    fleet = Fleet(hosts, options)
    fleet.open()
    try:
        if not fleet.sources:
            reasons = " ".join(str(problem) for problem in fleet.unreachable.values())
            raise TargetRefused(f"None of the hosts can be asked. {reasons}")
        fleet.prefetch(learned.recall(hosts, selection))
        cluster = connect(fleet.sources, expected if expected.described else None)
        site = complete(expected, cluster)
    except Exception:
        fleet.close()
        raise
    register()
    SourceBackend.live = fleet.sources

    def close() -> None:
        learned.keep(hosts, fleet.asked(), selection)
        SourceBackend.live = {}
        fleet.close()

    outside = scan.outside_of(cluster, site, scan.Nmap(), raw=os.geteuid() == 0)
    return Target(
        hosts, fleet.sources, fleet.unreachable, cluster, site, site_file, outside, close
    )


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
