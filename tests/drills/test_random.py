"""Random burn-in: what nobody thought of, in an order that nobody wrote down."""

import secrets
from collections.abc import Iterator

import pytest

from gntverify.controls import control
from gntverify.drills.livemachine import LiveMachine
from gntverify.drills.probeguest import Guests
from gntverify.drills.walk import Walk
from gntverify.site import Site


@pytest.fixture
def machine(guests: Guests, site: Site) -> Iterator[LiveMachine]:
    """A probe guest and its nodes; all that was done to them is undone at the end."""
    made = LiveMachine(guests, site.network.private.bridge)
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def walk(pytestconfig: pytest.Config, machine: LiveMachine) -> Walk:
    """As long as the command line says, by its seed or by a new one."""
    given = pytestconfig.getoption("--drill-seed")
    number = secrets.randbelow(2**32) if given is None else given
    machine.operator.tell(f"random walk, --drill-seed={number}")
    minutes = pytestconfig.getoption("--drill-minutes")
    return Walk(machine, number, 60 * minutes, machine.operator.tell)


@control("Z01", severity="critical", notes="solving", impact="disruptive")
def test_a_random_walk_breaks_nothing(walk: Walk, machine: LiveMachine) -> None:
    """Whatever is done to an instance, in whatever order: Ganeti does it or refuses, rightly.

    After each step its data is whole, its mirror too, verify finds nothing new, one node is
    master, and nothing else has changed.

    Why: each operation works alone, as burn-in shows; what breaks are their sequences, on the
    night when three things are repaired one after the other.
    Fix: the message is a script that repeats it with a new instance; play it step by step, look
    at the jobs (`gnt-job info`), and ask Ganeti's issues for the step that broke.
    """
    failure = walk.go()
    walk.tell(f"{walk.taken} steps in {walk.plans} walks, --drill-seed={walk.number}")
    assert failure is None, machine.repeated(walk.number, failure)
