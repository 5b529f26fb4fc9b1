"""Startup of the Cluster: gnt-cluster init on the first node."""

from shlex import join

from pyinfra.context import host

from gntverify.site import Site
from gntverify.site.model import Node
from provision.notes._facts import SSCONF, Lines
from provision.notes._ganeti import (
    INIT_S,
    START_S,
    DaemonFacts,
    MembershipFacts,
    Parameters,
    start_commands,
)
from provision.notes._operations import commands, deploy, limit
from provision.section import Context, Section, Stage

TITLE = "Startup of the Cluster"
FILE_STORAGE = "/srv/ganeti/file-storage"
FILE_PATHS = "/etc/ganeti/file-storage-paths"
INIT = "gnt-cluster init"
UNWATCHED = "flock --close /var/lock/ganeti-watcher.lock"
"""Keeps cron's watcher out: what it starts first, `daemon-util start-all` takes for a failure.

It ends at once while its lock is held (ganeti.watcher, Main); --close: no daemon inherits it.
"""
ASK = "gnt-cluster info >/dev/null"


@deploy(TITLE)
def file_storage(context: Context, _node: Node) -> None:
    file_based = "file" in context.site.cluster.disk_templates
    make = (
        f"mkdir -p {FILE_STORAGE} && (grep -qsxF {FILE_STORAGE} {FILE_PATHS} "
        f"|| echo {FILE_STORAGE} >> {FILE_PATHS})"
    )
    missing = file_based and not host.get_fact(MembershipFacts).cluster
    commands(*([make] if missing else []), name="Directories for file based disks are allowed")


@deploy(TITLE)
def init(context: Context, _node: Node) -> None:
    done = host.get_fact(MembershipFacts).cluster
    commands(
        *([] if done else [init_command(context.site)]),
        name=f"{context.cluster_name} is initialised on the first node",
        _timeout=limit(INIT_S),
    )


@deploy(TITLE)
def daemons(context: Context, node: Node) -> None:
    member = host.get_fact(MembershipFacts).cluster
    have = host.get_fact(DaemonFacts)
    commands(
        *(start_commands(have, is_master=node.name == context.master) if member else []),
        name="The daemons of the node's role run",
        _timeout=limit(START_S),
    )


@deploy(TITLE)
def answer(context: Context, _node: Node) -> None:
    look = f"[ ! -e {SSCONF}_cluster_name ] || timeout {limit(30)} {ASK} 2>&1 || echo silent"
    silent = host.get_fact(Lines, text=look)
    commands(
        *([f"until {ASK}; do sleep 2; done"] if silent else []),
        name=f"{context.cluster_name} answers",
        _timeout=limit(START_S),
    )


def init_command(site: Site) -> str:
    """Shell text that makes the cluster, cron's watcher kept out meanwhile."""
    return f"{UNWATCHED} {join(init_arguments(site))}"


def init_arguments(site: Site) -> list[str]:
    """``gnt-cluster init`` as the site has it; what 2.4 took for granted is said aloud."""
    cluster, private = site.cluster, site.network.private
    netmask = private.network.prefixlen if private.network else 32
    helper = (
        [f"--drbd-usermode-helper={site.drbd.usermode_helper}"]
        if "drbd" in cluster.disk_templates
        else []
    )
    return [
        "gnt-cluster",
        "init",
        f"--enabled-hypervisors={','.join(cluster.hypervisors)}",
        f"--enabled-disk-templates={','.join(cluster.disk_templates)}",
        f"--vg-name={site.storage.volume_group}",
        f"--master-netdev={private.bridge}",
        f"--master-netmask={netmask}",
        f"--nic-parameters=mode=bridged,link={private.bridge}",
        *helper,
        f"--candidate-pool-size={cluster.candidate_pool_size}",
        *(
            f"--hypervisor-parameters={Parameters(name, values)}"
            for name, values in cluster.hypervisor_parameters.items()
            if name in cluster.hypervisors
        ),
        cluster.name or "",
    ]


SECTION = Section(
    key="init",
    title=TITLE,
    said="On the first node: `gnt-cluster init clust1.ceondo.net`",
    today="""\
The same, with the defaults of Ganeti 2.4 said aloud: hypervisor, disk templates, volume group, \
the bridge that carries the cluster address and its netmask, the bridge of the NICs, DRBD's \
helper, the hypervisor's parameters. Cron's watcher is kept out by its lock meanwhile: it would \
start daemons in between, which init then fails to start. Nothing is done where this cluster is \
there already, but that daemons which do not run are started. Before the first section, a node \
of another cluster is refused, and so are nodes that do not agree about the master.""",
    differs="""\
3.0 defaults to `xen-pvm`, gives the cluster address a /32, and its `kernel_path` names a file \
that no node has.""",
    stages=(
        Stage("all", file_storage),
        Stage("master", init),
        Stage("all", daemons),
        Stage("master", answer),
    ),
)
