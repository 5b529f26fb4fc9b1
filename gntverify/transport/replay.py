"""A host as it was: answers from a recording."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

from gntverify import evidence
from gntverify.errors import CommandFailed, ParseError
from gntverify.evidence import Answer
from gntverify.transport.source import DEFAULT_LIMIT_S


class Replay:
    """Recorded answers; what was never asked raises. A Source."""

    def __init__(self, name: str, answers: Iterable[Answer]) -> None:
        self.name = name
        self._answers = {answer.argv: answer for answer in answers}

    @property
    def answers(self) -> list[Answer]:
        """All it can answer, in the order of the recording."""
        return list(self._answers.values())

    @classmethod
    def load(cls, path: Path) -> Self:
        """The recording in a file of JSON lines; its name is the host's.

        Raises:
            ParseError: a line is no answer.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
            answers = [_answer(line) for line in lines]
        except (OSError, ValueError, TypeError, KeyError) as err:
            raise ParseError(f"{path} is no recording: {err!r}.") from err
        return cls(path.stem, answers)

    def save(self, path: Path) -> None:
        """Write it as JSON lines, ordered by command, so that two recordings can be compared."""
        lines = sorted(
            (json.dumps(answer.as_json(), sort_keys=True) for answer in self._answers.values()),
            key=lambda line: str(json.loads(line)["argv"]),
        )
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def ask(
        self, argv: Sequence[str], *, timeout_s: float = DEFAULT_LIMIT_S, fresh: bool = False
    ) -> Answer:
        """The recorded answer.

        Raises:
            CommandFailed: the recording has none.
        """
        answer = self._answers.get(tuple(argv))
        if answer is None:
            raise CommandFailed(
                f"The recording of {self.name!r} has no answer to `{' '.join(argv)}`."
            )
        evidence.note(answer.key)
        return answer

    def settle(self) -> None:
        """Nothing is ever under way in a recording."""

    def close(self) -> None:
        """Do nothing: a recording has nothing to let go of."""


def _answer(line: str) -> Answer:
    data = json.loads(line)
    known = {name: data[name] for name in Answer.__slots__ if name in data}
    return Answer(**known | {"argv": tuple(data["argv"])})
