"""The lab's own keys: one login key, and host keys for every node; made new for every lab."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from provision.lab.plan import Machine

KEYGEN_LIMIT_S = 60.0
KINDS = ("ed25519", "rsa")
"""Ganeti 3.0 wants RSA host keys; everybody else takes ed25519."""


def make_keys(directory: Path, machines: Sequence[Machine]) -> None:
    """The login key and the host keys, readable by us alone."""
    directory.mkdir(mode=0o700)
    _generate(directory / "login", "ed25519", "gntverify lab")
    for machine in machines:
        place = directory / machine.short
        place.mkdir(mode=0o700)
        for kind in KINDS:
            _generate(place / f"ssh_host_{kind}_key", kind, machine.name)


def host_keys(directory: Path, machine: Machine) -> dict[str, bytes]:
    """File name under ``/etc/ssh`` to content."""
    return {path.name: path.read_bytes() for path in sorted((directory / machine.short).iterdir())}


def known_hosts(directory: Path, machines: Sequence[Machine]) -> str:
    """Every node's keys under every name and address it goes by."""
    lines = []
    for machine in machines:
        names = ",".join((machine.short, machine.name, machine.address, machine.private))
        for kind in KINDS:
            public = (directory / machine.short / f"ssh_host_{kind}_key.pub").read_text()
            lines.append(f"{names} {' '.join(public.split()[:2])}\n")
    return "".join(lines)


def _generate(path: Path, kind: str, comment: str) -> None:
    argv = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", comment, "-f", str(path)]
    subprocess.run(argv, check=True, timeout=KEYGEN_LIMIT_S)
