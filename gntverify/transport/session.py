"""A live host: one ssh connection for the whole run, with the agent at its other end."""

import base64
import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import Any

from gntverify import evidence
from gntverify.deadline import scaled
from gntverify.errors import Unreachable
from gntverify.evidence import Answer
from gntverify.transport import agent
from gntverify.transport.source import DEFAULT_LIMIT_S
from gntverify.transport.ssh import CONNECT_LIMIT_S, Options, command, unreachable

HELLO_LIMIT_S = 20.0
GRACE_S = 20.0
"""How long after the limit of a command an answer may still be on its way, in seconds."""


class Session:
    """One host, asked over one connection; a :class:`~gntverify.transport.source.Source`.

    Thread-safe: facts of several nodes may be read at once.
    """

    def __init__(self, host: str, options: Options | None = None) -> None:
        self.name = host
        self._argv = command(host, options or Options())
        self._lock = threading.Lock()
        self._known: dict[tuple[str, ...], Future[Answer]] = {}
        self._fresh: list[Future[Answer]] = []
        self._limits: dict[tuple[str, ...], float] = {}
        self._looked: dict[tuple[str, ...], None] = {}  # a set that keeps its order
        self._waiting: dict[int, tuple[tuple[str, ...], float, float, Future[Answer]]] = {}
        self._heard = time.monotonic()
        self._hello: Future[dict[str, Any]] = Future()
        self._lost: Unreachable | None = None
        self._number = 0
        self._child: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self._said = ""

    def open(self) -> None:
        """Connect, and start the agent.

        Raises:
            Unreachable: it could not be done; the message says why and what to do.
        """
        self._child = self._started()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        listener = threading.Thread(target=self._listen, daemon=True)
        listener.start()
        source = Path(agent.__file__).read_bytes()
        try:
            self._send(base64.b64encode(source).decode())
            self._hello.result(timeout=scaled(CONNECT_LIMIT_S + HELLO_LIMIT_S))
        except (OSError, FutureTimeout) as err:
            hung = isinstance(err, FutureTimeout)
            self.close()
            listener.join(timeout=2)  # what ssh said last is the reason
            raise unreachable(self.name, self._said, hung) from err

    def reopen(self) -> None:
        """Connect anew to a host that went away and should be back; what it said is kept.

        Raises:
            Unreachable: it is not back yet; this may be tried again.
        """
        self.close()
        if self._reader is not None:
            self._reader.join()  # its last word is that the host was lost
        with self._lock:
            self._lost, self._hello, self._said = None, Future(), ""
            told = {k: one for k, one in self._known.items() if one.exception() is None}
            self._known = told
        self.open()

    def _started(self) -> "subprocess.Popen[str]":
        try:
            return subprocess.Popen(
                self._argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",  # banners and login scripts; the agent itself prints ASCII
                start_new_session=True,  # Ctrl-C is ours: what must be undone is undone over this
            )
        except FileNotFoundError as err:
            raise Unreachable(
                self.name,
                f"Host {self.name!r} cannot be asked: there is no ssh on this machine; "
                "`apt-get install openssh-client`.",
            ) from err

    def close(self) -> None:
        """End the connection; what is asked afterwards is told that the host is lost."""
        child, self._child = self._child, None
        if child is None:
            return
        with contextlib.suppress(OSError):
            if child.stdin:
                child.stdin.close()
        try:
            child.wait(timeout=2)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(timeout=5)

    @property
    def uid(self) -> int:
        """The user whose rights the commands have, once the session is open."""
        return int(self._hello.result()["hello"])

    @property
    def asked(self) -> dict[tuple[str, ...], float]:
        """Every cached command whose answer was looked at, with its limit in seconds."""
        return {argv: self._limits[argv] for argv in list(self._looked)}

    @property
    def answers(self) -> list[Answer]:
        """Every answer that has come."""
        known = [*self._known.values(), *self._fresh]
        return [one.result() for one in known if one.done() and one.exception() is None]

    def begin(self, argv: Sequence[str], timeout_s: float = DEFAULT_LIMIT_S) -> Future[Answer]:
        """Ask without waiting; a question that was asked before is not asked again."""
        key = tuple(argv)
        with self._lock:
            if key not in self._known:
                self._known[key] = self._put(key, timeout_s)
                self._limits[key] = timeout_s
            return self._known[key]

    def ask(
        self, argv: Sequence[str], *, timeout_s: float = DEFAULT_LIMIT_S, fresh: bool = False
    ) -> Answer:
        """The answer to a command; see :class:`~gntverify.transport.source.Source`."""
        if fresh:
            with self._lock:
                future = self._put(tuple(argv), timeout_s, now=True)
                self._fresh.append(future)
        else:
            future = self.begin(argv, timeout_s)
            self._looked[tuple(argv)] = None
        return self._awaited(future)

    def settle(self) -> None:
        """Wait until nothing is under way there."""
        with self._lock:
            futures = [future for *_, future in self._waiting.values()]
        with contextlib.suppress(Unreachable):
            for future in futures:
                self._awaited(future)

    def _awaited(self, future: "Future[Answer]") -> Answer:
        """Wait for as long as the host gives signs of life.

        Each command ends at its own limit, so while any is under way an answer comes within the
        longest of their limits; only silence beyond that tells of a host that hangs.
        """
        while not future.done():
            try:
                future.result(timeout=self._patience())
            except FutureTimeout:
                if self._patience() <= 0:
                    self._lose(f"Host {self.name!r} stopped answering.")
        answer = future.result()
        evidence.note(answer.key)
        return answer

    def _patience(self) -> float:
        """Seconds until the host's silence is too long."""
        with self._lock:
            limits = [limit_s for _, limit_s, _, _ in self._waiting.values()]
            since = self._heard
        return since + scaled(max(limits, default=0.0) + GRACE_S) - time.monotonic()

    def _put(
        self, argv: tuple[str, ...], timeout_s: float, *, now: bool = False
    ) -> "Future[Answer]":
        """Send one question; called with the lock held."""
        future: Future[Answer] = Future()
        if self._lost is not None:
            future.set_exception(self._lost)
            return future
        self._number += 1
        if not self._waiting:
            self._heard = time.monotonic()  # silence counts from a question on
        self._waiting[self._number] = (argv, timeout_s, time.time(), future)
        limit_s = scaled(timeout_s)
        question = {"id": self._number, "argv": list(argv), "limit": limit_s, "now": now}
        try:
            self._send(json.dumps(question))
        except OSError:
            del self._waiting[self._number]
            future.set_exception(self._gone())
        return future

    def _send(self, line: str) -> None:
        if self._child is None or self._child.stdin is None:
            raise BrokenPipeError
        self._child.stdin.write(line + "\n")
        self._child.stdin.flush()

    def _read(self) -> None:
        """Answers as they come; the end of the stream loses the host."""
        child = self._child
        if child is None or child.stdout is None:
            return
        for line in child.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                continue  # a login script that prints: noise before the agent
            if not isinstance(message, dict):
                continue
            if "hello" in message:
                self._hello.set_result(message)
            elif "id" in message:
                self._deliver(message)
        child.wait(timeout=None)
        if not self._hello.done():
            self._hello.set_exception(BrokenPipeError())
        self._lose(f"Host {self.name!r} was lost in the middle of the run.")

    def _listen(self) -> None:
        child = self._child
        if child is not None and child.stderr is not None:
            for line in child.stderr:
                self._said = f"{self._said}{line}"[-4000:]

    def _deliver(self, message: dict[str, Any]) -> None:
        with self._lock:
            self._heard = time.monotonic()
            question = self._waiting.pop(message["id"], None)
        if question is None:
            return  # given up meanwhile, and told so
        argv, _, started, future = question
        problem = f"its output was cut at {agent.MOST_BYTES} bytes" if message["cut"] else ""
        future.set_result(
            Answer(
                self.name,
                argv,
                message["rc"],
                message["out"],
                message["err"],
                started,
                message["seconds"],
                problem,
            )
        )

    def _gone(self) -> Unreachable:
        return self._lost or Unreachable(self.name, f"Host {self.name!r} was lost.")

    def _lose(self, sentence: str) -> None:
        with self._lock:
            if self._lost is None:
                self._lost = Unreachable(self.name, sentence)
            waiting, self._waiting = self._waiting, {}
        for *_, future in waiting.values():
            future.set_exception(self._gone())
