"""Probe disks in files: the scripts of the package, run as Ganeti runs them on a node."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from provision.guest.package import NAME, PLACES, build

PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
MIB = 1024 * 1024
SIZE = 16 * MIB
ADDRESS = {"NIC_0_MODE": "bridged", "NIC_0_IP": "192.0.2.7", "NIC_0_LINK": "no-such-bridge"}
NETWORK = {"NIC_0_NETWORK_SUBNET": "192.0.2.0/24", "NIC_0_NETWORK_GATEWAY": "192.0.2.254"}


@dataclass(frozen=True)
class Probe:
    """The package, unpacked under ``root``."""

    root: Path

    def os(
        self, script: str, variables: Mapping[str, str], *arguments: str, stdin: bytes = b""
    ) -> "subprocess.CompletedProcess[bytes]":
        """An OS script, with the environment that Ganeti would give it."""
        program = self.root / PLACES["os"] / script
        env = {"PATH": PATH, "INSTANCE_NAME": "vm.gnt.example", **variables}
        return _run(program, *arguments, stdin=stdin, env=env)

    def tool(self, name: str, target: Path) -> tuple[int, str]:
        """Exit status and line of ``check-canary`` or ``check-disk``."""
        done = _run(self.root / PLACES["share"] / name, str(target), env={"PATH": PATH})
        return done.returncode, done.stdout.decode().strip()

    def create(self, disk: Path, size: int = SIZE) -> Path:
        """A new disk of that many bytes."""
        with disk.open("wb") as file:
            file.truncate(size)
        env = ADDRESS | NETWORK
        assert self.os("create", {"DISK_0_PATH": str(disk)} | env).returncode == 0
        return disk

    def export(self, disk: Path) -> bytes:
        """What `export` says of it."""
        done = self.os("export", {"EXPORT_DISK_PATH": str(disk), "EXPORT_INDEX": "0"})
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def restore(self, dump: bytes, disk: Path, size: int = SIZE) -> bool:
        """Whether `import` took the dump, for a disk of that many bytes."""
        with disk.open("ab") as file:
            file.truncate(size)
        env = {"IMPORT_DISK_PATH": str(disk), "IMPORT_INDEX": "0"}
        return self.os("import", env, stdin=dump).returncode == 0


def unpacked(directory: Path) -> Probe:
    """The package as dpkg would unpack it."""
    made = build(directory)
    root = directory / NAME
    subprocess.run(["/usr/bin/dpkg-deb", "-x", str(made), str(root)], check=True, timeout=20)
    return Probe(root)


def debugfs(disk: Path, *requests: str) -> str:
    """What debugfs answers to the requests; it may write."""
    text = "".join(f"{request}\n" for request in requests)
    argv = ["/usr/sbin/debugfs", "-w", "-f", "-", str(disk)]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=20, check=True)
    return done.stdout


def content(disk: Path, path: str) -> bytes:
    """A file's content."""
    argv = ["/usr/sbin/debugfs", "-R", f"cat {path}", str(disk)]
    return subprocess.run(argv, capture_output=True, timeout=20, check=True).stdout


def files(disk: Path, directory: Path) -> Path:
    """All files of a disk, in a new directory."""
    directory.mkdir()
    debugfs(disk, f"rdump / {directory}")
    return directory


def _run(
    program: Path, *arguments: str, stdin: bytes = b"", env: dict[str, str]
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [str(program), *arguments],
        input=stdin,
        capture_output=True,
        timeout=30,
        check=False,
        env=env,
        cwd=os.path.sep,
    )
