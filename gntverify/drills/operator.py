"""Who changes a cluster: every command of a drill goes through here, under the run's name."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gntverify.compare import listed
from gntverify.deadline import wait_for
from gntverify.drills.ledger import Entry, Ledger, tag_of
from gntverify.errors import NOT_TOLD, CommandFailed, Unreachable
from gntverify.ganeti.instances import Instance, Live, read_instances, read_live, unchecked
from gntverify.ganeti.jobs import Job, parse_submitted, read_job
from gntverify.ganeti.ssconf import PREFIX
from gntverify.transport.source import Fresh

if TYPE_CHECKING:
    from gntverify.cluster import Cluster, Node

SUBMIT_S = 60.0
REMOVE_S = 300.0
log = logging.getLogger(__name__)


@dataclass
class Operator:
    """Gives commands to a cluster, and writes down first what must be undone.

    Attributes:
        cluster: what it works on.
        master: on which Ganeti's commands are given; another one after a failover.
        ledger: of this run.
        tell: where progress is told, a sentence at a time.
        took: step to its seconds, in their order, of the drill that goes on.
    """

    cluster: "Cluster"
    master: "Node"
    ledger: Ledger
    tell: Callable[[str], None] = log.info
    took: dict[str, float] = field(default_factory=dict)

    @property
    def run(self) -> str:
        """Id of the run."""
        return self.ledger.run

    def node(self, name: str) -> "Node":
        """The node of that FQDN or short name.

        Raises:
            CommandFailed: it is not in this run.
        """
        for node in self.cluster.nodes:
            if name in (node.name, node.short):
                return node
        raise CommandFailed(f"The node {name!r} is needed and not in this run; add it to --hosts.")

    def follow(self) -> "Node":
        """The node that is master now; from now on commands are given there.

        Raises:
            CommandFailed: those nodes that tell do not agree, or it is not in this run.
        """
        votes: Counter[str] = Counter()
        for node in self.cluster.nodes:
            with suppress(*NOT_TOLD, Unreachable):  # who is lost has no vote
                votes[self.on(node, f"cat {PREFIX}master_node").strip()] += 1
        for name, count in votes.most_common(1):
            if 2 * count > votes.total():
                self.master = self.node(name)
                return self.master
        raise CommandFailed(f"The nodes do not agree on their master; votes: {listed(votes)}.")

    @contextmanager
    def step(self, words: str) -> Iterator[None]:
        """A step of a drill: told as it begins and ends, and timed."""
        self.tell(f"{words} …")
        began = time.monotonic()
        try:
            yield
        finally:
            self.note(words, time.monotonic() - began)

    def note(self, words: str, seconds: float) -> None:
        """What was timed: told, and kept with the verdict of the drill that goes on."""
        self.took[words] = seconds
        self.tell(f"{words}: {seconds:.1f} s")

    def on(self, node: "Node", text: str, *args: str, limit_s: float = SUBMIT_S) -> str:
        """Output of shell text on a node, with ``args`` as ``$1`` and so on.

        Raises:
            CommandFailed, CommandTimeout: it ended with another status than 0, or not at all.
        """
        argv = ["sh", "-c", text, *(("sh", *args) if args else ())]
        return node.source.ask(argv, timeout_s=limit_s, fresh=True).text()

    def job(self, *argv: str, limit_s: float) -> Job:
        """Have Ganeti do something, and see it end; the job's own success is the caller's matter.

        One that never began, because the master was busy, is submitted once more.

        Args:
            argv: a ``gnt-…`` command without ``--submit``.
            limit_s: how long the job may take, unscaled.

        Raises:
            CommandFailed: Ganeti did not take the job.
            DeadlinePassed: it has not come to its end; it goes on.
        """
        job = self._ended(argv, limit_s)
        return self._ended(argv, limit_s) if job.never_began else job

    def _ended(self, argv: Sequence[str], limit_s: float) -> Job:
        """A job at its end."""
        tool, verb, *rest = argv
        asked = [tool, verb, "--submit", f"--reason=gntverify:{self.run}", *rest]
        answer = self.master.source.ask(asked, timeout_s=SUBMIT_S, fresh=True)
        answer.text()
        (number,) = parse_submitted(answer.stdout + answer.stderr)

        def probe() -> tuple[Job | None, str]:
            job = read_job(self.master.source, number)
            last = job.log[-1].strip() if job.log else "nothing"
            return (job if job.ended else None), f"{job.status}, {last}"

        what = f"The end of job {number} (`{' '.join(argv)}`)"
        return wait_for(what, probe, limit_s, every_s=1.0)

    def must(self, *argv: str, limit_s: float) -> Job:
        """As :meth:`job`, for what the drill itself needs, warnings or not.

        Raises:
            CommandFailed: the job failed.
        """
        job = self.job(*argv, limit_s=limit_s)
        if job.status != "success":
            raise CommandFailed(f"`{' '.join(argv)}`: {job.trouble}.")
        return job

    def instances(self) -> Mapping[str, Instance]:
        """Instances as they are configured now."""
        return read_instances(Fresh(self.master.source))

    def live(self) -> Mapping[str, Live]:
        """Instances as their nodes see them now."""
        return read_live(Fresh(self.master.source))

    def name(self, number: int) -> str:
        """A name for an instance of this run, in the cluster's domain."""
        _, dot, domain = self.cluster.name.partition(".")
        return f"gntverify-{self.run}-{number}{dot}{domain}"

    def creating(self, name: str, *options: str) -> tuple[str, ...]:
        """Options with which an instance is created that is this run's; it is in the ledger then.

        Raises:
            CommandFailed: there is an instance of that name.
        """
        if name in self.instances():
            raise CommandFailed(f"There is an instance {name!r} already; a drill touches none.")
        self.ledger.instance(name)
        lenient = unchecked(self.cluster.ssconf.release_version)
        return (f"--tags={tag_of(self.run)}", *lenient, *options, name)

    def entry_of(self, name: str) -> Entry | None:
        """The ledger's entry of an instance."""
        return next(
            (e for e in self.ledger.entries if (e.kind, e.name) == ("instance", name)), None
        )
