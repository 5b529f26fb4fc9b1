"""Base System Setup: the reboot."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyinfra.api.command import FunctionCommand
from pyinfra.context import host

from gntverify.errors import DeadlinePassed, Unreachable
from gntverify.site.model import Node
from provision.connector import OpenSshConnector
from provision.notes._facts import REBOOT_MARKER, RebootAsked
from provision.notes._ganeti import MembershipFacts
from provision.notes._operations import deploy, operation
from provision.section import Context, Section, Stage

if TYPE_CHECKING:
    from pyinfra.api.host import Host
    from pyinfra.api.state import State

TITLE = "Base System Setup, reboot"


def systemctl_reboot(state: "State", host: "Host") -> bool:  # noqa: ARG001 - pyinfra's signature
    """Reboot the node and wait until it is back."""
    connector = host.connector
    if not isinstance(connector, OpenSshConnector):
        raise TypeError(f"{host.name!r} is not reached by ssh; it cannot be rebooted here.")
    try:
        connector.reboot()
    except (DeadlinePassed, Unreachable) as err:
        host.connector_data["last"] = ("systemctl reboot", 1, str(err))
        return False
    return True


@operation
def reboot(*, planned: bool) -> Iterator[FunctionCommand]:
    """Reboot when a step, or a Debian package, asked for it; or would, in a dry run."""
    if planned or host.get_fact(RebootAsked):
        yield FunctionCommand(systemctl_reboot, (), {})


@deploy(TITLE)
def reboot_if_asked(context: Context, node: Node) -> None:
    asks = context.plans(f"touch {REBOOT_MARKER}", node.name)
    planned = asks and not host.get_fact(MembershipFacts).cluster
    reboot(planned=planned, name="The node runs what it would boot")


SECTION = Section(
    key="reboot",
    title=TITLE,
    said='"To be sure that everything is working correctly, I normally reboot."',
    today="""\
A reboot when network, kernel parameters, locale or zone were changed by the steps above, or a \
Debian package asks for one; all nodes at the same time, with a deadline. Never a node that is \
already in a cluster.""",
    differs="A node in service is not rebooted: its instances would stop.",
    stages=(Stage("all", reboot_if_asked),),
)
