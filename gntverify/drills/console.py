"""A guest's serial console, watched from its node until it says what is awaited."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.deadline import scaled
from gntverify.errors import ParseError

if TYPE_CHECKING:
    from gntverify.cluster import Node

DIRECTORY = "/var/run/ganeti/kvm-hypervisor/ctrl"
READY = r"^(READY|BROKEN) |\blogin: ?$"
"""Of the probe guest, whatever it says of its data, and of any that has a login there."""
# What moves a terminal's cursor, paints or rings is none of the words.
_WATCH = """\
import json, re, socket, sys, time
path, pattern, typed = sys.argv[1], re.compile(sys.argv[2], re.M), sys.argv[3].encode()
panic = re.compile(r"Kernel panic - not syncing.*\\n")
control = re.compile(r"\\x1b\\[[0-?]*[ -/]*[@-~]|\\x1b.|[^\\n\\t -~\\u00a0-\\U0010ffff]")
end = time.monotonic() + float(sys.argv[4])
line, seen, words, heard, nudge = None, "", "", time.monotonic(), False
while time.monotonic() < end and not pattern.search(words) and not panic.search(words):
    try:
        if line is None:
            line = socket.socket(socket.AF_UNIX)
            line.settimeout(1)
            line.connect(path)
            line.sendall(typed)
        if nudge:
            line.sendall(b"\\r")
            nudge = False
        data = line.recv(4096)
        if not data:
            raise ConnectionError
        seen = (seen + data.decode("utf-8", "replace"))[-8192:]
        words = control.sub("", seen)
        heard = time.monotonic()
    except socket.timeout:
        if time.monotonic() - heard > 3:
            nudge, heard = True, time.monotonic()
    except OSError:
        line = None
        time.sleep(0.3)
dead = panic.search(words)
words = words[: dead.end()] if dead else words
print(json.dumps([not dead and bool(pattern.search(words)), words[-2000:]]))
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a console showed: whether it is what was awaited, and its last 2000 characters."""

    found: bool
    text: str

    @property
    def last(self) -> str:
        """The last line that is not empty."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        return lines[-1] if lines else "nothing"


def watch(node: "Node", instance: str, pattern: str, limit_s: float, typed: str = "") -> Seen:
    """Watch until the pattern is there, or its kernel gives up, or for ``limit_s`` (unscaled).

    Raises:
        CommandFailed, CommandTimeout, ParseError: it could not be watched.
    """
    path = f"{DIRECTORY}/{instance}.serial"
    argv = ["python3", "-c", _WATCH, path, pattern, typed, str(scaled(limit_s))]
    answer = node.source.ask(argv, timeout_s=limit_s + 15, fresh=True)
    try:
        found, text = json.loads(answer.text())
    except ValueError as err:
        raise ParseError(f"What watches a console printed {answer.stdout[:200]!r}.") from err
    return Seen(bool(found), str(text))
