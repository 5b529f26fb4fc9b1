"""What a cluster in service has and a new one has not, so that every control has a subject.

- ``vm1``: a probe guest on a DRBD disk of the master and its neighbour, running.
- ``vm2``: a probe guest on a plain disk of the last node, stopped; its export lies on the node
  before, and a copy of that, read-only, on the master under ``/srv/nas``, where a NAS would be
  mounted.
- A user of the remote API, who may read; nobody knows the password.
- The tag that allows drills.
"""

import hashlib
import secrets
import subprocess
from collections.abc import Sequence
from typing import Protocol

from gntverify.deadline import scaled, wait_for
from gntverify.errors import CommandFailed, CommandTimeout, SiteError
from gntverify.site import Site
from gntverify.site.model import ALLOW_TAG

MIRRORED, PLAIN = "vm1.gnt.example", "vm2.gnt.example"
USER = "reader"
USERS_FILE = "/var/lib/ganeti/rapi/users"
EXPORTS = "/var/lib/ganeti/export"
NAS = "/srv/nas"
HOSTS = (MIRRORED, PLAIN)
GET = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=5).read().decode())"
# Debian's busybox dies of a segmentation fault in `wget -T`.
LIMIT_S = 300.0
ANSWER_S = 30.0
GUEST_S = 60.0
"""Until the first heartbeat after `gnt-instance add`; 11 s on the lab."""


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
        DeadlinePassed: the guest did not come up, or its data is not whole.
    """
    master, other = site.nodes[0], site.nodes[1]
    last, before = site.nodes[-1], site.nodes[-2]

    def on_master(*argv: str) -> str:
        return _output(on_node, master.short, argv)

    there = on_master("gnt-instance", "list", "--no-headers", "-o", "name").split()
    made = False
    if MIRRORED not in there:
        place = ("-t", "drbd", "-n", f"{master.name}:{other.name}")
        on_master(*added(site, MIRRORED, *place))
        await_guest(on_node, master.short, MIRRORED, address_of(site, MIRRORED))
        made = True
    if PLAIN not in there:
        on_master(*added(site, PLAIN, "-t", "plain", "-n", last.name, "--no-start"))
        on_master("gnt-backup", "export", "-n", before.name, PLAIN)
        on_master("bash", "-c", copied(before.name, str(site.cluster.name)))
        made = True
    if ALLOW_TAG not in on_master("gnt-cluster", "list-tags").split():
        on_master("gnt-cluster", "add-tags", ALLOW_TAG)  # a lab is there to be disrupted
        made = True
    if not on_master("sh", "-c", f"[ ! -e {USERS_FILE} ] || echo there").strip():
        on_master("sh", "-c", users_file(secrets.token_hex(16)))
        on_master("gnt-cluster", "redist-conf")
        made = True
    return made


def address_of(site: Site, name: str) -> str:
    """The guest's address: of the upper end of the private network, far from nodes and runner.

    Raises:
        SiteError: the site does not say what its private network is.
    """
    network = site.network.private.network
    if network is None:
        raise SiteError(f"Site {site.name!r} names no network.private.network for its guests.")
    return str(network[-2 - HOSTS.index(name)])


def added(site: Site, name: str, *place: str) -> tuple[str, ...]:
    """The command that makes a probe guest there; its kernel's chatter takes half of its boot."""
    parameters = {**site.instance(name).hypervisor_parameters, "kernel_args": "ro quiet"}
    words = ",".join(f"{key}={value}" for key, value in parameters.items())
    nic = f"0:ip={address_of(site, name)}"
    install = ("-s", "1g", "-o", "gntverify-probe+default", "-H", f"kvm:{words}", "--net", nic)
    return ("gnt-instance", "add", *place, *install, "--no-name-check", "--no-ip-check", name)


def await_guest(on_node: OnNode, node: str, name: str, address: str) -> None:
    """Return when the guest says, to that node, that its data is whole.

    Raises:
        DeadlinePassed: it did not answer, or not that.
    """
    url = f"http://{address}/canary.txt"

    def probe() -> tuple[bool | None, str]:
        done = on_node(node, ("python3", "-c", GET, url), timeout_s=scaled(ANSWER_S))
        return (
            done.stdout.strip().endswith(" ok") or None,
            done.stdout.strip() or done.stderr.strip() or "nothing",
        )

    wait_for(f"A whole canary of the guest {name!r}, at {url},", probe, GUEST_S, every_s=2)


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
