"""All facts about Ganeti on one node: each read once, when first asked for."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from gntverify.evidence import fact
from gntverify.facts.tree import Entry
from gntverify.ganeti import images, kvm
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
from gntverify.ganeti.definitions import Definitions, read_definitions, read_settings
from gntverify.ganeti.exports import Export, Shelf, read_shelf
from gntverify.ganeti.files import Copy, read_copies
from gntverify.ganeti.machines import read_machines
from gntverify.ganeti.modes import Mode, read_modes
from gntverify.ganeti.packaged import Packaged, read_packaged
from gntverify.ganeti.security import (
    Users,
    read_dates,
    read_digest,
    read_known_hosts,
    read_logins,
    read_users,
)
from gntverify.ganeti.tls import Greeting, read_anonymous, read_greeting
from gntverify.ganeti.versions import Versions, read_versions
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
    def copies(self) -> Mapping[str, Copy]:
        """Files that Ganeti copies to its nodes, as they are here."""
        return read_copies(self.source)

    @fact
    def modes(self) -> Mapping[str, Mode]:
        """Path to mode and owner, of Ganeti's files and directories."""
        return read_modes(self.source)

    @fact
    def packaged(self) -> Packaged:
        """What Ganeti's packages installed."""
        return read_packaged(self.source)

    def greeting(self, daemon: str, address: IPv4Address) -> Greeting:
        """How a daemon of this node answers a TLS client: ``noded`` or ``rapi``."""
        return read_greeting(self.source, daemon, address, PORTS[daemon][1])

    def anonymous(self, address: IPv4Address) -> Mapping[str, int]:
        """Path to the status with which RAPI answers somebody without a name."""
        return read_anonymous(self.source, address, PORTS["rapi"][1])

    @fact
    def processes(self) -> Mapping[str, kvm.Process]:
        """KVM instances that run here, by name."""
        return kvm.read_processes(self.source)

    @fact
    def taps(self) -> Mapping[str, frozenset[str]]:
        """KVM instance that runs here to its taps."""
        return kvm.read_taps(self.source)

    @fact
    def kvm_program(self) -> kvm.Wrapper:
        """What stands at ``/usr/bin/kvm``."""
        return kvm.read_wrapper(self.source)

    def stat(self, paths: Iterable[str]) -> Mapping[str, str | None]:
        """Path to mode and owner (``600 root``), None for one that does not exist."""
        return kvm.read_stat(self.source, paths)

    @fact
    def exports(self) -> Mapping[str, Export]:
        """Exports that lie here, by instance."""
        shelf = read_shelf(self.source)
        return shelf.exports if shelf else {}

    def shelf(self, directory: str) -> Shelf | None:
        """The exports, or copies of them, in a directory; None when there is no such directory."""
        return read_shelf(self.source, directory)

    @fact
    def release(self) -> Versions:
        """Ganeti's version here: of software and configuration, and what is to come."""
        return read_versions(self.source)

    @fact
    def machines(self) -> frozenset[str]:
        """Names of the virtual machines that run here, whoever started them."""
        return read_machines(self.source)

    @fact
    def certificates(self) -> Mapping[str, float | None]:
        """Certificate to days left; None for one that does not exist."""
        return read_dates(self.source)

    @fact
    def client_digest(self) -> str:
        """Digest of the certificate with which the node calls others."""
        return read_digest(self.source)

    @fact
    def rapi_users(self) -> Users | None:
        """RAPI's users file, None when there is none."""
        return read_users(self.source)

    @fact
    def known_hosts(self) -> str:
        """Hash of Ganeti's known_hosts."""
        return read_known_hosts(self.source)

    def definitions(self, search: Sequence[str]) -> Definitions:
        """OS definitions in the directories that Ganeti searches."""
        return read_definitions(self.source, search)

    @fact
    def os_settings(self) -> Mapping[str, Entry]:
        """Files that tell OS definitions what to do."""
        return read_settings(self.source)

    @fact
    def image_settings(self) -> images.Settings:
        """What the files of the OS definition ``image`` say."""
        return images.read_settings(self.source)

    @fact
    def image_parts(self) -> images.Parts:
        """Hooks and network files of the OS definition ``image``."""
        return images.read_parts(self.source, self.image_settings)

    @fact
    def image_templates(self) -> Mapping[str, str]:
        """Template of ``image`` to its size and hash."""
        return images.read_templates(self.source, self.image_settings)

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
