"""What a long job needs to tell how far it is."""

from contextlib import AbstractContextManager
from typing import Protocol


class Reporting(Protocol):
    """Takes steps and notes; who shows them, and where, is the caller's affair."""

    def step(self, name: str) -> AbstractContextManager[object]:
        """A block that is one step, named for a person."""

    def note(self, text: str) -> None:
        """One line that a person should see."""
