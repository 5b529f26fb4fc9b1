"""Startup of the Cluster: gnt-node add."""

from shlex import quote

from pyinfra.context import host

from gntverify.site.model import Node
from provision.notes._facts import FileText
from provision.notes._ganeti import ADD_S, KEY, MembershipFacts
from provision.notes._operations import commands, deploy, limit
from provision.section import Context, Section, Stage

TITLE = "Startup of the Cluster, further nodes"
AUTHORIZED = "/root/.ssh/authorized_keys"
FROM_INIT = "ssh-rsa KEY-OF-THE-MASTER"
"""Stands for the key while there is no cluster: ``gnt-cluster init`` makes it."""


@deploy(TITLE)
def let_master_in(context: Context, node: Node) -> None:
    commands(
        *(authorize(context) if node.name not in members(context) else []),
        name="The master's root may log in on the node to be added",
    )


def authorize(context: Context) -> list[str]:
    """What lets the key in that init made on the master; it is public, nothing else moves."""
    key = (context.ask(context.master, FileText, path=KEY) or FROM_INIT).strip()
    if key in (host.get_fact(FileText, path=AUTHORIZED) or "").splitlines():
        return []
    return [
        "mkdir -p -m 700 /root/.ssh",
        f"umask 077; echo {quote(key)} >> {AUTHORIZED}",
    ]


@deploy(TITLE)
def add_nodes(context: Context, _node: Node) -> None:
    there = members(context)
    for node in context.site.nodes:
        if node.name != context.master:
            commands(
                *(
                    []
                    if node.name in there
                    else [f"gnt-node add --no-ssh-key-check {node.name} < /dev/null"]
                ),
                name=f"{node.name} is a node of the cluster",
                _timeout=limit(ADD_S),
            )


def members(context: Context) -> frozenset[str]:
    """The cluster's nodes, as the master has them."""
    return context.ask(context.master, MembershipFacts).nodes


SECTION = Section(
    key="nodes",
    title=TITLE,
    said="On the master: `gnt-node add node2.ceondo.net`",
    today="""\
The public key that `gnt-cluster init` made for root on the master is let in on the new node, \
then `gnt-node add` runs without questions. Ganeti distributes keys itself from there on.""",
    differs="""\
`gnt-node add` asks for root's password and a host key unless told otherwise. Note what it does: \
the new node gets the *cluster's* RSA and ECDSA host keys in place of its own (its ed25519 key \
stays), and root a new key pair.""",
    stages=(Stage("others", let_master_in), Stage("master", add_nodes)),
)
