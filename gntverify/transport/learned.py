"""What hosts were asked on the last run, so that the next one can ask it all at once.

Kept under ``$XDG_CACHE_HOME/gntverify/learned``: commands and limits, never answers.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

from gntverify.transport.fleet import Learned


def recall(hosts: Sequence[str], selection: str = "") -> Learned:
    """Host to commands with their limits; empty when nothing (readable) was kept.

    Args:
        hosts: as asked for.
        selection: what of the suites is judged: a few controls need few commands.
    """
    try:
        kept = json.loads(_file(hosts, selection).read_text(encoding="utf-8"))
        return {
            str(host): [([str(word) for word in argv], float(limit_s)) for argv, limit_s in asked]
            for host, asked in kept.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def keep(hosts: Sequence[str], asked: Learned, selection: str = "") -> None:
    """Keep what these hosts were asked in this run; a full or read-only disk is no trouble."""
    path = _file(hosts, selection)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(asked), encoding="utf-8")
        partial.replace(path)
    except OSError:
        return


def _file(hosts: Sequence[str], selection: str) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    name = hashlib.sha256(json.dumps([sorted(hosts), selection]).encode()).hexdigest()[:16]
    return Path(base, "gntverify", "learned", f"{name}.json")
