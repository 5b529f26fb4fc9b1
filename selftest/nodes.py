"""Hosts that pass for Ganeti nodes: an sshd on loopback with a /var/lib of its own."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from selftest.sshd import Sshd, running_sshd

NOBODY = "setpriv --reuid=65534 --regid=65534 --clear-groups"
ELSEWHERE = "192.0.2.99"


def ssconf(me: str, members: Mapping[str, str], cluster: str, master: str) -> dict[str, str]:
    """What the node ``me`` keeps of its cluster: key to content.

    Args:
        me: the member that this machine is to be: it has 127.0.0.1.
        members: name to primary address.
        cluster: its name.
        master: the member that is master.
    """
    addresses = {name: "127.0.0.1" if name == me else ip for name, ip in members.items()}
    pairs = "".join(f"{name} {ip}\n" for name, ip in addresses.items())
    return {
        "cluster_name": f"{cluster}\n",
        "hypervisor_list": "kvm\n",
        "master_candidates": f"{master}\n",
        "master_ip": "192.0.2.100\n",
        "master_netdev": "lo\n",
        "master_netmask": "32\n",
        "master_node": f"{master}\n",
        "node_list": "".join(f"{name}\n" for name in members),
        "node_primary_ips": pairs,
        "node_secondary_ips": pairs,
        "online_nodes": "".join(f"{name}\n" for name in members),
        "release_version": "3.0.2\n",
    }


@contextmanager
def host(
    directory: Path,
    name: str,
    files: Mapping[str, str] | None,
    *,
    become: str = "",
    prepare: str = "",
) -> Iterator[Sshd]:
    """A host whose /var/lib holds nothing but these ssconf files; without any, no Ganeti.

    Args:
        directory: where all of it lies; new.
        name: what ssh calls it.
        files: key to content.
        become: a prefix that gives up rights, such as :data:`NOBODY`.
        prepare: shell text that runs before what is asked, in a mount namespace of its own.
    """
    state = directory / "lib"
    state.mkdir(parents=True)
    state.chmod(0o755)
    if files is not None:
        (state / "ganeti").mkdir(mode=0o700)
        for key, text in files.items():
            (state / "ganeti" / f"ssconf_{key}").write_text(text, encoding="utf-8")
    inner = directory / "inner"
    inner.write_text(
        f"mount --bind {state} /var/lib || exit 1\n{prepare}\n"
        f'exec {become} /bin/sh -c "$SSH_ORIGINAL_COMMAND"\n'
    )
    unshare = "unshare -m" if os.geteuid() == 0 else "unshare -rm"
    with running_sshd(directory / "sshd", name, f"ForceCommand {unshare} sh {inner}") as server:
        yield server
