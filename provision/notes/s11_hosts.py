"""Startup of the Cluster: names in /etc/hosts."""

from pyinfra.context import host

from gntverify.site.model import Node, Site
from provision.notes._facts import FileText, Lines
from provision.notes._operations import commands, deploy, text_file
from provision.notes._texts import with_hosts
from provision.section import Context, Section, Stage

TITLE = "Startup of the Cluster, names"
FILE = "/etc/hosts"


def names(site: Site) -> dict[str, str]:
    """FQDN to address: every node's private one, and the cluster's."""
    found = {node.name: str(node.private) for node in site.nodes}
    found[site.cluster.name or ""] = str(site.cluster.address)
    return found


@deploy(TITLE)
def hosts(context: Context, node: Node) -> None:
    text = host.get_fact(FileText, path=FILE) or ""
    text_file(
        FILE,
        with_hosts(text, names(context.site)),
        name=f"{FILE} names the cluster and all nodes by their private addresses",
    )
    now = host.get_fact(Lines, text="hostname")
    commands(
        *(
            []
            if now == (node.name,)
            else [f"echo {node.name} > /etc/hostname && hostname {node.name}"]
        ),
        name="The node's own name is its FQDN",
    )


SECTION = Section(
    key="hosts",
    title=TITLE,
    said="""\
In `/etc/hosts` of each node `192.168.1.1 clust1.ceondo.net`, and `192.168.0.2 \
node2.ceondo.net` where there is no DNS.""",
    today="""\
The cluster and all nodes, on all nodes, in the form in which Ganeti writes these lines itself. \
Other lines stay, but a node's name on another address (Debian's `127.0.1.1`) goes.""",
    differs="""\
Ganeti refuses a node whose name resolves to a loopback address, and a name that is no FQDN.""",
    stages=(Stage("all", hosts),),
)
