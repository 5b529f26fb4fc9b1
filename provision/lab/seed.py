"""What makes a copy of the image one node: a small archive that it unpacks at its first boot.

It comes through QEMU's firmware configuration device, before the node's own init starts, so a
boot needs no second pass. The node takes one seed once: what a step of the notes changes later
stays changed over reboots.
"""

import hashlib
import io
import tarfile
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Interface

from provision.lab.mirror import HOST, source_line

FW_CFG_NAME = "opt/gntverify/seed"

CHRONY = """\
# The runner's clock is the lab's clock. A node that comes back from a snapshot steps at once.
server {server} iburst minpoll 0 maxpoll 4
makestep 1 -1
driftfile /var/lib/chrony/chrony.drift
rtcsync
"""

INTERFACES = """\
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet static
    address {address}
    netmask {netmask}
    gateway {gateway}
"""


def fw_cfg_argument(path: str) -> list[str]:
    """QEMU's arguments that hand the seed in this file to the node."""
    return ["-fw_cfg", f"name={FW_CFG_NAME},file={path}"]


def seed_tar(
    hostname: str,
    public: IPv4Interface,
    gateway: IPv4Address,
    host_keys: Mapping[str, bytes],
    authorized_keys: str,
    hosts: str = "",
    *,
    extra: Mapping[str, bytes] | None = None,
) -> bytes:
    """The seed of one node.

    Args:
        hostname: its full name.
        public: address and network of ``eth0``, the only interface it starts with.
        gateway: the runner on the public network: router, package mirror and clock.
        host_keys: file name under ``/etc/ssh`` to content, private and public.
        authorized_keys: who may log in as root.
        hosts: further lines of ``/etc/hosts``.
        extra: further files, path without the leading slash to content, mode 0644.
    """
    files: dict[str, tuple[int, bytes]] = {
        "etc/hostname": (0o644, f"{hostname}\n".encode()),
        "etc/machine-id": (0o444, f"{machine_id(hostname, host_keys)}\n".encode()),
        "etc/hosts": (0o644, _hosts(gateway, hosts).encode()),
        "etc/network/interfaces": (0o644, _interfaces(public, gateway).encode()),
        "etc/apt/sources.list": (0o644, f"{source_line()}\n".encode()),
        "etc/chrony/chrony.conf": (0o644, CHRONY.format(server=gateway).encode()),
        "root/.ssh/authorized_keys": (0o600, authorized_keys.rstrip().encode() + b"\n"),
    }
    for name, content in host_keys.items():
        files[f"etc/ssh/{name}"] = (0o644 if name.endswith(".pub") else 0o600, content)
    for path, content in (extra or {}).items():
        files[path] = (0o644, content)
    return _tar(files)


def machine_id(hostname: str, host_keys: Mapping[str, bytes]) -> str:
    """A machine id that no two nodes of any two labs share, and a node keeps."""
    digest = hashlib.sha256(hostname.encode())
    for name in sorted(host_keys):
        digest.update(host_keys[name])
    return digest.hexdigest()[:32]


def _hosts(gateway: IPv4Address, more: str) -> str:
    return f"127.0.0.1\tlocalhost\n{gateway}\t{HOST}\n{more.rstrip()}\n"


def _interfaces(public: IPv4Interface, gateway: IPv4Address) -> str:
    return INTERFACES.format(address=public.ip, netmask=public.netmask, gateway=gateway)


def _tar(files: Mapping[str, tuple[int, bytes]]) -> bytes:
    """An archive of these files (path to mode and content), owned by root, always the same."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path, (mode, content) in sorted(files.items()):
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), mode
            member.uname = member.gname = "root"
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
