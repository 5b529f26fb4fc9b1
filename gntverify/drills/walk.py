"""The random walk: hypothesis invents steps, the cluster takes them, the model says what is right.

hypothesis makes plans of steps that make sense on the model alone, which costs nothing; a plan is
then played on the machine and on a fresh model side by side. What a plan came to is remembered, so
that shrinking plays only what nobody has seen yet, and both end when the time is over.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gntverify.drills.machine import Machine, ModelMachine, State, Step
from gntverify.errors import DeadlinePassed, GntverifyError

MOST_NICS = 3
MOST_GROWN = 3
STEPS = 12
PLANS = 10_000
SHRINK_SHARE = 0.5
"""Of the time of the walk that shrinking has at least, once something was found."""
VARIETY = 5
"""Kinds of deeds in a plan that is worth a cluster's time: hypothesis likes to try two or three of
them at a time, which is thrift on a model, and twenty minutes of NICs on a cluster."""
SMALL = 2
"""Steps of a failure that nobody needs smaller."""

Steps = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """Steps after the last of which something was wrong, and what, a phrase each."""

    steps: Steps
    wrong: tuple[str, ...]


class _Over(BaseException):
    """The time is over. No Exception: hypothesis would take it for one of the machine's faults."""


class _NotTold(BaseException):
    """The machine could not be asked; likewise."""

    def __init__(self, reason: GntverifyError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def compared(step: Step, machine: Machine, model: ModelMachine) -> list[str]:
    """Do a step to both; what is wrong then, a phrase each.

    Raises:
        GntverifyError: the machine could not be asked.
    """
    want, have = model.do(step), machine.do(step)
    if have.trouble:
        return [f"{step}: {have.trouble}"]
    if want.done != have.done:
        words = {True: "done", False: "refused"}
        return [f"{step} was {words[have.done]}, expected it {words[want.done]}"]
    wrong = [f"after {step}: {told}" for told in model.state().differences(machine.state())]
    return wrong or [f"after {step}: {told}" for told in machine.wrong()]


@dataclass
class Walk:
    """A walk on a machine, for a while.

    Attributes:
        number: the seed: the same number invents the same plans.
        limit_s: how long it may take; never scaled, it is a budget and no limit.
        tell: where progress is told.
        clock: seconds that go by.
        smallest: the shortest failure so far.
        plans: how many were played.
        taken: how many steps.
    """

    machine: Machine
    number: int
    limit_s: float
    tell: Callable[[str], None] = lambda _: None
    clock: Callable[[], float] = time.monotonic
    smallest: Failure | None = None
    plans: int = 0
    taken: int = 0
    _failed: dict[Steps, Failure] = field(default_factory=dict)
    _passed: set[Steps] = field(default_factory=set)

    def go(self, *, most: int = PLANS, length: int = STEPS) -> Failure | None:
        """Walk until something is wrong and shrunk, or time or plans are over.

        Raises:
            DeadlinePassed: not one step was taken in that time.
            GntverifyError: the machine could not be asked.
        """
        self._end = self.clock() + self.limit_s
        planner = seed(self.number)(planner_of(self))
        how = settings(
            max_examples=most,
            stateful_step_count=length,
            database=None,
            deadline=None,
            derandomize=False,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
            report_multiple_bugs=False,
        )
        try:
            run_state_machine_as_test(planner, settings=how)
        except _NotTold as err:
            if self.smallest is None:
                raise err.reason from err
        except _Over:
            pass
        except Exception:
            # hypothesis tells of what was found in its own way, once more if it came and went
            if self.smallest is None:
                raise
        if not self.taken:
            raise DeadlinePassed(f"In {self.limit_s:.0f} s the walk did no step; give it more.")
        return self.smallest

    def invented(self, steps: Steps) -> Failure | None:
        """What comes of a plan of hypothesis'; of a dull one nothing, until something was found.

        Raises:
            GntverifyError: the machine could not be asked.
        """
        dull = len({step.deed for step in steps}) < VARIETY
        return None if dull and self.smallest is None else self.judged(steps)

    def judged(self, steps: Steps) -> Failure | None:
        """What comes of these steps, from what is known or by playing them.

        Raises:
            GntverifyError: the machine could not be asked.
        """
        if self.smallest and len(self.smallest.steps) <= SMALL:
            raise _Over
        for length in range(1, len(steps) + 1):
            if failure := self._failed.get(steps[:length]):
                return failure
        if steps in self._passed:
            return None
        failure = self._played(steps)
        if failure:
            self._failed[failure.steps] = failure
        else:
            self._passed |= {steps[:length] for length in range(len(steps) + 1)}
        if failure and (self.smallest is None or len(failure.steps) < len(self.smallest.steps)):
            first = self.smallest is None
            self.smallest = failure
            self.tell(f"wrong after {len(failure.steps)} steps: {'; '.join(failure.wrong)}")
            if first:
                self._end = max(self._end, self.clock() + SHRINK_SHARE * self.limit_s)
                self._trim(failure)
        return failure

    def _trim(self, failure: Failure) -> None:
        """Leave out what can be left out, a step at a time.

        hypothesis shrinks too, and further; but in hundreds of plays, and on a cluster each takes
        minutes. It goes on from here as long as there is time.
        """
        at = 0
        while at < len(failure.steps) - 1:
            fewer = failure.steps[:at] + failure.steps[at + 1 :]
            found = self.judged(fewer) if makes_sense(fewer) else None
            failure, at = (found, 0) if found else (failure, at + 1)

    def _played(self, steps: Steps) -> Failure | None:
        self._look_at_the_clock()
        model = ModelMachine(self.machine.place, self.machine.begin())
        self.plans += 1
        for number, step in enumerate(steps, 1):
            self._look_at_the_clock()
            self.taken += 1
            wrong = compared(step, self.machine, model)
            if wrong:
                return Failure(steps[:number], tuple(wrong))
        return None

    def _look_at_the_clock(self) -> None:
        if self.clock() >= self._end:
            raise _Over


def makes_sense(steps: Steps) -> bool:
    """Whether no NIC is taken away that was not added: the guest is watched over its first."""
    spare = 0
    for step in steps:
        spare += {"add-nic": 1, "drop-nic": -1}.get(step.deed, 0)
        if spare < 0:
            return False
    return True


def planner_of(walk: Walk) -> type["Planner"]:
    """What invents plans for that walk, and has each judged at its end."""

    class Own(Planner):
        pass

    Own.walk = walk
    return Own


def _fresh(deed: str) -> Callable[["Planner"], bool]:
    """Three times the same in a row tells no more than twice."""
    return lambda self: [one.deed for one in self.steps[-2:]] != [deed, deed]


def _can(deed: str, possible: Callable[["Planner"], bool]) -> Callable[["Planner"], bool]:
    return lambda self: _fresh(deed)(self) and possible(self)


WHICH = st.integers(0, 5)


class Planner(RuleBasedStateMachine):
    """A plan in the making: steps that make sense on the model, and that Ganeti may refuse."""

    walk: ClassVar[Walk]

    def __init__(self) -> None:
        super().__init__()
        self.place = self.walk.machine.place
        self.steps: list[Step] = []
        # names only: where the instance stands is known when the plan is played
        first, second = (*self.place.nodes, "")[:2]
        self.model = ModelMachine(self.place, State(True, first, second, 0))

    def _plan(self, deed: str, node: str = "") -> None:
        step = Step(deed, node)
        self.model.do(step)
        self.steps.append(step)

    @property
    def _state(self) -> State:
        return self.model.state()

    @precondition(_fresh("migrate"))
    @rule()
    def migrate(self) -> None:
        """Live to its other node."""
        self._plan("migrate")

    @precondition(_fresh("failover"))
    @rule()
    def failover(self) -> None:
        """Down, and up on its other node."""
        self._plan("failover")

    @precondition(_fresh("stop"))
    @rule()
    def stop(self) -> None:
        """Shut it down."""
        self._plan("stop")

    @precondition(_fresh("start"))
    @rule()
    def start(self) -> None:
        """Start it."""
        self._plan("start")

    @precondition(_fresh("replace"))
    @rule()
    def replace(self) -> None:
        """A new copy of its disk on the same secondary."""
        self._plan("replace")

    @precondition(_can("move", lambda self: len(self.place.nodes) > 2))
    @rule(which=WHICH)
    def move(self, which: int) -> None:
        """A new copy of its disk on another node."""
        self._plan("move", _one(self.place.nodes, which))

    @precondition(
        _can("grow", lambda self: sum(one.deed == "grow" for one in self.steps) < MOST_GROWN)
    )
    @rule()
    def grow(self) -> None:
        """A larger disk."""
        self._plan("grow")

    @precondition(_can("add-nic", lambda self: self._state.nics < MOST_NICS))
    @rule()
    def add_nic(self) -> None:
        """One NIC more."""
        self._plan("add-nic")

    @precondition(_can("drop-nic", lambda self: self._state.nics > 1))
    @rule()
    def drop_nic(self) -> None:
        """The last NIC less."""
        self._plan("drop-nic")

    @precondition(_fresh("export"))
    @rule(which=WHICH)
    def export(self, which: int) -> None:
        """An export to a node, while it runs."""
        self._plan("export", _one(self.place.nodes, which))

    @precondition(_can("unexport", lambda self: bool(self._state.export)))
    @rule()
    def unexport(self) -> None:
        """Its export is removed."""
        self._plan("unexport")

    @precondition(
        _can("drain", lambda self: bool(self.place.drainable) and not self._state.drained)
    )
    @rule(which=WHICH)
    def drain(self, which: int) -> None:
        """A node takes no instances any more."""
        self._plan("drain", _one(self.place.drainable, which))

    @precondition(_can("undrain", lambda self: bool(self._state.drained)))
    @rule()
    def undrain(self) -> None:
        """It does again."""
        self._plan("undrain", min(self._state.drained))

    @precondition(_fresh("kill"))
    @rule(which=WHICH)
    def kill(self, which: int) -> None:
        """A node's daemon dies, and is started again."""
        self._plan("kill", _one(self.place.nodes, which))

    def teardown(self) -> None:
        """Play what was planned.

        Raises:
            AssertionError: something was wrong then.
        """
        try:
            failure = self.walk.invented(tuple(self.steps))
        except GntverifyError as err:
            raise _NotTold(err) from err
        if failure:
            raise AssertionError("; ".join(failure.wrong))


def _one(nodes: Sequence[str], which: int) -> str:
    return nodes[which % len(nodes)]
