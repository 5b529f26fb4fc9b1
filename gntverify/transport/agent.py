"""The agent: what runs on a node for the length of a run. Standard library only, Python 3.6 on.

It is sent as text over ssh's standard input and lives in memory; nothing is written on the node.
A line of JSON comes in: ``{"id": 7, "argv": [...], "limit": 30.0}``; a line goes out for each, as
soon as it is there: ``{"id": 7, "rc": 0, "out": "", "err": "", "seconds": 0.01, "cut": false}``.
"""

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
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(argv: Any, limit: float) -> Any:
    """Run one command: status (None when ended at its limit), output, and whether it was cut."""
    environment = dict(os.environ, LC_ALL="C.UTF-8", PATH=PATH)
    started = time.time()
    try:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
    except OSError as err:
        status = 127 if isinstance(err, FileNotFoundError) else 126
        return {"rc": status, "out": "", "err": str(err), "seconds": 0.0, "cut": False}
    rc = None
    try:
        out, err_out = child.communicate(timeout=limit)
        rc = child.returncode
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        out, err_out = child.communicate()
    return {
        "rc": rc,
        "out": out[:MOST_BYTES].decode("utf-8", "surrogateescape"),
        "err": err_out[:MOST_BYTES].decode("utf-8", "surrogateescape"),
        "seconds": time.time() - started,
        "cut": max(len(out), len(err_out)) > MOST_BYTES,
    }


def main() -> None:
    """Say who we are, then answer until standard input ends."""
    lock = threading.Lock()

    def say(message: Any) -> None:
        with lock:
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()

    def work(request: Any) -> None:
        say(dict(run(request["argv"], request["limit"]), id=request["id"]))

    say({"hello": os.geteuid(), "python": sys.version.split()[0]})
    with ThreadPoolExecutor(WORKERS) as pool:
        for line in iter(sys.stdin.readline, ""):
            pool.submit(work, json.loads(line))


if __name__ == "__main__":
    main()
