"""The pytest plugin of the suite that measures: its bench, and where figures are kept."""

import pytest

from gntverify.controls import control_of
from gntverify.drills.operator import Operator
from gntverify.perf.bench import FILE, Bench
from gntverify.plugin import RUN
from gntverify.site import Site


@pytest.fixture
def bench(request: pytest.FixtureRequest, operator: Operator, site: Site) -> Bench:
    """Where this control measures; what it keeps lies in the run's folder, and in its report."""
    run = request.config.stash[RUN]
    found = control_of(request.function)
    return Bench(operator, site, found.id if found else "", run.directory / FILE)
