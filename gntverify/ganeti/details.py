"""``gnt-instance list`` with all its columns: what instances are set to, and what they do now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.facts.shape import number, refuse
from gntverify.ganeti.instances import STATES

if TYPE_CHECKING:
    from gntverify.transport.source import Source

TOOL = "gnt-instance list"
LIMIT_S = 120.0
SETTINGS = (
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
    "nic.modes",
    "nic.links",
    "nic.macs",
)
LIVE = ("oper_state", "oper_ram", "oper_vcpus")
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
FIELDS = (*SETTINGS, *LIVE, *(f"hv/{name}" for name in PARAMETERS))
# "|" occurs in no field; the live ones ask every node, as `gnt-instance list` always does
COMMAND = (
    "gnt-instance",
    "list",
    "--no-headers",
    "--units=m",
    "--separator=|",
    f"--output={','.join(FIELDS)}",
)
UNSET = "-"
"""Printed for what does not exist: a parameter of another hypervisor, memory of what is down."""
UNTOLD = ("?", "*")
"""Printed when a node did not tell, or is marked offline and was not asked."""


@dataclass(frozen=True, slots=True)
class Nic:
    """A network card: ``bridged``, ``routed`` …, what it is linked to, and its address."""

    mode: str
    link: str
    mac: str

    def __str__(self) -> str:
        return f"{self.mode} {self.link}"


@dataclass(frozen=True, slots=True)
class Details:
    """An instance: configured, and as its node sees it; sizes in MiB.

    Attributes:
        template: of its disks, e.g. ``drbd``.
        admin_state: ``up``, ``down`` or ``offline``: what it should be.
        memory_mib: least and most.
        running: None when its node did not tell.
        ram_mib, cpus: what the hypervisor gave it; None when it does not run.
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
    nics: tuple[Nic, ...]
    running: bool | None
    ram_mib: int | None
    cpus: int | None
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


def parse_details(text: str) -> dict[str, Details]:
    """Instance to its details; a cluster without instances prints nothing.

    Raises:
        ParseError: a line has other fields.
    """
    return dict(_details(line) for line in text.splitlines())


def _details(line: str) -> tuple[str, Details]:
    words = line.split("|")
    row = dict(zip(FIELDS, words, strict=False))
    needed = [row.get(name) for name in ("name", "hypervisor", "disk_template", "pnode")]
    if len(words) != len(FIELDS) or not all(needed) or row["admin_state"] not in STATES:
        raise refuse(TOOL, line)
    return row["name"], Details(
        hypervisor=row["hypervisor"],
        os=row["os"],
        template=row["disk_template"],
        admin_state=row["admin_state"],
        primary=row["pnode"],
        secondaries=_items(row["snodes"]),
        disks_mib=tuple(number(TOOL, size) for size in _items(row["disk.sizes"])),
        memory_mib=(number(TOOL, row["be/minmem"]), number(TOOL, row["be/maxmem"])),
        vcpus=number(TOOL, row["be/vcpus"]),
        nics=_nics(row, line),
        running=_switch(row["oper_state"], line),
        ram_mib=_amount(row["oper_ram"]),
        cpus=_amount(row["oper_vcpus"]),
        parameters=_parameters(row, line),
    )


def _items(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _nics(row: Mapping[str, str], line: str) -> tuple[Nic, ...]:
    columns = [_items(row[name]) for name in ("nic.modes", "nic.links", "nic.macs")]
    if len({len(column) for column in columns}) != 1:
        raise refuse(TOOL, line)
    return tuple(Nic(*nic) for nic in zip(*columns, strict=True))


def _switch(text: str, line: str) -> bool | None:
    if text not in ("Y", "N", *UNTOLD):
        raise refuse(TOOL, line)
    return None if text in UNTOLD else text == "Y"


def _amount(text: str) -> int | None:
    return None if text in (UNSET, *UNTOLD) else number(TOOL, text)


def _parameters(row: Mapping[str, str], line: str) -> dict[str, str]:
    found = {name: row[f"hv/{name}"] for name in PARAMETERS if row[f"hv/{name}"] != UNSET}
    for name in SWITCHES:
        if name in found:
            found[name] = "true" if _switch(found[name], line) else "false"
    return found


def read_details(source: "Source") -> Mapping[str, Details]:
    """Ask the master, which asks the nodes."""
    return parse_details(source.ask(COMMAND, timeout_s=LIMIT_S).text())
