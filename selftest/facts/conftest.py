"""The samples, for tests that cannot import each other (importlib mode)."""

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def samples() -> SimpleNamespace:
    """What the tools print, by name."""
    found = runpy.run_path(str(Path(__file__).parent / "samples.py"))
    return SimpleNamespace(**{name: text for name, text in found.items() if name.isupper()})
