"""The random walk on machines that forget something: it finds what, and shrinks it."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.drills.machine import (
    EFFECTS,
    Done,
    ModelMachine,
    Place,
    State,
    Step,
    command,
    homeward,
    line,
    script,
)
from gntverify.drills.walk import Failure, Walk
from gntverify.errors import CommandFailed, DeadlinePassed

A, B, C = "a.gnt.example", "b.gnt.example", "c.gnt.example"
PLACE = Place((A, B, C), (B, C))
HOME = State(running=True, primary=A, secondary=B, disk_mib=1024)
NODED = {"move", "export", "drain", "undrain", "kill"}


class Forgetful(ModelMachine):
    """A cluster with a fault: what it makes of a step is passed through ``fault``."""

    def __init__(self, fault: Callable[[Step, State, State], State]) -> None:
        super().__init__(PLACE, HOME)
        self.fault = fault
        self.said: list[str] = []
        self.steps: list[Step] = []

    def do(self, step: Step) -> Done:
        """As the model, and then with the fault."""
        self.steps.append(step)
        before = self._state
        done = super().do(step)
        self._state = self.fault(step, before, self._state)
        return done

    def wrong(self) -> list[str]:
        """What the test says."""
        return self.said


def faultless(step: Step, before: State, after: State) -> State:
    return after


def forgets_nics(step: Step, before: State, after: State) -> State:
    """A failover loses the NICs that were added."""
    return replace(after, nics=1) if step.deed == "failover" and after != before else after


def starts_after_move(step: Step, before: State, after: State) -> State:
    """A stopped instance runs once it has a new secondary."""
    return replace(after, running=True) if step.deed == "move" and after != before else after


def keeps_to_drained(step: Step, before: State, after: State) -> State:
    """Nothing is refused because of a drained node."""
    if step.deed == "migrate" and before == after and before.running:
        return replace(after, primary=before.secondary, secondary=before.primary)
    return after


@pytest.mark.parametrize(
    ("fault", "deeds"),
    [
        (forgets_nics, ("add-nic", "failover")),
        (starts_after_move, ("stop", "move")),
        (keeps_to_drained, ("drain", "migrate")),
    ],
)
@pytest.mark.parametrize("number", [1, 7, 2026])
def test_a_fault_is_found_and_shrunk(
    fault: Callable[[Step, State, State], State], deeds: tuple[str, ...], number: int
) -> None:
    walk = Walk(Forgetful(fault), number, limit_s=60)
    failure = walk.go(most=300)
    assert failure is not None
    assert tuple(step.deed for step in failure.steps) == deeds
    assert failure.wrong


def test_a_machine_like_the_model_passes() -> None:
    walk = Walk(ModelMachine(PLACE, HOME), 3, limit_s=60)
    assert walk.go(most=100) is None
    assert walk.taken > 300


def test_two_nodes_of_which_none_may_be_drained_are_walked_on_too() -> None:
    place = Place((A, B))
    walk = Walk(ModelMachine(place, HOME), 3, limit_s=60)
    assert walk.go(most=50) is None


def test_the_first_plan_played_is_not_always_the_same() -> None:
    """Hypothesis begins with its simplest plan whatever the seed; that one tells nothing."""
    begun = set()
    for number in range(6):
        machine = Forgetful(faultless)
        Walk(machine, number, limit_s=60).go(most=20)
        begun.add(tuple(machine.steps[:3]))
    assert len(begun) > 3


def test_the_same_seed_walks_the_same_way() -> None:
    ways = []
    for _ in range(2):
        machine = Forgetful(faultless)
        Walk(machine, 11, limit_s=60).go(most=20)
        ways.append(machine.steps)
    assert ways[0] == ways[1]
    assert len({step.deed for step in ways[0]}) > 8


def test_what_must_always_hold_is_told() -> None:
    machine = Forgetful(faultless)
    machine.said = ["the canary is broken"]
    failure = Walk(machine, 1, limit_s=60).go(most=10)
    assert failure is not None
    assert len(failure.steps) == 1
    assert failure.wrong == (f"after {failure.steps[0]}: the canary is broken",)


def test_a_machine_that_does_not_answer_is_no_fault_of_a_cluster() -> None:
    class Dead(ModelMachine):
        asked = 0

        def state(self) -> State:
            self.asked += 1
            raise CommandFailed("The master is gone.")

    machine = Dead(PLACE, HOME)
    with pytest.raises(CommandFailed, match="gone"):
        Walk(machine, 1, limit_s=60).go()
    assert machine.asked == 1


def test_the_walk_ends_with_its_time() -> None:
    ticks = count()
    walk = Walk(ModelMachine(PLACE, HOME), 1, limit_s=50, clock=lambda: float(next(ticks)))
    assert walk.go() is None
    assert 20 < walk.taken < 50


def test_shrinking_ends_with_its_time_and_keeps_what_it_has() -> None:
    ticks = count()
    machine = Forgetful(forgets_nics)
    walk = Walk(machine, 2, limit_s=300, clock=lambda: float(next(ticks)))
    failure = walk.go()
    assert failure is not None
    assert next(ticks) < 600


def test_no_step_is_no_success() -> None:
    with pytest.raises(DeadlinePassed, match="did no step"):
        Walk(ModelMachine(PLACE, HOME), 1, limit_s=0).go()


def test_a_fault_that_comes_and_goes_is_kept() -> None:
    seen = count()

    def once(step: Step, before: State, after: State) -> State:
        return replace(after, nics=9) if step.deed == "failover" and next(seen) == 0 else after

    failure = Walk(Forgetful(once), 5, limit_s=60).go(most=200)
    assert failure is not None
    assert failure.steps[-1] == Step("failover")


NODES = st.sampled_from([A, B, C])


@st.composite
def states(draw: st.DrawFn) -> State:
    primary, secondary, export = draw(st.permutations([A, B, C]))
    return State(
        running=draw(st.booleans()),
        primary=primary,
        secondary=secondary,
        disk_mib=1024,
        nics=draw(st.integers(1, 3)),
        export=draw(st.sampled_from(["", export])),
        drained=frozenset(draw(st.sets(NODES))),
    )


@given(states())
def test_the_way_home_leads_home_from_everywhere(state: State) -> None:
    machine = ModelMachine(PLACE, state)
    for step in homeward(state, HOME):
        assert machine.do(step).done, step
    assert machine.state() == HOME


@given(states(), st.sampled_from(sorted(EFFECTS)), NODES)
def test_what_is_refused_changes_nothing(state: State, deed: str, node: str) -> None:
    machine = ModelMachine(PLACE, state)
    if not machine.do(Step(deed, node)).done:
        assert machine.state() == state


@pytest.mark.parametrize("deed", sorted(EFFECTS))
def test_every_deed_has_its_command(deed: str) -> None:
    step = Step(deed, C if deed in NODED else "")
    assert line(step, "xen-br0").startswith(("gnt-", "ssh "))
    argv = command(step, "i.gnt.example", "xen-br0")
    assert argv or deed == "kill"
    assert not any(word == "" for word in argv)


def test_the_script_is_shell_and_says_what_was_seen() -> None:
    steps = [Step("stop"), Step("kill", C), Step("move", C), Step("add-nic")]
    text = script(7, 'gnt-instance add -n a:b "$1"', "xen-br0", steps, ["nics\nis 1"])
    sh = shutil.which("sh") or "/bin/sh"
    assert subprocess.run([sh, "-n"], input=text, text=True, check=True).returncode == 0
    assert text.splitlines()[4:] == [
        'gnt-instance add -n a:b "$1"',
        'gnt-instance shutdown "$1"',
        line(Step("kill", C), "xen-br0"),
        f'gnt-instance replace-disks -n {C} "$1"',
        'gnt-instance modify --net=-1:add,mode=bridged,link=xen-br0 "$1"',
        "# nics is 1",
    ]


def test_a_plan_of_few_kinds_is_not_played_on_a_cluster() -> None:
    """But while a failure is shrunk every plan is."""
    two = (Step("stop"), Step("start")) * 6
    walk = Walk(ModelMachine(PLACE, HOME), 1, limit_s=60)
    walk.go(most=20)
    before = walk.plans
    assert walk.invented(two) is None
    assert walk.plans == before
    walk.smallest = Failure((*two, Step("grow")), ("lost",))
    walk.invented(two)
    assert walk.plans == before + 1
