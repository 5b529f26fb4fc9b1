"""What goes wrong in a command of the lab is told in a sentence, never in a traceback."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gntverify.errors import GntverifyError

FAILED = 1
INTERRUPTED = 130


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """A block that ends the process when it fails: status 1, or 130 when it was interrupted."""
    try:
        yield
    except KeyboardInterrupt:
        _end("interrupted; `lab status` tells what is there, `lab down` ends it.", INTERRUPTED)
    except GntverifyError as err:
        _end(str(err))
    except subprocess.CalledProcessError as err:
        said = (err.stderr or err.output or "").strip().splitlines() or ["nothing"]
        _end(f"{_program(err.cmd)} ended with status {err.returncode}; it said: {said[-1]}")
    except subprocess.TimeoutExpired as err:
        _end(f"{_program(err.cmd)} did not end within {err.timeout:.0f} s and was stopped.")
    except (OSError, subprocess.SubprocessError) as err:
        where = getattr(err, "filename", None) or "the system"
        _end(f"{where}: {getattr(err, 'strerror', None) or err}.")


def _program(cmd: str | list[str]) -> str:
    words = cmd.split() if isinstance(cmd, str) else cmd
    return f"`{' '.join(words[:6])}{' …' if len(words) > 6 else ''}`"


def _end(text: str, status: int = FAILED) -> None:
    sys.stderr.write(f"lab: {text}\n")
    sys.exit(status)
