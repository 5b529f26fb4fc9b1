"""The agent: what runs on a node for the length of a run. Standard library only, Python 3.6 on.

It is sent as text over ssh's standard input and lives in memory; nothing is written on the node.
A line of JSON comes in: ``{"id": 7, "argv": [...], "limit": 30.0}``; a line goes out for each, as
soon as it is there: ``{"id": 7, "rc": 0, "out": "", "err": "", "seconds": 0.01, "cut": false}``.
With ``"now": true`` in it a question does not wait its turn behind slower ones.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

WORKERS = 8
MOST_BYTES = 8 * 1024 * 1024
CHUNK_BYTES = 65536
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

running = set()  # type: set[int]  # leaders of the process groups that run now


class Pipe(threading.Thread):
    """What a command writes: the first part is kept, the rest is read and dropped."""

    def __init__(self, stream: Any) -> None:
        super().__init__(daemon=True)
        self._stream = stream
        self._kept = bytearray()
        self.cut = False
        self.start()

    def run(self) -> None:
        """Read to the end; a full pipe would stop the command."""
        for chunk in iter(lambda: self._stream.read1(CHUNK_BYTES), b""):
            room = MOST_BYTES - len(self._kept)
            self._kept += chunk[:room]
            self.cut = self.cut or len(chunk) > room

    def text(self) -> str:
        """What is kept so far."""
        return bytes(self._kept).decode("utf-8", "surrogateescape")


def end(leader: int) -> None:
    """Kill a command and what it started."""
    with contextlib.suppress(OSError):  # it has ended by itself meanwhile
        os.killpg(leader, signal.SIGKILL)


def run(argv: Any, limit: float) -> Any:
    """Run one command: status (None when ended at its limit), output, and whether it was cut."""
    environment = dict(os.environ, LC_ALL="C.UTF-8", PATH=PATH)
    started = time.time()
    clock = time.monotonic()
    try:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
    except (OSError, ValueError) as err:
        status = 127 if isinstance(err, FileNotFoundError) else 126
        return {"rc": status, "out": "", "err": str(err), "seconds": 0.0, "cut": False}
    running.add(child.pid)
    pipes = Pipe(child.stdout), Pipe(child.stderr)
    for pipe in pipes:  # to the end of the output: what is left in the background belongs to it
        pipe.join(max(0.0, clock + limit - time.monotonic()))
    rc = None
    with contextlib.suppress(subprocess.TimeoutExpired):
        rc = child.wait(max(0.0, clock + limit - time.monotonic()))
    late = rc is None or any(pipe.is_alive() for pipe in pipes)
    if late:
        end(child.pid)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(1)  # one that waits for a dead disk cannot be killed
        for pipe in pipes:
            pipe.join(1)  # a child that left the group may keep it open for ever
    running.discard(child.pid)
    return {
        "rc": None if late else rc,
        "out": pipes[0].text(),
        "err": pipes[1].text(),
        "seconds": time.time() - started,
        "cut": pipes[0].cut or pipes[1].cut,
    }


def main() -> None:
    """Say who we are, then answer until standard input ends; then nothing of ours stays."""
    lock = threading.Lock()

    def say(message: Any) -> None:
        with lock:
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()

    def work(request: Any) -> None:
        say(dict(run(request["argv"], request["limit"]), id=request["id"]))

    say({"hello": os.geteuid(), "python": sys.version.split()[0]})
    pool = ThreadPoolExecutor(WORKERS)
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        if request.get("now"):
            threading.Thread(target=work, args=(request,), daemon=True).start()
        else:
            pool.submit(work, request)
    for leader in list(running):
        end(leader)
    os._exit(0)  # without what still waits in the pool: nobody is there to read it


if __name__ == "__main__":
    main()
