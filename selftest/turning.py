"""A host that answers otherwise when it is asked again."""

from collections.abc import Sequence

from gntverify.evidence import Answer
from gntverify.transport.replay import Replay
from gntverify.transport.source import DEFAULT_LIMIT_S


class Turning(Replay):
    """Answers one thing at first, with that status, and another whenever it is asked again."""

    def __init__(self, name: str, first: str, then: str, *, rc: int = 0) -> None:
        super().__init__(name, [])
        self._told = {False: (rc, first), True: (0, then)}

    def ask(
        self, argv: Sequence[str], *, timeout_s: float = DEFAULT_LIMIT_S, fresh: bool = False
    ) -> Answer:
        """What it says now."""
        rc, text = self._told[fresh]
        out, err = ("", text) if rc else (text, "")
        return Answer(self.name, tuple(argv), rc, out, err, 0.0, timeout_s)
