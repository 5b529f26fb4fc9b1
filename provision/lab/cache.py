"""Where the lab keeps what it made: ``$XDG_CACHE_HOME/gntverify``, with locks, and pruned."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from gntverify.errors import DeadlinePassed

PRIVATE = ("labs", "states")
"""They hold the private keys of nodes, and disks with more of them."""

LOCK_LIMIT_S = 3600.0
"""The longest that one holder takes: the build of an image on a slow machine, twice over."""

KEPT = 2
GRACE_S = 3600.0
GONE = ".gone"


def cache_dir(*parts: str) -> Path:
    """A directory of the cache, made when it is not there."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    path = Path(base, "gntverify", *parts)
    path.mkdir(parents=True, exist_ok=True)
    if parts and parts[0] in PRIVATE:
        path.chmod(0o700)
    return path


def cache_lock(name: str) -> FileLock:
    """The lock that guards one part of the cache against a second builder."""
    return FileLock(cache_dir("locks") / f"{name}.lock")


@contextmanager
def held(name: str, note: Callable[[str], None]) -> Iterator[None]:
    """A block during which the lock is ours; who has to wait for it is told so.

    Raises:
        DeadlinePassed: whoever has it did not end in time.
    """
    lock = cache_lock(name)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        note(f"another command is at work on this; waiting (its lock is {lock.lock_file})")
        try:
            lock.acquire(timeout=LOCK_LIMIT_S)
        except Timeout:
            raise DeadlinePassed(
                f"The lock '{lock.lock_file}' was awaited for {LOCK_LIMIT_S:.0f} s; end the "
                f"command that holds it."
            ) from None
    try:
        yield
    finally:
        lock.release()


def prune() -> None:
    """Remove states and images that nothing stands on, but for the newest two of each.

    Labs and states tell in their ``plan.json`` what they stand on. What was used within the hour
    stays as well: a lab that is being planned has not written it down yet.
    """
    labs = _plans(cache_dir("labs"))
    _prune(cache_dir("states"), labs)
    _prune(cache_dir("images"), labs + _plans(cache_dir("states")))


def _plans(place: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(place.glob("*/plan.json")))


def _prune(place: Path, plans: str) -> None:
    whole = [(path.stat().st_mtime, path) for path in place.iterdir() if not path.suffix]
    for used, path in sorted(whole, reverse=True)[KEPT:]:
        if path.name not in plans and time.time() - used > GRACE_S:
            # Under its name it must be whole or not there, even when we are interrupted.
            path.rename(path.with_suffix(GONE))
    for path in place.glob(f"*{GONE}"):
        shutil.rmtree(path, ignore_errors=True)
