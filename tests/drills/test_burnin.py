"""Solving Problems: "the last one is to do some testing of your cluster", by Ganeti's burn-in."""

from collections.abc import Iterator

import pytest

from gntverify.controls import control
from gntverify.drills.burnin import NAMES, Burnins
from gntverify.drills.operator import Operator
from gntverify.site import Site


@pytest.fixture(scope="module")
def burnins(operator: Operator, site: Site, pytestconfig: pytest.Config) -> Iterator[Burnins]:
    """The burn-ins of this file; what they made is removed at its end."""
    made = Burnins(operator, site, pytestconfig.getoption("--burnin-instances"))
    yield made
    made.end()


@control("U01", severity="critical", notes="solving", impact="disruptive")
@pytest.mark.parametrize("phase", NAMES)
def test_burn_in_passes_with_plain_disks(burnins: Burnins, phase: str) -> None:
    """An instance with plain disks passes a phase of burn-in, and no job of it warns.

    Why: what burn-in does is what an administrator does; burn-in itself passes a restore that
    died and was only warned of.
    Fix: `gnt-job info` of the job that is named; /var/log/ganeti/burnin.log on the master.
    """
    trouble = burnins.of("plain").trouble(phase)
    assert not trouble, f"{phase}: {trouble}"


@control("U02", severity="critical", notes="solving", impact="disruptive")
@pytest.mark.parametrize("phase", NAMES)
def test_burn_in_passes_with_mirrored_disks(burnins: Burnins, phase: str) -> None:
    """A mirrored instance passes a phase of burn-in, and no job of it warns.

    Why: what burn-in does is what an administrator does; burn-in itself passes a restore that
    died and was only warned of.
    Fix: `gnt-job info` of the job that is named; /var/log/ganeti/burnin.log on the master; D05
    and D06 for mirrors.
    """
    trouble = burnins.of("drbd").trouble(phase)
    assert not trouble, f"{phase}: {trouble}"
