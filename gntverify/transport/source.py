"""What controls and facts ask: a host, live or recorded."""

from collections.abc import Sequence
from typing import Protocol

from gntverify.evidence import Answer

DEFAULT_LIMIT_S = 30.0


class Source(Protocol):
    """One host that answers commands: a live session, or a recording.

    Attributes:
        name: what the host is called in ``--hosts``.
    """

    name: str

    def ask(
        self, argv: Sequence[str], *, timeout_s: float = DEFAULT_LIMIT_S, fresh: bool = False
    ) -> Answer:
        """The answer to a command that only reads; asked once a run unless ``fresh``.

        Args:
            argv: the command, a word an item.
            timeout_s: limit in seconds as for hardware; it is scaled.
            fresh: ask again, whatever is known.

        Raises:
            Unreachable: the host does not answer (any more).
        """

    def settle(self) -> None:
        """Wait until nothing is under way there: after Ctrl-C the host goes on with what it does.

        A host that is lost does nothing any more.
        """


class Fresh:
    """A source that is asked anew each time: for what looks at a cluster that it changes."""

    def __init__(self, source: Source) -> None:
        self.name = source.name
        self._source = source

    def ask(
        self, argv: Sequence[str], *, timeout_s: float = DEFAULT_LIMIT_S, fresh: bool = True
    ) -> Answer:
        """The answer of now, whatever is known."""
        del fresh
        return self._source.ask(argv, timeout_s=timeout_s, fresh=True)

    def settle(self) -> None:
        """Wait until nothing is under way there."""
        self._source.settle()
