"""What a cluster in service has and a new one has not, so that every control has a subject.

- ``vm1``: a DRBD instance of the master and its neighbour, running, its processor halted.
- ``vm2``: a probe guest on a plain disk of the last node, stopped; its export lies on the node
  before, and a copy of that, read-only, on the master under ``/srv/nas``, where a NAS would be
  mounted.
- The names of both in every node's hosts file, as the notes have it.
- A user of the remote API, who may read; nobody knows the password.
- The tag that allows drills.
- Ganeti's allocator takes what a small node needs for itself, not the 4096 MiB of its default:
  that is more than a node of the lab has, and nothing would fit anywhere.
- DRBD syncs as fast as it can: by default its controller yields to all that moves on the disks
  below, and nodes under emulation are never still (1.3 MiB/s against 8).

No guest's code runs, not even a BIOS: under emulation that is a risk to its node
(docs/roadmap.md). What a node, Ganeti and the controls see of ``vm1`` is the same.
"""

import hashlib
import secrets
import subprocess
from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import Protocol

from gntverify.deadline import scaled
from gntverify.errors import CommandFailed, CommandTimeout, SiteError
from gntverify.site import Site
from gntverify.site.model import ALLOW_TAG

MIRRORED, PLAIN = "vm1.gnt.example", "vm2.gnt.example"
USER = "reader"
USERS_FILE = "/var/lib/ganeti/rapi/users"
EXPORTS = "/var/lib/ganeti/export"
NAS = "/srv/nas"
ADD = ("gnt-instance", "add", "-s", "1g", "--no-name-check", "--no-ip-check")
NODE_MEMORY = "static-kvm-node-memory"
"""Of htools: what a node takes for itself, in MiB."""
PATIENCE = "--ping-timeout=50"
"""An emulated node may not answer within DRBD's half a second; then its mirror falls apart."""
MIRRORS = (
    "drbd:dynamic-resync=true,c-plan-ahead=20,c-fill-target=8192,c-max-rate=102400,c-min-rate=0,"
    f"net-custom={PATIENCE}"
)
"""Disk parameters: DRBD's controller yields to nobody, and keeps 4 MiB under way."""
MONITORS = "/var/run/ganeti/kvm-hypervisor/ctrl"
LIMIT_S = 300.0


class OnNode(Protocol):
    """Runs one command on a node of the lab; the whole result comes back."""

    def __call__(
        self, node: str, argv: Sequence[str], *, timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Exit status, standard output and standard error of the command."""


def ensure_workload(site: Site, on_node: OnNode) -> bool:
    """Make what is not there yet; True when anything was made.

    Raises:
        CommandFailed: Ganeti refused; its last line is in the message.
        CommandTimeout: Ganeti did not answer in time.
    """
    master, other = site.nodes[0], site.nodes[1]
    last, before = site.nodes[-1], site.nodes[-2]

    def on_master(*argv: str) -> str:
        return _output(on_node, master.short, argv)

    there = on_master("gnt-instance", "list", "--no-headers", "-o", "name").split()
    made = False
    info = on_master("gnt-cluster", "info")
    if NODE_MEMORY not in info:
        on_master("gnt-cluster", "modify", f"--default-iallocator-params={NODE_MEMORY}=512")
        made = True
    if PATIENCE not in info:
        on_master("gnt-cluster", "modify", f"--disk-parameters={MIRRORS}")
        made = True
    if PLAIN not in there:
        place = ("-t", "plain", "-n", last.name)
        on_master(*ADD, *place, *probe_guest(site, PLAIN), "--no-start", PLAIN)
        on_master("gnt-backup", "export", "-n", before.name, PLAIN)
        on_master("bash", "-c", copied(before.name, str(site.cluster.name)))
        made = True
    if MIRRORED not in there:
        place = ("-t", "drbd", "-n", f"{master.name}:{other.name}")
        on_master(*ADD, *place, "-o", "noop", "--no-install", MIRRORED)
        on_master("gnt-instance", "start", MIRRORED)  # --no-install left it stopped
        on_master("bash", "-c", halted(MIRRORED))
        made = True
    for node in site.nodes:
        made |= bool(_output(on_node, node.short, ("sh", "-c", named(site))).strip())
    if ALLOW_TAG not in on_master("gnt-cluster", "list-tags").split():
        on_master("gnt-cluster", "add-tags", ALLOW_TAG)  # a lab is there to be disrupted
        made = True
    if not on_master("sh", "-c", f"[ ! -e {USERS_FILE} ] || echo there").strip():
        on_master("sh", "-c", users_file(secrets.token_hex(16)))
        on_master("gnt-cluster", "redist-conf")
        made = True
    return made


def probe_guest(site: Site, name: str) -> tuple[str, ...]:
    """Options of `gnt-instance add` for a probe guest; the kernel's chatter is half of its boot.

    Its address is of the upper end of the private network, far from nodes and runner.

    Raises:
        SiteError: the site does not say what its private network is.
    """
    network = _private(site)
    parameters = {**site.instance(name).hypervisor_parameters, "kernel_args": "ro quiet"}
    words = ",".join(f"{key}={value}" for key, value in parameters.items())
    return ("-o", "gntverify-probe+default", "-H", f"kvm:{words}", "--net", f"0:ip={network[-2]}")


def _private(site: Site) -> IPv4Network:
    network = site.network.private.network
    if network is None:
        raise SiteError(f"Site {site.name!r} names no network.private.network for its guests.")
    return network


def named(site: Site) -> str:
    """Shell text that puts the names of both into a hosts file, and prints what is new."""
    network = _private(site)
    lines = (
        f"{network[-2 - n]} {name} {name.split('.')[0]}"
        for n, name in enumerate((PLAIN, MIRRORED))
    )
    return "; ".join(
        f"grep -qxF '{line}' /etc/hosts || echo '{line}' | tee -a /etc/hosts" for line in lines
    )


def copied(node: str, cluster: str) -> str:
    """Text for the master's bash: what ``node`` exported, read-only on another file system."""
    known = f"-oGlobalKnownHostsFile=/var/lib/ganeti/known_hosts -oHostKeyAlias={cluster}"
    login = f"ssh -oUserKnownHostsFile=/dev/null -oBatchMode=yes {known} root@{node}"
    return (
        f"set -o pipefail; mkdir -p {NAS} && "
        f"{{ mountpoint -q {NAS} || mount -t tmpfs nas {NAS}; }} && "
        f"{login} tar -C {EXPORTS} -cSf - {PLAIN} | tar -C {NAS} -xSf - && "
        f"chmod 0444 {NAS}/{PLAIN}/*"
    )


def halted(name: str) -> str:
    """Text for the bash of the node of a KVM instance: its processor runs no code any more."""
    monitor = f"socat -t 5 - UNIX-CONNECT:{MONITORS}/{name}.monitor"
    return f"printf 'stop\\ninfo status\\n' | {monitor} | grep 'VM status: paused'"


def users_file(password: str) -> str:
    """Shell text that makes RAPI's users file as Ganeti wants it, the password as a hash."""
    text = f"{USER}:Ganeti Remote API:{password}".encode()
    digest = hashlib.md5(text, usedforsecurity=False).hexdigest()  # what RAPI compares with
    return (
        f"umask 077 && echo '{USER} {{HA1}}{digest}' > {USERS_FILE} && "
        f"chown gnt-rapi:gnt-masterd {USERS_FILE} && chmod 640 {USERS_FILE}"
    )


def _output(on_node: OnNode, node: str, argv: Sequence[str]) -> str:
    command = " ".join(argv)
    try:
        done = on_node(node, argv, timeout_s=scaled(LIMIT_S))
    except subprocess.TimeoutExpired as err:
        raise CommandTimeout(
            f"On {node!r}, `{command}` was ended after {err.timeout:.0f} s."
        ) from err
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing").splitlines()[-1]
        raise CommandFailed(f"On {node!r}, `{command}` ended with {done.returncode}: {said}")
    return done.stdout
