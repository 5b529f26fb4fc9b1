"""All facts about Ganeti on one node: each read once, when first asked for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gntverify.evidence import fact
from gntverify.ganeti.daemons import (
    PORTS,
    Daemon,
    Listener,
    expected,
    read_listeners,
    read_running,
    read_started,
)
from gntverify.ganeti.defaults import Defaults, read_defaults
from gntverify.ganeti.security import (
    Users,
    read_dates,
    read_known_hosts,
    read_logins,
    read_users,
)
from gntverify.ganeti.watcher import Watcher, read_watcher

if TYPE_CHECKING:
    from gntverify.ganeti.ssconf import Ssconf
    from gntverify.transport.source import Source


class GanetiFacts:
    """What a node answers about Ganeti; whoever inherits it has a ``source`` and ``ssconf``."""

    source: "Source"
    ssconf: "Ssconf"
    is_master: bool

    @fact
    def defaults(self) -> Defaults:
        """``/etc/default/ganeti``."""
        return read_defaults(self.source)

    @fact
    def daemons(self) -> tuple[Daemon, ...]:
        """Ganeti's daemons that run."""
        return read_running(self.source)

    @fact
    def daemons_expected(self) -> frozenset[str]:
        """Names of the daemons that a node of this role runs."""
        return expected(
            read_started(self.source),
            is_master=self.is_master,
            user_shutdown=self.ssconf.user_shutdown,
        )

    @fact
    def listeners(self) -> tuple[Listener, ...]:
        """Listening TCP and UDP sockets."""
        return read_listeners(self.source)

    def listens(self, daemon: str) -> frozenset[str]:
        """The addresses on which the port of a networked daemon is held, by whomever."""
        protocol, port = PORTS[daemon]
        return frozenset(
            str(socket.address)
            for socket in self.listeners
            if (socket.protocol, socket.port) == (protocol, port)
        )

    def held_by(self, daemon: str) -> frozenset[str]:
        """The addresses on which ``daemon`` listens, whatever the port."""
        return frozenset(
            str(socket.address)
            for socket in self.listeners
            if f"ganeti-{daemon}" in socket.programs
        )

    @fact
    def certificates(self) -> Mapping[str, float | None]:
        """Certificate to days left; None for one that does not exist."""
        return read_dates(self.source)

    @fact
    def rapi_users(self) -> Users | None:
        """RAPI's users file, None when there is none."""
        return read_users(self.source)

    @fact
    def known_hosts(self) -> str:
        """Hash of Ganeti's known_hosts."""
        return read_known_hosts(self.source)

    @fact
    def watcher(self) -> Watcher:
        """The watcher here."""
        return read_watcher(self.source)

    @fact
    def logins(self) -> Mapping[str, int]:
        """Online node to ssh's exit status, when this node logs in as Ganeti does."""
        ports = self.ssconf.ssh_ports
        targets = {name: ports[name] for name in self.ssconf.online_nodes}
        return read_logins(self.source, self.ssconf.cluster_name, targets)
