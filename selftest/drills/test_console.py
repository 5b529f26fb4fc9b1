"""The text that watches a serial console, on a socket as QEMU's, and what is told of it."""

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gntverify.drills import console

PANIC = "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)"
SHELL = "\r\n\x1b[?2004h\x1b[01;32mroot@vm3\x1b[0m:~# "


@contextmanager
def guest(path: Path, *, panic: bool = False) -> Iterator[None]:
    """A console that says nothing of itself: a login to a bare return, a shell to a name."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        with suppress(OSError):
            line, _ = server.accept()
            with line:
                if panic:
                    line.sendall(f"[ 1.2] {PANIC}\r\n[ 1.3] ---[ end ]---\r\n".encode())
                for said in iter(lambda: line.recv(99), b""):
                    line.sendall(("\r\nvm3 login: " if said == b"\r" else SHELL).encode())

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield
    finally:
        server.close()


def ask(argv: list[str], **_how: object) -> Any:
    """What a node's source does with it."""
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    return SimpleNamespace(text=lambda: ran.stdout, stdout=ran.stdout)


@pytest.mark.parametrize(
    ("pattern", "typed", "found", "last"),
    [
        ("login: ?$", "", True, "vm3 login:"),  # it is nudged
        ("root@vm3:~# ", "root\r", True, "root@vm3:~#"),
        ("Password:", "root\r", False, "vm3 login:"),
    ],
)
def test_a_console_is_watched(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pattern: str,
    typed: str,
    found: bool,
    last: str,
) -> None:
    monkeypatch.setattr(console, "DIRECTORY", str(tmp_path))
    node: Any = SimpleNamespace(source=SimpleNamespace(ask=ask))
    with guest(tmp_path / "vm3.serial"):
        seen = console.watch(node, "vm3", pattern, 6, typed)
    assert (seen.found, seen.last) == (found, last)
    assert "\x1b" not in seen.text


def test_a_kernel_that_gives_up_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "DIRECTORY", str(tmp_path))
    node: Any = SimpleNamespace(source=SimpleNamespace(ask=ask))
    began = time.monotonic()
    with guest(tmp_path / "vm3.serial", panic=True):
        seen = console.watch(node, "vm3", "login: ?$", 40)
    assert (seen.found, seen.last) == (False, f"[ 1.2] {PANIC}")
    assert time.monotonic() - began < 20
