"""Instances as they should be and as they are, in two tables that a control compares.

What the site declares is wanted of the configuration; what is configured is wanted of the process
that runs, so a change that still waits for a reboot of the guest is seen as well.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from gntverify.cluster import Cluster, Node
from gntverify.compare import listed
from gntverify.errors import CommandFailed, ParseError
from gntverify.ganeti.displays import is_loopback, missing
from gntverify.ganeti.instances import Instance, Live
from gntverify.ganeti.kvm import Process
from gntverify.site import Site

Here = Mapping[str, Instance]
"""Instances by name that have one node as their primary."""
Tables = tuple[dict[str, str], dict[str, str]]
"""What is wanted and what is there, under words that a reader understands."""

CDROMS = ("cdrom_image_path", "cdrom2_image_path")
FILES = ("kernel_path", "initrd_path", "floppy_image_path", *CDROMS)
BOOT = {"boot_order": "disk"} | dict.fromkeys(CDROMS, "")
"""How an instance boots where the site says nothing of it."""
TAP_MASTERS = {"routed": "no bridge", "openvswitch": "ovs-system"}
OUT = {"D": "drained", "O": "offline", "": "no node of the cluster"}
IN_LVM = ("plain", "drbd")
_VOLUME = re.compile(r"[0-9a-f-]{36}\.disk([0-9]{1,3})(?:_data)?")


def consoles(here: Here, node: Node, site: Site) -> Tables:
    """VNC and serial console."""
    want, have = {}, {}
    for name, details in here.items():
        vnc, serial = details.parameter("vnc_bind_address"), details.switch("serial_console")
        allowed = site.declared(name, "kvm").get("vnc_bind_address", vnc)
        want[name] = _console(bool(allowed), serial if allowed else True)
        have[name] = _console(bool(vnc), serial)
    for name, process in _running(here, node):
        vncs = [display for display in process.displays if display.kind == "VNC"]
        want[f"{name} as it runs"] = want[name]
        have[f"{name} as it runs"] = _console(bool(vncs), process.has_serial_console)
    return want, have


def _console(vnc: bool, serial: bool) -> str:
    return f"VNC {'on' if vnc else 'off'} and serial console {'on' if serial else 'off'}"


def _running(here: Here, node: Node) -> Iterator[tuple[str, Process]]:
    return ((name, process) for name, process in node.processes.items() if name in here)


def processors(here: Here, node: Node, site: Site) -> Tables:
    """CPU type, and whether it runs in KVM.

    Raises:
        CommandFailed: kvm is wrapped, and no instance runs by which to see whether KVM is lost.
    """
    wrapped, running = node.kvm_program.there, dict(_running(here, node))
    if wrapped and not running:
        raise CommandFailed(
            f"{node.name}: {node.kvm_program}, and no instance runs by which to see whether QEMU "
            "still uses KVM. Start one here and ask again."
        )
    want, have = {}, {}
    for name, details in here.items():
        kind = details.parameter("cpu_type")
        want[name] = _cpu(site.declared(name, "kvm").get("cpu_type", kind))
        have[name] = _cpu(kind)
    for name, process in running.items():
        kind = here[name].parameter("cpu_type") or ("host" if wrapped else "")
        want[f"{name} as it runs"] = f"{_cpu(kind)} {_way(True)}"
        have[f"{name} as it runs"] = f"{_cpu(process.option('cpu'))} {_way(process.uses_kvm)}"
    return want, have


def ways(node: Node) -> str:
    """How the instances that run on the node do so."""
    found = {name: _way(process.uses_kvm) for name, process in node.processes.items()}
    return listed(found) if found else "no instance runs there"


def _cpu(kind: str) -> str:
    return f"cpu {kind}" if kind else "QEMU's own cpu"


def _way(kvm: bool) -> str:
    return "in KVM" if kvm else "emulated, KVM is lost"


def boots(here: Here, node: Node, site: Site) -> Tables:
    """Kernel, boot order and images in the drives."""
    want, have = {}, {}
    for name, details in here.items():
        words = site.declared(name, details.hypervisor)
        unsaid = BOOT if site.described and details.hypervisor == "kvm" else {}
        for key in ("kernel_path", *BOOT):
            have[f"{name} {key}"] = details.parameter(key)
            want[f"{name} {key}"] = (unsaid | words).get(key, details.parameter(key))
    for name, process in _running(here, node):
        details = here[name]
        want[f"{name} kernel, as it runs,"] = details.parameter("kernel_path")
        have[f"{name} kernel, as it runs,"] = process.option("kernel")
        want[f"{name} CD, as it runs,"] = listed([*filter(None, map(details.parameter, CDROMS))])
        have[f"{name} CD, as it runs,"] = listed(process.cdroms)
    return want, have


def lost_files(node: Node, cluster: Cluster) -> dict[str, str]:
    """Instance and parameter to a file that the instance needs here and that is not there."""
    needed = {
        f"{name} {key}": details.parameter(key)
        for name, details in cluster.placed_on(node.name).items()
        for key in FILES
        if details.parameter(key).startswith("/")  # others are URLs
    }
    there = node.stat(needed.values())
    return {what: path for what, path in needed.items() if there[path] is None}


def stands(name: str, cluster: Cluster) -> str:
    """Why that instance would not survive the loss of a node; empty when it would."""
    details = cluster.instances.get(name)
    if details is None:
        return "no such instance"
    if not details.mirrored:
        return f"{details.template}, one copy on {details.primary}"
    roles: dict[str, str] = {node: state.role for node, state in cluster.node_list.items()}
    out = {node: OUT[roles.get(node, "")] for node in details.nodes if roles.get(node, "") in OUT}
    alone = details.template == "drbd" and not details.secondaries
    return "drbd without a secondary" if alone else listed(out) if out else ""


def cards(here: Here, node: Node, site: Site) -> Tables:
    """Network cards: mode and link as declared, and the taps on those very bridges."""
    want, have = {}, {}
    mode = site.network.private.mode
    for name, details in here.items():
        own, links = [*map(str, details.nics)], site.instance(name).links
        have[f"{name} NICs"] = ", ".join(own)
        want[f"{name} NICs"] = ", ".join(own if links is None else (f"{mode} {x}" for x in links))
    for name, _ in _running(here, node):
        masters = [TAP_MASTERS.get(nic.mode, nic.link) for nic in here[name].nics]
        taps = [node.links.get(tap) for tap in node.taps.get(name, ())]
        want[f"{name} taps on"] = ", ".join(sorted(masters))
        have[f"{name} taps on"] = ", ".join(
            sorted("no tap" if tap is None else tap.master or "no bridge" for tap in taps)
        )
    return want, have


def shared_macs(here: Here, cluster: Cluster) -> dict[str, str]:
    """Addresses of network cards of these instances that another card of the cluster has too."""
    owners = [(nic.mac, name) for name, one in cluster.instances.items() for nic in one.nics]
    counts = Counter(mac for mac, _ in owners)
    own = {nic.mac for details in here.values() for nic in details.nics}
    return {
        mac: " and ".join(name for other, name in owners if other == mac)
        for mac in sorted(own)
        if counts[mac] > 1
    }


def states(here: Here, live: Mapping[str, Live]) -> Tables:
    """Whether they run, with how much memory and how many CPUs.

    Raises:
        ParseError: one came or went between the two lists.
        CommandFailed: the node did not tell Ganeti which instances run.
    """
    gone = sorted(here.keys() - live.keys())
    if gone:
        raise ParseError(f"{listed(gone)} came or went while the cluster was asked.")
    untold = sorted(name for name in here if live[name].running is None)
    if untold:
        raise CommandFailed(
            f"Ganeti was not told by their node whether {listed(untold)} runs; does noded answer?"
        )
    want = {name: _wanted(details, live[name]) for name, details in here.items()}
    have = {
        name: _state(bool(live[name].running), live[name].ram_mib, live[name].cpus)
        for name in here
    }
    return want, have


def _wanted(details: Instance, live: Live) -> str:
    least, most = details.memory_mib
    ram = live.ram_mib if live.ram_mib in range(least, most + 1) else most
    return _state(details.admin_state == "up", ram, details.vcpus)


def _state(running: bool, ram_mib: int | None, cpus: int | None) -> str:
    return f"running with {ram_mib} MiB and {cpus} CPU(s)" if running else "stopped"


def volumes(node: Node, cluster: Cluster) -> Tables:
    """Sizes of their disks in LVM, primary or secondary."""
    want, have = {}, {}
    for name, details in cluster.placed_on(node.name).items():
        if details.template not in IN_LVM:
            continue
        for index, size in enumerate(details.disks_mib):
            found = [
                volume
                for volume in node.logical_volumes
                if f"originstname+{name}" in volume.tags
                and (made := _VOLUME.fullmatch(volume.name))
                and int(made[1]) == index
            ]
            want[f"{name} disk {index}"] = f"{size} MiB"
            have[f"{name} disk {index}"] = listed(
                [f"{size if one.holds_mib(size) else one.size_mib} MiB" for one in found]
            )
    return want, have


def openings(node: Node, cluster: Cluster) -> list[str]:
    """What strangers can reach of the node's instances: screens, other sockets, passwords."""
    found = []
    for name, process in node.processes.items():
        found += [f"{name}: {display}" for display in process.displays if display.open]
        shown = {display.port for display in process.displays}
        found += [
            f"{name}: {socket.protocol} {socket.address}:{socket.port} is open"
            for socket in node.listeners
            if process.pid in socket.pids
            and not (is_loopback(str(socket.address)) or socket.port in shown)
            and not process.option("incoming")  # a migration comes in, and ends
        ]
    for name, details in cluster.primaries(node.name).items():
        found += [f"{name}, from its next start: {screen}" for screen in _screens(details)]
    return [*found, *_readable(node, cluster)]


def _screens(details: Instance) -> Iterator[str]:
    for kind, bind, tls in (
        ("vnc", "vnc_bind_address", "vnc_tls"),
        ("spice", "spice_bind", "spice_use_tls"),
    ):
        address = details.parameter(bind)
        lacks = missing(bool(details.parameter(f"{kind}_password_file")), details.switch(tls))
        if address and lacks and not is_loopback(address):
            yield f"{kind.upper()} on {address} without {' and '.join(lacks)}"


def _readable(node: Node, cluster: Cluster) -> list[str]:
    """Password files that others than root may read, or that are not there."""
    paths = {
        details.parameter(key)
        for details in cluster.placed_on(node.name).values()
        for key in ("vnc_password_file", "spice_password_file")
        if details.parameter(key)
    }
    return [
        f"{path} is {state or 'not there'}"
        for path, state in node.stat(paths).items()
        if state not in ("600 root", "400 root")
    ]
