"""What was asked of a host and what it answered: kept, scrubbed, and traced to verdicts."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from gntverify.errors import CommandFailed, CommandTimeout

T = TypeVar("T")

SECRETS = (
    re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S
    ),
    re.compile(r"(?<=\{cleartext\})\S+", re.IGNORECASE),
    re.compile(r"(?<=\{ha1\})[0-9a-f]{32}", re.IGNORECASE),
)
NAMED = re.compile(
    r"""\b(pass(?:word|wd|phrase)?\s*=\s*|secret\s*=\s*|(?:wpa-)?psk[=\s]\s*)("[^"]*"|[^\s,;"'|]+)""",
    re.IGNORECASE,
)
"""Nothing asks for these; if an answer holds one all the same (the options of a share in fstab),
it goes no further."""


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
        problem: why the output is not whole; empty when it is.
    """

    host: str
    argv: tuple[str, ...]
    rc: int | None
    stdout: str
    stderr: str
    started: float
    seconds: float
    problem: str = ""

    @property
    def command(self) -> str:
        """The command as a person would read it."""
        return self.argv[2] if self.argv[:2] == ("sh", "-c") else " ".join(self.argv)

    @property
    def key(self) -> str:
        """What a verdict calls this answer: the same for the same host and command."""
        asked = json.dumps([self.host, *self.argv]).encode()
        return hashlib.sha256(asked).hexdigest()[:12]

    def status(self) -> int:
        """The exit status of a command that ended by itself, its output whole.

        Raises:
            CommandTimeout: it was ended at its limit.
            CommandFailed: its output was cut.
        """
        if self.rc is None:
            raise CommandTimeout(
                f"On {self.host!r}, `{self.command}` was ended after {self.seconds:.0f} s."
            )
        if self.problem:
            raise CommandFailed(f"On {self.host!r}, `{self.command}`: {self.problem}.")
        return self.rc

    def text(self) -> str:
        """Standard output of a command that succeeded.

        Raises:
            CommandTimeout: it was ended at its limit.
            CommandFailed: its exit status is not 0, or its output was cut.
        """
        status = self.status()
        if status != 0:
            last = (self.stderr.strip() or self.stdout.strip() or "nothing").splitlines()[-1]
            raise CommandFailed(
                f"On {self.host!r}, `{self.command}` ended with status {status}: {last}"
            )
        return self.stdout

    def as_json(self) -> dict[str, Any]:
        """The answer as one JSON object."""
        return asdict(self) | {"argv": list(self.argv)}


def scrubbed(text: str) -> str:
    """The text without private keys and passwords."""
    for secret in SECRETS:
        text = secret.sub("[secret]", text)
    return NAMED.sub(r"\1[secret]", text)


class Evidence:
    """The folder ``evidence/`` of a run: one file of JSON lines a host."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen: set[tuple[str, float]] = set()
        self._last: dict[str, tuple[int | None, str, str, str]] = {}

    def keep(self, answer: Answer) -> None:
        """Write an answer, scrubbed, unless it is there.

        What is asked again and answered otherwise is written again: the last line of a key is what
        a verdict stands on.
        """
        said = (answer.rc, answer.stdout, answer.stderr, answer.problem)
        once = (answer.key, answer.started)
        if once in self._seen:
            return
        self._seen.add(once)
        if self._last.get(answer.key) == said:
            return
        self._last[answer.key] = said
        self._directory.mkdir(parents=True, exist_ok=True)
        data = answer.as_json() | {
            "key": answer.key,
            "stdout": scrubbed(answer.stdout),
            "stderr": scrubbed(answer.stderr),
        }
        name = re.sub(r"[^\w.@-]", "_", answer.host)
        with (self._directory / f"{name}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(data, sort_keys=True) + "\n")


_traces: ContextVar[tuple[list[str], ...]] = ContextVar("traces", default=())


@contextmanager
def tracing() -> Iterator[list[str]]:
    """The keys of all answers that are looked at while the block runs.

    A thread traces for nobody, unless it runs in a copy of this context.
    """
    keys: list[str] = []
    outer = _traces.set((*_traces.get(), keys))
    try:
        yield keys
    finally:
        _traces.reset(outer)


def note(key: str) -> None:
    """An answer is being looked at."""
    for keys in _traces.get():
        if key not in keys:
            keys.append(key)


class fact(Generic[T]):  # noqa: N801 - used as a decorator, like property
    """A value read once, that leaves a trace each time it is looked at.

    Like :func:`functools.cached_property`; a reader that raises is asked again next time, and is
    answered from the session's own memory.
    """

    def __init__(self, read: Callable[[Any], T]) -> None:
        self._read = read
        self.__doc__ = read.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._slot = f"_fact_{name}"

    def __get__(self, instance: Any, owner: type | None = None) -> T:
        """The value; answers behind it are noted."""
        kept: tuple[T, list[str]] | None = instance.__dict__.get(self._slot)
        if kept is None:
            with tracing() as keys:
                value = self._read(instance)
            kept = instance.__dict__[self._slot] = (value, keys)
        for key in kept[1]:
            note(key)
        return kept[0]
