"""Base System Setup: kernel parameters."""

from pyinfra.context import host

from gntverify.site.model import Node
from provision.notes._facts import KernelParameters, path_of
from provision.notes._operations import commands, deploy, text_file
from provision.section import Context, Section, Stage

TITLE = "Base System Setup, kernel parameters"
FILE = "/etc/sysctl.d/90-ganeti.conf"
_DEFAULT = "net.ipv4.conf.default."
_EVERY = "net.ipv4.conf.*."


@deploy(TITLE)
def kernel_parameters(context: Context, _node: Node) -> None:
    values = with_interfaces(context.site.parameters)
    text_file(FILE, content_of(values), reboot=True, name=f"{FILE} has the notes' parameters")
    have = host.get_fact(KernelParameters, keys=list(values))
    commands(
        *([f"/lib/systemd/systemd-sysctl {FILE}"] if deviating(values, have) else []),
        name="The running kernel has them",
    )


def with_interfaces(values: dict[str, int]) -> dict[str, int]:
    """The parameters, and those of ``default`` also for the interfaces there are.

    ``default`` only counts for interfaces that come later; systemd's own file sets rp_filter of
    each present one to 2, and of an interface's value and all's the higher counts.
    """
    more = {
        f"{_EVERY}{key.removeprefix(_DEFAULT)}": value
        for key, value in values.items()
        if key.startswith(_DEFAULT)
    }
    return {**values, **more}


def content_of(values: dict[str, int]) -> str:
    """The file; a ``*`` of an interface never means ``all``, which sysctl.d(5) writes with -."""
    alls = [key.replace("*", "all") for key in values if key.startswith(_EVERY)]
    lines = [f"{key} = {value}" for key, value in values.items()]
    lines += [f"-{key}" for key in alls if key not in values]
    return "".join(f"{line}\n" for line in lines)


def deviating(values: dict[str, int], have: dict[str, str]) -> set[str]:
    """Paths below /proc/sys whose value is another one, or could not be read.

    As systemd-sysctl has it, a ``*`` does not reach what has a value of its own; and it stands
    for interfaces, which ``all`` and ``default`` are not.
    """
    wrong = set()
    named = {path_of(key) for key in values}
    for key, value in values.items():
        head, star, tail = path_of(key).partition("*")
        paths = {p for p in have if p.startswith(head) and p.endswith(tail)} if star else {head}
        paths -= named | {f"{head}all{tail}", f"{head}default{tail}"} if star else set()
        wrong |= {p for p in paths if have.get(p) != str(value)}
    return wrong


SECTION = Section(
    key="sysctl",
    title=TITLE,
    said="Ten parameters in `/etc/sysctl.conf`, then `sysctl -p`.",
    today="""\
The same parameters in a file of their own under `/etc/sysctl.d`, loaded when the running kernel \
has others. The ones for `default` are also set on the interfaces that are there.""",
    differs="""\
A file of its own survives package upgrades of `/etc/sysctl.conf`. systemd sets `rp_filter` to 2 \
on every interface, and the higher of an interface's value and `all`'s counts: without the \
additional lines the notes' `rp_filter=0` would be a dead letter.""",
    stages=(Stage("all", kernel_parameters),),
)
