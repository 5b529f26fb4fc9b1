"""One run of drills, from the lock to the comparison at its end."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from gntverify.drills import lock
from gntverify.drills.ledger import Ledger
from gntverify.drills.operator import Operator
from gntverify.drills.reap import undo_all
from gntverify.drills.traces import Traces, difference, read_traces
from gntverify.errors import GntverifyError
from gntverify.target import Target

PAUSE = "6h"
"""The watcher is paused for that long at most: even if nobody ever reaps, it works again."""
RENEWED_S = 3600.0
"""A drill that begins later than this after the pause did has it begin anew."""
RELEASE = "gnt-cluster watcher pause 0"
"""Ends the pause and, other than ``continue``, leaves its end on record: C09 counts from there.

The watcher removes such a record an hour later.
"""


@dataclass
class Drills:
    """The drills of a run: open while they run, and closed whatever happens.

    Attributes:
        target: where they run.
        tell: where progress is told.
        took: step to its seconds, of the drill that goes on.
    """

    target: Target
    tell: Callable[[str], None]
    took: dict[str, float] = field(default_factory=dict)
    _operator: Operator | None = None
    _before: Traces = field(default_factory=dict)
    _paused: float = float("-inf")

    @property
    def operator(self) -> Operator:
        """Who works on the cluster; the first to ask takes the lock and pauses the watcher.

        Raises:
            GntverifyError: the cluster cannot be taken over.
        """
        if self._operator is None:
            self._operator = self._opened()
        return self._operator

    def _opened(self) -> Operator:
        cluster = self.target.cluster
        run = secrets.token_hex(3)
        lock.take(cluster.nodes, run)
        ledger = Ledger(run, cluster.nodes, whole=not cluster.absent)
        operator = Operator(cluster, cluster.master, ledger, self.tell, self.took)
        try:
            self._before = read_traces(cluster, cluster.master)
            operator.ledger.undo("the watcher is paused", "", RELEASE)
            self._pause(operator)
        except (GntverifyError, KeyboardInterrupt):
            undo_all(operator)
            lock.free(cluster.nodes)
            raise
        return operator

    def begin(self) -> None:
        """A drill begins: what is timed from now on is its own, and the watcher stays paused.

        Raises:
            GntverifyError: it could not be paused again.
        """
        self.took.clear()
        if self._operator and time.monotonic() - self._paused > RENEWED_S:
            self._pause(self._operator)

    def _pause(self, operator: Operator) -> None:
        operator.on(operator.master, f"gnt-cluster watcher pause {PAUSE}")
        self._paused = time.monotonic()

    def close(self) -> list[str]:
        """Undo what is not undone, compare, let go; a sentence for each thing that is not well."""
        if self._operator is None:
            return []
        operator, self._operator = self._operator, None
        left = undo_all(operator)
        try:
            after = read_traces(self.target.cluster, operator.master)
            left += difference(self._before, after)
            lock.free(self.target.cluster.nodes)
        except GntverifyError as err:
            left.append(str(err))
        return left
