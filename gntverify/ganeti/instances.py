"""``gnt-instance list``, asked twice: what instances are set to, and what they do now.

Each list costs the master seconds, so all who need one read the same. They are two since the
configuration asks no node, and is told also when a node does not answer.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.facts.shape import number, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

TOOL = "gnt-instance list"
LIMIT_S = 60.0
LIVE_LIMIT_S = 120.0
STATES = ("up", "down", "offline")
MIRRORED = ("drbd", "rbd", "ext", "sharedfile", "gluster", "blockdev")
SWITCHES = ("serial_console", "vnc_tls", "spice_use_tls")
TEXTS = (
    "cpu_type",
    "kernel_path",
    "initrd_path",
    "boot_order",
    "cdrom_image_path",
    "cdrom2_image_path",
    "floppy_image_path",
    "vnc_bind_address",
    "vnc_password_file",
    "spice_bind",
    "spice_password_file",
)
PARAMETERS = (*SWITCHES, *TEXTS)
FIELDS = (
    "name",
    "hypervisor",
    "os",
    "disk_template",
    "admin_state",
    "pnode",
    "snodes",
    "disk.sizes",
    "be/minmem",
    "be/maxmem",
    "be/vcpus",
    "be/auto_balance",
    "nic.modes",
    "nic.links",
    "nic.macs",
    "nic.ips",
    *(f"hv/{name}" for name in PARAMETERS),
)
# "|" occurs in no field
_LIST = ("gnt-instance", "list", "--no-headers", "--units=m", "--separator=|")
COMMAND = (*_LIST, f"--output={','.join(FIELDS)}")
LIVE = (*_LIST, "--output=name,oper_state,oper_ram,oper_vcpus")
UNSET = "-"
"""Printed for what does not exist: a parameter of another hypervisor, memory of what is down."""
UNTOLD = ("?", "*")
"""Printed when a node did not tell, or is marked offline and was not asked."""


def unchecked(release: str) -> tuple[str, ...]:
    """Options that make an instance whose name does not resolve; 3.1 asks only when told to."""
    numbers = [int(part) for part in re.findall(r"[0-9]+", release)[:2]]
    return ("--no-name-check", "--no-ip-check") if numbers < [3, 1] else ()


@dataclass(frozen=True, slots=True)
class Nic:
    """A network card.

    Attributes:
        mode: ``bridged``, ``routed`` or ``openvswitch``.
        link: the bridge it is on, the switch, or the routing table.
        mac: in lower case.
        ip: the address Ganeti gave it, empty when it has none.
    """

    mode: str
    link: str
    mac: str
    ip: str

    def __str__(self) -> str:
        return f"{self.mode} {self.link}"


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance as it is configured; sizes in MiB.

    Attributes:
        os: ``name+variant``; empty when it was made from an image without an OS definition.
        template: of its disks, e.g. ``drbd``.
        admin_state: ``up``, ``down`` or ``offline``: what it should be.
        primary, secondaries: the node it is meant to run on, and those it fails over to.
        memory_mib: least and most.
        balanced: whether it is to be kept when its node fails (``auto_balance``).
        parameters: hypervisor parameters in force, those of :data:`PARAMETERS` that its
            hypervisor has; switches are ``true`` or ``false``, as a site file writes them.
    """

    hypervisor: str
    os: str
    template: str
    admin_state: str
    primary: str
    secondaries: tuple[str, ...]
    disks_mib: tuple[int, ...]
    memory_mib: tuple[int, int]
    vcpus: int
    balanced: bool
    nics: tuple[Nic, ...]
    parameters: Mapping[str, str]

    @property
    def nodes(self) -> frozenset[str]:
        """Primary and secondary nodes."""
        return frozenset({self.primary, *self.secondaries})

    def parameter(self, name: str) -> str:
        """A hypervisor parameter; empty when it is not set, or its hypervisor has none."""
        return self.parameters.get(name, "")

    def switch(self, name: str) -> bool:
        """Whether a hypervisor parameter is set to true."""
        return self.parameter(name) == "true"

    @property
    def mirrored(self) -> bool:
        """Whether its disks survive the loss of a node: mirrored, or on storage of its own."""
        return self.template in MIRRORED

    @property
    def has_one_copy(self) -> bool:
        """Whether what it holds is lost with a node."""
        return self.template not in (*MIRRORED, "diskless")


@dataclass(frozen=True, slots=True)
class Live:
    """An instance as its node sees it.

    Attributes:
        running: None when its node did not tell.
        ram_mib, cpus: what the hypervisor gave it; None when it does not run.
    """

    running: bool | None
    ram_mib: int | None
    cpus: int | None


def parse_instances(text: str) -> dict[str, Instance]:
    """Instance to its configuration; a cluster without instances prints nothing.

    Raises:
        ParseError: a line has other fields, or its NICs are not told whole.
    """
    return dict(_instance(line) for line in text.splitlines())


def _instance(line: str) -> tuple[str, Instance]:
    words = line.split("|")
    row = dict(zip(FIELDS, words, strict=False))
    needed = [row.get(name) for name in ("name", "hypervisor", "disk_template", "pnode")]
    if len(words) != len(FIELDS) or not all(needed) or row["admin_state"] not in STATES:
        raise refuse(TOOL, line)
    return row["name"], Instance(
        hypervisor=row["hypervisor"],
        os=row["os"],
        template=row["disk_template"],
        admin_state=row["admin_state"],
        primary=row["pnode"],
        secondaries=_items(row["snodes"]),
        disks_mib=tuple(number(TOOL, size) for size in _items(row["disk.sizes"])),
        memory_mib=(number(TOOL, row["be/minmem"]), number(TOOL, row["be/maxmem"])),
        vcpus=number(TOOL, row["be/vcpus"]),
        balanced=_switch(row["be/auto_balance"], line),
        nics=_nics(row, line),
        parameters=_parameters(row, line),
    )


def _items(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _nics(row: Mapping[str, str], line: str) -> tuple[Nic, ...]:
    columns = [_items(row[f"nic.{part}"]) for part in ("modes", "links", "macs", "ips")]
    if len({len(column) for column in columns}) != 1 or not all(map(all, columns)):
        raise refuse(TOOL, line)
    return tuple(
        Nic(mode, link, mac.lower(), "" if ip == "None" else ip)
        for mode, link, mac, ip in zip(*columns, strict=True)
    )


def _switch(text: str, line: str) -> bool:
    if text not in ("Y", "N"):
        raise refuse(TOOL, line)
    return text == "Y"


def _parameters(row: Mapping[str, str], line: str) -> dict[str, str]:
    found = {name: row[f"hv/{name}"] for name in PARAMETERS if row[f"hv/{name}"] != UNSET}
    for name in SWITCHES:
        if name in found:
            found[name] = "true" if _switch(found[name], line) else "false"
    return found


def parse_live(text: str) -> dict[str, Live]:
    """Instance to what its node says of it; a cluster without instances prints nothing.

    Raises:
        ParseError: a line has other fields.
    """
    found = {}
    for line in text.splitlines():
        name, *told = line.split("|")
        if not name or len(told) != 3:
            raise refuse(TOOL, line)
        state, ram, cpus = told
        running = None if state in UNTOLD else _switch(state, line)
        found[name] = Live(running, _amount(ram), _amount(cpus))
    return found


def _amount(text: str) -> int | None:
    return None if text in (UNSET, *UNTOLD) else number(TOOL, text)


def read_instances(source: "Source") -> Mapping[str, Instance]:
    """Ask the master; no node is asked."""
    return parse_instances(source.ask(COMMAND, timeout_s=LIMIT_S).text())


def read_live(source: "Source") -> Mapping[str, Live]:
    """Ask the master, which asks the nodes."""
    return parse_live(source.ask(LIVE, timeout_s=LIVE_LIMIT_S).text())
