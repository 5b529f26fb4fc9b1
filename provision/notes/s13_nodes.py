"""Startup of the Cluster: gnt-node add."""

from shlex import quote

from pyinfra.context import host

from gntverify.errors import TargetRefused
from gntverify.site.model import Node
from provision.notes._facts import FileText
from provision.notes._ganeti import ADD_S, KEY, MembershipFacts
from provision.notes._operations import commands, deploy, limit
from provision.notes.s12_init import INIT
from provision.section import Context, Section, Stage

TITLE = "Startup of the Cluster, further nodes"
AUTHORIZED = "/root/.ssh/authorized_keys"
HOST_KEY = "/etc/ssh/ssh_host_rsa_key.pub"
SCAN_S = 60


@deploy(TITLE)
def let_master_in(context: Context, node: Node) -> None:
    lines = []
    if node.name not in members(context):
        have = host.get_fact(FileText, path=AUTHORIZED) or ""
        lines = authorize(key_of(context, context.master, KEY), have)
    commands(*lines, name="The master's root may log in on the node to be added")


def key_of(context: Context, name: str, path: str) -> str:
    """A public key of a node: its type and itself, and a comment that may follow.

    A dry run that initialises the cluster shows a word in its place: the key comes only then.

    Raises:
        TargetRefused: there is none.
    """
    key = (context.ask(name, FileText, path=path) or "").strip()
    if key:
        return key
    if context.plans(INIT):
        return f"ssh-rsa KEY-OF-{context.node(name).short}"
    raise TargetRefused(
        f"{TITLE}: {name!r} has no {path}, and no node can be added without it. "
        f"`gnt-cluster init` makes the key of the master's root (`--only init`), "
        f"`ssh-keygen -A` a host's."
    )


def authorize(key: str, have: str, file: str = AUTHORIZED) -> list[str]:
    """What lets the key in that init made on the master; it is public, nothing else moves."""
    if key in have.splitlines():
        return []
    ended = f'[ ! -s {file} ] || [ -z "$(tail -c 1 {file})" ] || echo >> {file}'
    return [
        "mkdir -p -m 700 /root/.ssh",
        f"umask 077; {ended}; echo {quote(key)} >> {file}",
    ]


@deploy(TITLE)
def add_nodes(context: Context, _node: Node) -> None:
    there = members(context)
    for node in context.site.nodes:
        if node.name != context.master:
            lines = []
            if node.name not in there:
                key = key_of(context, node.name, HOST_KEY)
                lines = [same_host_key(node.name, key), f"{add_command(node)} < /dev/null"]
            commands(*lines, name=f"{node.name} is a node of the cluster", _timeout=limit(ADD_S))


def add_command(node: Node) -> str:
    """``gnt-node add`` without questions; the host's key was looked at before."""
    return f"gnt-node add --no-ssh-key-check {node.name}"


def same_host_key(name: str, key: str) -> str:
    """Shell text that fails where this host sees another RSA host key than the node has."""
    want = " ".join(key.split()[:2])
    said = (
        f"{name} shows another RSA host key here than it has in {HOST_KEY}, or none: "
        f"find out who answers at its address, or restart its sshd."
    )
    return (
        f"[ \"$(ssh-keyscan -T {SCAN_S} -t rsa {name} 2>/dev/null | cut -d ' ' -f 2-3)\" "
        f"= {quote(want)} ] || {{ echo {quote(said)} >&2; exit 1; }}"
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
`gnt-node add` asks for root's password and a host key unless told otherwise; the host key that \
the master sees is therefore compared with the node's own before. Note what it does: the new \
node gets the *cluster's* RSA and ECDSA host keys in place of its own (its ed25519 key stays), \
and root a new key pair.""",
    stages=(Stage("others", let_master_in), Stage("master", add_nodes)),
)
