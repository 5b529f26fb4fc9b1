"""A run's report is rendered at its end."""

from pathlib import Path

from reports.html import render


def pytest_gntverify_report(run_dir: Path) -> Path:
    """The report of a run."""
    return render(run_dir)
