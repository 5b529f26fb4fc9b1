"""All facts about the system a node is: each read once, when first asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.evidence import fact
from gntverify.facts import (
    arp,
    boot,
    drbd,
    interfaces,
    kernel,
    loss,
    network,
    reach,
    replication,
    setup,
    storage,
    sysctl,
    system,
)
from gntverify.facts.clock import Reading, read_reading
from gntverify.facts.shape import number
from gntverify.transport.source import Fresh

if TYPE_CHECKING:
    from gntverify.transport.source import Source


class SystemFacts:
    """What a node answers about itself, Ganeti aside; whoever inherits it has a ``source``."""

    source: "Source"

    @fact
    def links(self) -> Mapping[str, network.Link]:
        """Network interfaces by name."""
        return network.read_links(self.source)

    @fact
    def addresses(self) -> tuple[network.Address, ...]:
        """IPv4 addresses."""
        return network.read_addresses(self.source)

    @fact
    def routes(self) -> tuple[network.Route, ...]:
        """Unicast IPv4 routes of all tables."""
        return network.read_routes(self.source)

    def ports_of(self, bridge: str) -> tuple[network.Link, ...]:
        """The interfaces that are ports of a bridge, but for those that guests bring to it."""
        return tuple(
            link
            for link in self.links.values()
            if link.master == bridge and link.kind not in network.GUEST_KINDS
        )

    def addresses_on(self, link: str) -> frozenset[IPv4Interface]:
        """The IPv4 addresses on one link, with their prefixes."""
        return frozenset(a.interface for a in self.addresses if a.link == link)

    def routes_on(self, link: str) -> frozenset[network.Route]:
        """The unicast IPv4 routes through one link."""
        return frozenset(route for route in self.routes if route.link == link)

    @property
    def default_routes(self) -> tuple[network.Route, ...]:
        """The ways out for everything that has no route of its own."""
        return tuple(route for route in self.routes if route.destination.prefixlen == 0)

    def boot_method(self, link: str) -> str:
        """How a boot sets the link's IPv4 address, as far as ifupdown does it.

        ``static, at boot``; ``static, not at boot`` when no ``auto`` names it; ``dhcp, …`` or
        ``not configured``; ``leased`` when the address in force has a lease whatever is written.
        """
        if any(a.dynamic for a in self.addresses if a.link == link):
            return "leased"
        for stanza in self.interfaces_file:
            if (stanza.name, stanza.family) == (link, "inet"):
                return f"{stanza.method}, {'at' if stanza.automatic else 'not at'} boot"
        return "not configured"

    @fact
    def interfaces_file(self) -> tuple[interfaces.Stanza, ...]:
        """Stanzas of ``/etc/network/interfaces``."""
        return interfaces.read_interfaces(self.source)

    @fact
    def network_setter(self) -> str:
        """The service that sets up the network at boot; empty when none does.

        Raises:
            ParseError: several do.
        """
        return setup.setter(setup.read_units(self.source))

    @property
    def setup_at_boot(self) -> setup.Setup:
        """How ifupdown will set up links at the next boot."""
        return setup.at_boot(self.interfaces_file)

    @property
    def setup_now(self) -> setup.Setup:
        """How links are set up now."""
        return setup.in_force(self.links.values(), self.addresses, self.routes)

    @fact
    def mounts(self) -> tuple[storage.Mount, ...]:
        """What is mounted."""
        return storage.read_mounts(self.source)

    @property
    def root(self) -> storage.Mount:
        """The mounted root, its options with the defaults that ext4 does not show in mounts.

        Raises:
            ParseError: nothing is mounted on ``/``.
        """
        found = [mount for mount in self.mounts if mount.target == "/"]
        if not found:
            raise ParseError("`findmnt` lists nothing mounted on '/'.")
        top = found[-1]
        hidden = self.ext4_options.get(top.source.removeprefix("/dev/"), frozenset())
        return storage.Mount("/", top.source, top.fstype, top.options | hidden)

    def mount_of(self, path: PurePosixPath) -> storage.Mount:
        """The mounted file system on which a path lies, links in it aside.

        Raises:
            ParseError: not even ``/`` is mounted.
        """
        above = {str(path), *map(str, path.parents)}
        found = [mount for mount in self.mounts if mount.target in above]
        if not found:
            raise ParseError(f"`findmnt` lists nothing mounted above {str(path)!r}.")
        # of those on one directory the last covers the others
        return max(reversed(found), key=lambda mount: len(mount.target))

    @fact
    def ext4_options(self) -> Mapping[str, frozenset[str]]:
        """Options in force of mounted ext4 file systems, by the kernel's device name."""
        return storage.read_ext4(self.source)

    @fact
    def fstab(self) -> tuple[storage.Mount, ...]:
        """Lines of fstab."""
        return storage.read_fstab(self.source)

    @fact
    def fstab_check(self) -> storage.FstabCheck:
        """What findmnt says of fstab."""
        return storage.read_fstab_check(self.source)

    @property
    def lasting_targets(self) -> tuple[frozenset[str], frozenset[str]]:
        """Mount points of disks and shares: those fstab wants at boot, and those mounted."""
        wanted = frozenset(
            m.target
            for m in self.fstab
            if m.lasting and m.fstype != "swap" and "noauto" not in m.options
        )
        return wanted, frozenset(m.target for m in self.mounts if m.lasting)

    @property
    def fstab_root_options(self) -> frozenset[str]:
        """The options fstab gives to ``/``; none when it does not name it."""
        return frozenset().union(*(m.options for m in self.fstab if m.target == "/"))

    @property
    def fstab_swaps(self) -> frozenset[str]:
        """The swaps that fstab wants at boot."""
        return frozenset(
            m.source for m in self.fstab if m.fstype == "swap" and "noauto" not in m.options
        )

    @fact
    def swaps(self) -> tuple[storage.Swap, ...]:
        """Active swaps, a logical volume's by the path that fstab has too."""
        paths = storage.read_paths(self.source)
        swaps = storage.read_swaps(self.source)
        return tuple(replace(swap, device=paths.get(swap.device, swap.device)) for swap in swaps)

    @fact
    def packages(self) -> Mapping[str, str]:
        """Installed package to version."""
        return system.read_packages(self.source)

    def owners(self, paths: Sequence[str]) -> Mapping[str, str]:
        """Path to the Debian package that brought it; without those put there by hand."""
        return system.read_owners(self.source, paths)

    @fact
    def boot_units(self) -> Mapping[str, str]:
        """Service to whether it starts at boot: ``enabled``, or another word of systemd's."""
        return boot.read_units(self.source)

    @fact
    def boot_modules(self) -> frozenset[str]:
        """Kernel modules that are loaded at boot."""
        return boot.read_modules(self.source)

    @fact
    def kernel(self) -> str:
        """Release of the running kernel."""
        return system.read_kernel(self.source)

    @property
    def running_kernel(self) -> Mapping[str, str]:
        """Release of the running kernel, and version of the package that it came from."""
        return {"release": self.kernel, "package": kernel.read_build(self.source)}

    @property
    def newest_kernel(self) -> Mapping[str, str]:
        """The same of the newest kernel that is installed, of the running one's flavour.

        Raises:
            ParseError: that kernel is of no package.
        """
        release = kernel.newest(kernel.read_releases(self.source), self.kernel)
        return {"release": release, "package": self._version_of(f"linux-image-{release}")}

    @fact
    def reboot_asked_by(self) -> str:
        """Packages that ask for a reboot; empty when none does."""
        return kernel.read_reboot(self.source)

    @fact
    def versions(self) -> Mapping[str, str]:
        """Versions of what must be the same on all nodes: ganeti, qemu, drbd, kernel.

        Raises:
            ParseError: Ganeti or QEMU is not there as a package (built from source?), so that
                its version cannot be told.
        """
        return {
            "ganeti": self._version_of("ganeti"),
            "qemu": self._version_of("qemu-system-x86"),
            "drbd": self.drbd_version,
            "kernel": self.kernel,
        }

    def _version_of(self, package: str) -> str:
        version = self.packages.get(package)
        if version is None:
            raise ParseError(f"No package {package!r} is installed, so its version is not known.")
        return version

    @fact
    def locales(self) -> frozenset[str]:
        """Locales, as :func:`gntverify.facts.system.locale_key` writes them."""
        return system.read_locales(self.source)

    @fact
    def clock(self) -> system.Clock:
        """Time zone, and whether the clock is synchronised."""
        return system.read_clock(self.source)

    @fact
    def clock_reading(self) -> Reading:
        """The node's clock against the runner's, with the uncertainty of that."""
        return read_reading(self.source)

    @fact
    def fqdn(self) -> str:
        """What the node calls itself."""
        return system.read_fqdn(self.source)

    def names(self, names: Sequence[str]) -> Mapping[str, frozenset[IPv4Address]]:
        """What each name resolves to on this node; nothing for one that does not."""
        return system.read_names(self.source, names)

    @fact
    def sysctls(self) -> sysctl.Table:
        """``net.ipv4.conf`` by interface, ``all`` and ``default`` among them."""
        return sysctl.read_interface_sysctls(self.source)

    def parameter(self, key: str, among: Sequence[str]) -> int:
        """A kernel parameter in force now; all that are ``among`` it are asked at once.

        Raises:
            ParseError: the node does not tell it, or it is no number.
        """
        found = sysctl.read_parameters(self.source, among)
        return number(f"sysctl {key}", found.get(key, ""))

    @fact
    def sysctl_files(self) -> Mapping[str, sysctl.Setting]:
        """What the files of sysctl.d set at boot, keys and patterns."""
        return sysctl.read_sysctl_files(self.source)

    @fact
    def bridge_calls(self) -> frozenset[str] | None:
        """What br_netfilter calls for every bridge; None when it is not loaded."""
        return sysctl.read_bridge_calls(self.source)

    def filters_of(self, bridge: network.Link) -> frozenset[str]:
        """What sees the frames of a bridge: by its own word or by that for all bridges."""
        calls = self.bridge_calls
        return frozenset() if calls is None else calls | bridge.filters

    @fact
    def drbd_module(self) -> drbd.Module | None:
        """The loaded drbd module, None when it is not."""
        return drbd.read_module(self.source)

    @fact
    def drbd_proc(self) -> drbd.Proc | None:
        """``/proc/drbd``, None when the module is not loaded."""
        return drbd.read_proc(self.source)

    @property
    def drbd_minors(self) -> tuple[drbd.Minor, ...]:
        """Configured minors; none without the module."""
        return self.drbd_proc.minors if self.drbd_proc else ()

    @property
    def drbd_version(self) -> str:
        """Version of the loaded module, or ``not loaded``."""
        return self.drbd_module.version if self.drbd_module else "not loaded"

    @fact
    def drbd_options(self) -> Mapping[str, str]:
        """What modprobe.d tells a load of drbd after the next boot."""
        return drbd.read_modprobe(self.source)

    @fact
    def drbd_ends(self) -> tuple[replication.End, ...]:
        """The connections of DRBD's minors, as they are set up; only asked where it is loaded."""
        return replication.read_ends(self.source)

    @fact
    def drbd_sockets(self) -> tuple[replication.End, ...]:
        """The live sockets of these connections.

        Raises:
            ParseError: a minor is connected, and there is no socket of its port.
        """
        found = replication.of_ports(replication.read_sockets(self.source), self.drbd_ends)
        if not found and any(minor.connection == "Connected" for minor in self.drbd_minors):
            raise ParseError("DRBD is connected, but `ss` shows no socket of its ports.")
        return found

    def others_at(self, address: IPv4Address) -> frozenset[str]:
        """The MAC addresses of others that answer for an address of the node's own.

        Raises:
            ParseError: it is on no link that is up, so that nobody can be asked.
        """
        return arp.read_answers(self.source, address, self._link_of(address).name)

    def _link_of(self, address: IPv4Address) -> network.Link:
        links = [a.link for a in self.addresses if a.ip == address]
        alive = [self.links[name] for name in links if name in self.links and self.links[name].up]
        if not alive:
            raise ParseError(f"The address {address} is on no link that is up.")
        return alive[0]

    def reach(
        self, origin: IPv4Address, targets: Sequence[IPv4Address], port: int | None
    ) -> Mapping[IPv4Address, reach.Reach]:
        """What comes back from the targets when asked from one of the node's own addresses."""
        return reach.read_reach(self.source, origin, targets, port)

    def losses(
        self, origin: IPv4Address, targets: Sequence[IPv4Address], *, fresh: bool = False
    ) -> Mapping[IPv4Address, loss.Loss]:
        """What is lost of frames as large as the link takes that has this address of its own.

        Raises:
            ParseError: it is on no link that is up.
        """
        source = Fresh(self.source) if fresh else self.source
        return loss.read_losses(source, origin, targets, self._link_of(origin).mtu)
