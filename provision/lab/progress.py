"""Progress for a person: what, how far, how long it usually takes."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from provision.lab.cache import cache_dir, cache_lock

HEARTBEAT_S = 20.0


class Progress:
    """Writes a line when a step begins, now and then while it runs, and when it ends.

    How long a step took is kept in the cache, and told the next time. A :class:`Reporting`.
    """

    def __init__(self, prefix: str, stream: TextIO | None = None) -> None:
        self._prefix = prefix
        self._stream = stream or sys.stdout
        self._times = cache_dir() / "times.json"
        self.taken: dict[str, float] = {}

    def note(self, text: str) -> None:
        """One line that a person should see."""
        self._stream.write(f"{self._prefix}: {text}\n")
        self._stream.flush()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A block that is one step, named for a person."""
        usual = _known(self._times).get(name)
        self.note(f"{name} …" if usual is None else f"{name} … (usually {usual:.0f} s)")
        began = time.monotonic()
        over = threading.Event()
        beat = threading.Thread(target=self._beat, args=(name, began, over), daemon=True)
        beat.start()
        try:
            yield
        finally:
            over.set()
        self.taken[name] = time.monotonic() - began
        self.note(f"{name}: done in {self.taken[name]:.1f} s")
        self._remember(name)

    def _beat(self, name: str, began: float, over: threading.Event) -> None:
        while not over.wait(HEARTBEAT_S):
            self.note(f"{name}: {time.monotonic() - began:.0f} s so far")

    def _remember(self, name: str) -> None:
        with cache_lock("times"):
            known = _known(self._times) | {name: round(self.taken[name], 1)}
            self._times.write_text(json.dumps(known, indent=1, sort_keys=True))


def _known(times: Path) -> dict[str, float]:
    """What steps took last time; nothing when the file is not there or not readable as such."""
    try:
        return {str(name): float(taken) for name, taken in json.loads(times.read_text()).items()}
    except (OSError, ValueError, AttributeError):
        return {}
