"""What a node is made of: processor, memory, drives, network cards, and KVM."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from gntverify.errors import ParseError
from gntverify.facts.shape import Row, checked, load_json, number, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

CPU_KEYS = ("vendor_id", "cpu family", "model", "model name", "flags")
CPU = ("sh", "-c", f"grep -E '^({'|'.join(CPU_KEYS)})\\s*:' /proc/cpuinfo | sort -u")
"""Of a hundred equal threads, one."""
MEMORY = ("lsmem", "--summary=only", "--bytes")
"""Whole blocks: MemTotal lacks what firmware and kernel keep, a little else on each machine."""
DRIVES = (
    *("lsblk", "--json", "--nodeps", "--bytes"),
    *("--output", "PATH,TYPE,SUBSYSTEMS,SIZE,ROTA,VENDOR,MODEL"),
)
NICS = (
    "sh",
    "-c",
    "for d in /sys/class/net/*/device; do [ -e $d ] || continue; [ ! -e $d/physfn ] || continue; "
    'n=${d%/device}; l=$(readlink $d/driver); echo "${n##*/} ${l##*/} '
    '$(cat $n/carrier 2>/dev/null || echo 0) $(cat $n/speed 2>/dev/null || echo -1)"; done',
)
"""Cards, but for the functions that a card lends to guests; a card that is off has no carrier."""
KVM = (
    "python3",
    "-c",
    """\
import fcntl, os
try:
    print("API", fcntl.ioctl(os.open("/dev/kvm", os.O_RDONLY), 0xAE00))
except OSError as err:
    print(err.strerror)
""",
)
"""KVM_GET_API_VERSION (the kernel's Documentation/virt/kvm/api.rst) changes nothing."""
_MADE_UP = re.compile(r"\b(QEMU|VMware|VBOX|Virtual Disk|Msft)\b")
_SPEEDLESS = ("virtio_net", "vif")


@dataclass(frozen=True, slots=True)
class Cpu:
    """The processors of a node; of several kinds, the flags that all have."""

    model: str
    flags: frozenset[str]


@dataclass(frozen=True, slots=True)
class Drive:
    """A whole drive; ``virtual`` when it is a file, or a piece, of some other machine's."""

    path: str
    size_bytes: int
    rotates: bool
    virtual: bool

    @property
    def kind(self) -> str:
        """What has to be equal of two drives."""
        return f"{self.size_bytes / 2**30:.1f} GiB {'rotating' if self.rotates else 'solid'}"


@dataclass(frozen=True, slots=True)
class Nic:
    """A network card; ``speed`` is ``"1000 Mb/s"``, ``"no link"``, or ``"virtual"``."""

    name: str
    speed: str


class _DriveRow(Row):
    path: str
    type: str
    subsystems: str
    size: Annotated[int, Field(ge=0)]
    rota: bool
    vendor: str | None
    model: str | None


class _Drives(Row):
    blockdevices: list[_DriveRow]


def parse_cpu(text: str) -> Cpu:
    """The processors of lines out of ``/proc/cpuinfo``.

    Raises:
        ParseError: a line is no ``key : value``, or a key is not there at all.
    """
    values: dict[str, list[str]] = {key: [] for key in CPU_KEYS}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if not colon or key.strip() not in values:
            raise refuse("/proc/cpuinfo", line)
        values[key.strip()].append(value.strip())
    missing = [key for key, seen in values.items() if not any(seen)]
    if missing:
        raise ParseError(f"/proc/cpuinfo tells no {', '.join(missing)}.")
    name, vendor, family, model = (
        " + ".join(values[key]) for key in ("model name", "vendor_id", "cpu family", "model")
    )
    flags = frozenset.intersection(*(frozenset(line.split()) for line in values["flags"]))
    return Cpu(f"{name} ({vendor} family {family} model {model})", flags)


def parse_memory(text: str) -> int:
    """Memory that is online, in MiB, of lsmem's summary.

    Raises:
        ParseError: the summary does not tell it, or tells none.
    """
    found = re.search(r"^Total online memory: +([0-9]+)$", text, re.MULTILINE | re.ASCII)
    size_mib = number("lsmem", found[1]) // 2**20 if found else 0
    if not size_mib:
        raise refuse("lsmem", text)
    return size_mib


def parse_drives(text: str) -> tuple[Drive, ...]:
    """Drives of ``lsblk --nodeps``, without those that have no medium.

    What the kernel makes up itself (DRBD, loop, md) stands on no bus and is none.

    Raises:
        ParseError: the text is not what lsblk prints, or names no drive.
    """
    rows = checked(_Drives, load_json(text, "lsblk"), "lsblk").blockdevices
    drives = tuple(
        Drive(row.path, row.size, row.rota, _is_virtual(row))
        for row in rows
        if row.type == "disk" and ":" in row.subsystems and row.size
    )
    if not drives:
        raise ParseError("`lsblk` lists no drive.")
    return drives


def _is_virtual(row: _DriveRow) -> bool:
    buses = set(row.subsystems.split(":"))
    made_up = _MADE_UP.search(f"{row.vendor or ''} {row.model or ''}")
    # a real disk may be handed through virtio-scsi; it still bears its own name
    bare_virtio = "virtio" in buses and "scsi" not in buses
    return bool(made_up or bare_virtio or buses & {"xen", "pseudo"})


def kinds(drives: Iterable[Drive]) -> str:
    """How many there are of each kind, whatever the kernel calls them: ``2 x 931.5 GiB solid``."""
    counts = Counter(drive.kind for drive in drives)
    return ", ".join(f"{count} x {kind}" for kind, count in sorted(counts.items()))


def parse_nics(text: str) -> tuple[Nic, ...]:
    """Network cards; none is a legal answer.

    Raises:
        ParseError: a line is not name, driver, carrier and speed, or a card with a link, and no
            virtual one, does not tell its speed.
    """
    return tuple(map(_nic, text.splitlines()))


def _nic(line: str) -> Nic:
    found = re.fullmatch(r"(\S+) (\S*) ([01]) (-?[0-9]+)", line, re.ASCII)
    if not found:
        raise refuse("/sys/class/net", line)
    name, driver, carrier, speed = found.groups()
    if carrier == "0":
        return Nic(name, "no link")
    if int(speed) > 0:
        return Nic(name, f"{speed} Mb/s")
    if driver not in _SPEEDLESS:
        raise ParseError(f"The network card {name!r} ({driver}) has a link and tells no speed.")
    return Nic(name, "virtual")


def parse_kvm(text: str) -> str:
    """``API 12``, or why KVM cannot be asked, in the system's words.

    Raises:
        ParseError: it is not one line.
    """
    lines = text.splitlines()
    if len(lines) != 1 or not lines[0].strip():
        raise refuse("KVM_GET_API_VERSION", text)
    return lines[0].strip()


def read_cpu(source: "Source") -> Cpu:
    """The host's processors."""
    return parse_cpu(source.ask(CPU).text())


def read_memory(source: "Source") -> int:
    """The host's memory in MiB."""
    return parse_memory(source.ask(MEMORY).text())


def read_drives(source: "Source") -> tuple[Drive, ...]:
    """The host's drives."""
    return parse_drives(source.ask(DRIVES).text())


def read_nics(source: "Source") -> tuple[Nic, ...]:
    """The host's network cards."""
    return parse_nics(source.ask(NICS).text())


def read_kvm(source: "Source") -> str:
    """What KVM says when it is asked for its version."""
    return parse_kvm(source.ask(KVM).text())
