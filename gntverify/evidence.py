"""What was asked of a host, and what it answered."""

from dataclasses import asdict, dataclass
from typing import Any

from gntverify.errors import CommandFailed, CommandTimeout


@dataclass(frozen=True, slots=True)
class Answer:
    """One command and its answer.

    Attributes:
        host: the name the host goes by in this run (``--hosts``).
        argv: the command, one word an item; shell text is ``("sh", "-c", text)``.
        rc: exit status; 127 when the program does not exist; None when it was ended at its limit.
        stdout: decoded as UTF-8, undecodable bytes as surrogate escapes.
        stderr: likewise.
        started: Unix time, runner's clock, when it was asked.
        seconds: how long it ran on the host.
    """

    host: str
    argv: tuple[str, ...]
    rc: int | None
    stdout: str
    stderr: str
    started: float
    seconds: float

    @property
    def command(self) -> str:
        """The command as a person would read it."""
        return self.argv[2] if self.argv[:2] == ("sh", "-c") else " ".join(self.argv)

    def text(self) -> str:
        """Standard output of a command that succeeded.

        Raises:
            CommandTimeout: it was ended at its limit.
            CommandFailed: its exit status is not 0.
        """
        if self.rc is None:
            raise CommandTimeout(
                f"On {self.host!r}, `{self.command}` was ended after {self.seconds:.0f} s."
            )
        if self.rc != 0:
            last = (self.stderr.strip() or self.stdout.strip() or "nothing").splitlines()[-1]
            raise CommandFailed(
                f"On {self.host!r}, `{self.command}` ended with status {self.rc}: {last}"
            )
        return self.stdout

    def as_json(self) -> dict[str, Any]:
        """The answer as one JSON object."""
        return asdict(self) | {"argv": list(self.argv)}
