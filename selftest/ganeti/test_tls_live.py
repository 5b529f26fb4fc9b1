"""The question about TLS put to servers that really speak, and really refuse, old versions."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from gntverify.deadline import wait_for
from gntverify.ganeti import tls

OPENSSL = "/usr/bin/openssl"
LOOPBACK = IPv4Address("127.0.0.1")
OLD_TOO = ("-cipher", "ALL:@SECLEVEL=0")
ASKS_FOR_A_CLIENT = ("-Verify", "1")  # as noded does

Greet = Callable[..., str]


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate in one file, as Ganeti keeps them."""
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    options = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ganeti")
    made = subprocess.run(
        [OPENSSL, "req", *options, "-keyout", "-"], capture_output=True, check=True, timeout=60
    )
    file.write_bytes(made.stdout)
    return file


@pytest.fixture
def greet(pem: Path) -> Iterator[Greet]:
    """Starts a server with these options, and returns what the greeting prints."""
    with ExitStack() as servers:

        def ask(*options: str) -> str:
            port = servers.enter_context(_server(pem, options))
            return _printed(pem, port)

        yield ask


@contextmanager
def _server(pem: Path, options: tuple[str, ...]) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind((str(LOOPBACK), 0))
        port = int(probe.getsockname()[1])
    files = ("-cert", str(pem), "-key", str(pem))
    with subprocess.Popen(
        [OPENSSL, "s_server", "-quiet", "-accept", f"{LOOPBACK}:{port}", *files, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_for(f"The server on port {port}", lambda: _listens(port), 20, every_s=0.05)
            yield port
        finally:
            process.kill()


def _listens(port: int) -> tuple[bool | None, str]:
    with socket.socket() as probe:
        return (probe.connect_ex((str(LOOPBACK), port)) == 0) or None, "nobody listens"


def _printed(pem: Path, port: int) -> str:
    argv = tls.greeting_argv("noded", LOOPBACK, port)
    argv[2] = argv[2].replace(tls.FILES["noded"], str(pem))
    ran = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120)
    return ran.stdout


def test_a_server_of_today_gives_no_trouble(greet: Greet) -> None:
    assert tls.parse_greeting(greet()).trouble == ()


def test_old_versions_are_found_though_a_client_certificate_is_wanted(greet: Greet) -> None:
    for more in ((), ASKS_FOR_A_CLIENT):
        have = tls.parse_greeting(greet(*OLD_TOO, *more))
        assert have.trouble == ("speaks TLS 1.0", "speaks TLS 1.1")
        assert have.shown == have.file


def test_a_version_that_neither_is_shown_nor_refused_is_not_told(greet: Greet) -> None:
    have = tls.parse_greeting(greet("-tls1", *OLD_TOO))
    assert have.old["TLS 1.0"] is True
    assert isinstance(have.old["TLS 1.1"], str)
