"""Where the lab keeps what it made: ``$XDG_CACHE_HOME/gntverify``, with locks."""

import os
from pathlib import Path

from filelock import FileLock


def cache_dir(*parts: str) -> Path:
    """A directory of the cache, made when it is not there."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    path = Path(base, "gntverify", *parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


def cache_lock(name: str) -> FileLock:
    """The lock that guards one part of the cache against a second builder."""
    return FileLock(cache_dir("locks") / f"{name}.lock")
