"""The suites under ``tests/`` need hosts; a run's report is rendered at its end."""

from pathlib import Path

import pytest

from gntverify.plugin import refuse_without_hosts
from reports.html import render

SUITES = Path(__file__).parent / "tests"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Refuse a run of the suites without hosts."""
    refuse_without_hosts(config, SUITES)


def pytest_gntverify_report(run_dir: Path) -> Path:
    """The report of a run."""
    return render(run_dir)
