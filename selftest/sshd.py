"""A real sshd of our own on loopback, for the self-tests and the bench."""

import getpass
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gntverify.deadline import wait_for

SSHD = "/usr/sbin/sshd"
KEYGEN_LIMIT_S = 20


@dataclass(frozen=True)
class Sshd:
    """A running server.

    Attributes:
        config: an ssh configuration file in which ``name`` is this server, its key pinned.
        known_hosts: where it is pinned.
    """

    name: str
    port: int
    directory: Path
    config: Path
    known_hosts: Path
    identity: Path
    process: "subprocess.Popen[bytes]"


@contextmanager
def running_sshd(directory: Path, name: str = "bench", extra: str = "") -> Iterator[Sshd]:
    """A server on a free port of loopback, with its own keys; ended when the block is left."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    for key in ("host", "user"):
        keygen(directory / key)
    (directory / "authorized_keys").write_text((directory / "user.pub").read_text())
    port = _free_port()
    (directory / "sshd_config").write_text(_server_config(directory, port, extra))
    Path("/run/sshd").mkdir(exist_ok=True)  # where sshd, as root, gives up its rights
    with (directory / "sshd.log").open("wb") as log:
        process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(directory / "sshd_config")], stdout=log, stderr=log
        )
    try:
        wait_for(f"The sshd on port {port}", lambda: _listens(port), 10, every_s=0.05)
        yield Sshd(
            name,
            port,
            directory,
            _client_config(directory, name, port),
            directory / "known_hosts",
            directory / "user",
            process,
        )
    finally:
        process.terminate()
        process.wait(timeout=10)


def keygen(path: Path) -> None:
    """A fresh key at ``path``, instead of the one that may be there."""
    path.unlink(missing_ok=True)
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(argv, check=True, timeout=KEYGEN_LIMIT_S)


def _server_config(directory: Path, port: int, extra: str) -> str:
    return f"""Port {port}
ListenAddress 127.0.0.1
HostKey {directory}/host
AuthorizedKeysFile {directory}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
{extra}
"""


def _client_config(directory: Path, name: str, port: int) -> Path:
    public = " ".join((directory / "host.pub").read_text().split()[:2])
    (directory / "known_hosts").write_text(
        f"[127.0.0.1]:{port} {public}\n[{name}]:{port} {public}\n"
    )
    config = directory / "ssh_config"
    config.write_text(f"""Host {name}
    HostName 127.0.0.1
    Port {port}
    User {getpass.getuser()}
    IdentityFile {directory}/user
    IdentitiesOnly yes
    UserKnownHostsFile {directory}/known_hosts
    GlobalKnownHostsFile /dev/null
""")
    return config


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> tuple[bool | None, str]:
    with socket.socket() as probe:
        probe.settimeout(1)
        status = probe.connect_ex(("127.0.0.1", port))
    return (True, "listens") if status == 0 else (None, os.strerror(status))
