"""The text that watches a serial console, on a socket as QEMU's."""

import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gntverify.drills.console import _WATCH


@contextmanager
def getty(path: Path, deaf: int) -> Iterator[None]:
    """A login that throws away the first ``deaf`` lines, and asks for a password after a name."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def serve() -> None:
        with suppress(OSError):
            line, _ = server.accept()
            with line:
                for number, said in enumerate(iter(lambda: line.recv(99), b""), 1):
                    name = said.strip().decode()
                    answer = f"{name}\r\nPassword: " if number > deaf and name else "vm login: "
                    line.sendall(f"\r\n{answer}".encode())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.close()


def watched(path: Path, typed: str, limit_s: float) -> tuple[bool, str]:
    argv = ["python3", "-c", _WATCH, str(path), "Password:", typed, str(limit_s)]
    ran = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    found, seen = json.loads(ran.stdout)
    return bool(found), str(seen)


@pytest.mark.parametrize("deaf", [0, 1])
def test_a_name_that_a_getty_threw_away_is_typed_again(tmp_path: Path, deaf: int) -> None:
    with getty(tmp_path / "serial", deaf):
        found, seen = watched(tmp_path / "serial", "root\r", 30)
    assert found, seen


def test_a_prompt_alone_is_no_answer(tmp_path: Path) -> None:
    with getty(tmp_path / "serial", 9):
        found, seen = watched(tmp_path / "serial", "root\r", 5)
    assert not found
    assert seen.endswith("login: ")
