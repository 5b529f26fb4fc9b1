"""One run: its folder, its verdicts, and how it ended."""

import hashlib
import json
import platform
import subprocess
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib import metadata
from pathlib import Path

from gntverify.cluster import Cluster
from gntverify.errors import ParseError, Unreachable
from gntverify.evidence import Evidence
from gntverify.site.differences import disagreements
from gntverify.target import Target
from gntverify.verdicts import Outcome, Verdict
from gntverify.waivers import Judged, Settled, Waivers, today

PASSED, FAILED, INTERRUPTED, INTERNAL, REFUSED, NOTHING, UNKNOWN = range(7)
"""Exit statuses, a promise: see docs/exit-codes.md."""

CALM: tuple[Outcome, ...] = ("pass", "waived", "not-applicable")
GIT_LIMIT_S = 5


@dataclass
class Run:
    """A run and its folder.

    Attributes:
        directory: ``<out>/<time>-<site>/``.
        verdicts: in the order they fell.
        began: Unix time; its day decides which waivers are over.
        report: what a person should open, once it is rendered.
        selection: what of the suites was asked for, in the command line's words; empty for all.
        everything: whether all suites were collected, whatever was selected of them.
        collected: id of each test that could judge something, to its control's.
        selected: ids of the tests that were to judge something; ``spared`` are those of a host
            that was lost.
        settled: what became of each waiver; known at the end.
    """

    target: Target
    directory: Path
    verdicts: list[Verdict] = field(default_factory=list)
    began: float = field(default_factory=time.time)
    internal_error: bool = False
    report: Path | None = None
    selection: str = ""
    everything: bool = True
    collected: dict[str, str] = field(default_factory=dict)
    selected: set[str] = field(default_factory=set)
    spared: set[str] = field(default_factory=set)
    settled: list[Settled] = field(default_factory=list)

    @cached_property
    def waivers(self) -> Waivers:
        """The site's waivers on the day of the run."""
        return Waivers(self.target.site.waivers, today(self.began))

    def open(self) -> None:
        """Make the folder, and tell of the hosts that are not there.

        Raises:
            OSError: the folder cannot be made.
        """
        self.directory.mkdir(parents=True)
        self._evidence = Evidence(self.directory / "evidence")
        (self.directory / "verdicts.jsonl").touch()
        for host, problem in self.target.unreachable.items():
            self.event(host, str(problem))
        for name in self.target.left_out:
            self.event(
                name,
                f"{name!r} belongs to the cluster and is not in --hosts; nobody looked at it, and "
                "what is said of the cluster is said of the other nodes only.",
                fix="Add it to --hosts.",
            )

    def add(self, verdict: Verdict) -> None:
        """Write a verdict to the stream, and the answers that have come meanwhile."""
        self.verdicts.append(verdict)
        with (self.directory / "verdicts.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(verdict.as_line() + "\n")
        self.keep_evidence()

    def event(self, host: str, message: str, fix: str = "") -> None:
        """Something that is no control's: a host that is not there, once."""
        event = Verdict(
            control="",
            node=host,
            outcome="unknown",
            message=message,
            title="The host can be asked",
            why="What cannot be asked cannot be judged.",
            fix=fix or "Bring the host back, or take it out of --hosts.",
            severity="critical",
            notes="",
            impact="passive",
            test=f"hosts::{host}",
            seconds=0.0,
        )
        self.add(event)

    def settle_waivers(self) -> None:
        """Tell of every waiver that excuses nothing, once all controls have been judged."""
        cluster = self.target.cluster
        judged = Judged(
            nodes=[*(node.name for node in cluster.nodes), *cluster.absent],
            verdicts=list(self.verdicts),
            known=set(self.collected.values()) if self._knows_all else None,
            partly=self._partly_judged,
        )
        self.settled = self.waivers.settled(judged)
        for one in self.settled:
            if one.message:
                self.add(one.as_verdict())

    @property
    def _knows_all(self) -> bool:
        return self.everything and not self.internal_error

    @property
    def _partly_judged(self) -> set[str]:
        """Controls that were not judged everywhere; all, when that cannot be known."""
        if self.target.unreachable or self.target.left_out or not self._knows_all:
            return set(self.collected.values())
        judged = {verdict.test for verdict in self.verdicts}
        return {control for test, control in self.collected.items() if test not in judged}

    def lost(self, problem: Unreachable) -> None:
        """A host was lost in the middle: one event, however many controls notice."""
        if problem.host not in self.target.unreachable:
            self.target.unreachable[problem.host] = problem
            self.event(problem.host, str(problem))

    def keep_evidence(self) -> None:
        """Write every answer that is not written yet."""
        for answer in self.target.answers:
            self._evidence.keep(answer)

    @property
    def counts(self) -> Counter[str]:
        """How many verdicts of each outcome."""
        return Counter(verdict.outcome for verdict in self.verdicts)

    def status(self, pytests: int) -> int:
        """The exit status, from the verdicts and from how pytest ended."""
        if pytests in (INTERRUPTED, REFUSED, NOTHING):
            return pytests
        if pytests == INTERNAL or self.internal_error:
            return INTERNAL
        if self.counts["fail"] or self.counts["stale-waiver"]:
            return FAILED
        if self.counts["unknown"]:
            return UNKNOWN
        if not self.verdicts:
            return NOTHING
        return FAILED if pytests else PASSED

    @property
    def not_reached(self) -> int:
        """How many tests were selected and came to no verdict: ``-x`` or Ctrl-C ended the run.

        Those on a host that is lost are not counted: that is one event.
        """
        judged = {verdict.test for verdict in self.verdicts}
        return len(self.selected - judged - self.spared)

    def finish(self, pytests: int) -> int:
        """Write what is written last; the exit status."""
        status = self.status(pytests)
        self.keep_evidence()
        self.write_meta(status)
        return status

    def write_meta(self, status: int) -> None:
        """``meta.json``: what was judged, by what, when, and how it ended."""
        target = self.target
        text = target.site_file.read_bytes() if target.site_file else None
        data = {
            "site": target.site.name,
            "profile": target.site.profile,
            "site_file": target.site_file.name if target.site_file else None,
            "site_sha256": hashlib.sha256(text).hexdigest() if text else None,
            "cluster": target.cluster.name,
            "ganeti": _ganeti_version(target.cluster),
            "hosts": list(target.hosts),
            "reached": list(target.sources),
            "unreachable": {host: str(why) for host, why in target.unreachable.items()},
            "nodes": [node.name for node in target.cluster.nodes],
            "not_judged": list(target.cluster.absent),
            "started": self.began,
            "ended": time.time(),
            "exit_status": status,
            "interrupted": status == INTERRUPTED,
            "selection": self.selection,
            "not_reached": self.not_reached,
            "counts": dict(self.counts),
            "waivers": self.waivers.as_json(self.settled),
            "disagreements": [asdict(one) for one in disagreements(target.site)],
            "versions": versions(),
            "commit": commit(),
        }
        path = self.directory / "meta.json"
        path.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def versions() -> dict[str, str]:
    """Versions of what judged."""
    packages = ("gntverify", "pytest", "pytest-testinfra", "python-nmap", "pytest-html")
    return {name: metadata.version(name) for name in packages} | {
        "python": platform.python_version()
    }


def commit() -> str:
    """The commit of the controls, with ``+`` when the tree has changed; empty outside of git."""
    root = Path(__file__).parents[1]
    git = ["git", "-C", str(root)]
    try:
        head = _said([*git, "rev-parse", "--short=12", "HEAD"])
        dirty = _said([*git, "status", "--porcelain", "--untracked-files=no"])
    except (OSError, subprocess.SubprocessError):
        return ""
    return f"{head}+" if dirty else head


def _said(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=GIT_LIMIT_S, check=True)
    return done.stdout.strip()


def _ganeti_version(cluster: Cluster) -> str:
    """From ``ssconf``: it is there even when ``gnt-cluster`` is not well."""
    try:
        return cluster.ssconf.release_version
    except ParseError:
        return ""
