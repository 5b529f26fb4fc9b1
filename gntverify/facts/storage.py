"""Mounts, fstab, swaps and the disks below them, from util-linux."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from gntverify.errors import ParseError
from gntverify.facts.shape import Row, cat, checked, load_json, parse_cat, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

MOUNTS = ("findmnt", "--json", "--list", "--output", "TARGET,SOURCE,FSTYPE,OPTIONS")
FSTAB = ("findmnt", "--fstab", "--evaluate", *MOUNTS[1:])
VERIFY = ("findmnt", "--verify")
SWAPS = ("swapon", "--show=NAME,TYPE,SIZE", "--bytes", "--noheadings", "--raw")
DISKS = ("lsblk", "--json", "--list", "--bytes", "--output", "PATH,KNAME,PKNAME,TYPE,SIZE")
_VERIFIED = re.compile(r"([0-9]+) parse errors?, ([0-9]+) errors?, ([0-9]+) warnings?", re.ASCII)
EXT4 = cat(["/proc/fs/ext4/*/options"])


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted file system, or a line of fstab; swap lines have the target ``none``."""

    target: str
    source: str
    fstype: str
    options: frozenset[str]

    @property
    def lasting(self) -> bool:
        """Whether it is a disk or a share, as opposed to what the kernel makes up itself."""
        disk = self.source.startswith(("/dev/", "UUID=", "LABEL=", "PARTUUID=", "PARTLABEL="))
        return (disk or ":/" in self.source) and "[" not in self.source


@dataclass(frozen=True, slots=True)
class Swap:
    """An active swap; the kernel keeps the first page (4 KiB) of its device for itself."""

    device: str
    size_bytes: int

    @property
    def size_mib(self) -> int:
        """Size of the device below, in MiB, rounded."""
        return round((self.size_bytes + 4096) / 2**20)


@dataclass(frozen=True, slots=True)
class FstabCheck:
    """What ``findmnt --verify`` says of fstab."""

    errors: int
    complaints: tuple[str, ...]


class _MountRow(Row):
    target: str
    source: str | None
    fstype: str
    options: str | None


class _Mounts(Row):
    filesystems: Annotated[list[_MountRow], Field(min_length=1)]


class _DiskRow(Row):
    path: str
    kname: str
    pkname: str | None
    type: str


class _Disks(Row):
    blockdevices: list[_DiskRow]


def parse_mounts(text: str) -> tuple[Mount, ...]:
    """Mounts of ``findmnt --json --list``, live or of fstab; at least one.

    Raises:
        ParseError: the text is not what findmnt prints, or has none.
    """
    rows = checked(_Mounts, load_json(text, "findmnt"), "findmnt").filesystems
    return tuple(
        Mount(r.target, r.source or "", r.fstype, frozenset((r.options or "").split(",")))
        for r in rows
    )


def parse_swaps(text: str) -> tuple[Swap, ...]:
    """Active swaps; none is a legal answer (swapon prints nothing then).

    Raises:
        ParseError: a line is not name, type and bytes.
    """
    return tuple(_swap(line) for line in text.splitlines())


def _swap(line: str) -> Swap:
    found = re.fullmatch(r"(/\S+) (partition|file) ([0-9]+)", line, re.ASCII)
    if not found:
        raise refuse("swapon", line)
    return Swap(found[1], int(found[3]))


def parse_disks(text: str) -> dict[str, frozenset[str]]:
    """Block device to the whole disks it stands on; a disk stands on itself.

    Raises:
        ParseError: the text is not what lsblk prints, or a parent is not among the devices.
    """
    rows = checked(_Disks, load_json(text, "lsblk"), "lsblk").blockdevices
    parents: dict[str, set[str]] = {row.path: set() for row in rows}
    # a logical volume's path (/dev/mapper/…) is not what its children call it (dm-0)
    paths = {row.kname: row.path for row in rows}
    for row in rows:
        if row.pkname:
            parents[row.path].add(paths.get(row.pkname, row.pkname))
    return {path: frozenset(_roots(path, parents, len(parents))) for path in parents}


def parse_paths(text: str) -> dict[str, str]:
    """The kernel's name of a block device (``/dev/dm-0``) to its path (``/dev/mapper/…``).

    Raises:
        ParseError: the text is not what lsblk prints.
    """
    rows = checked(_Disks, load_json(text, "lsblk"), "lsblk").blockdevices
    return {f"/dev/{row.kname}": row.path for row in rows}


def _roots(path: str, parents: dict[str, set[str]], depth: int) -> set[str]:
    if path not in parents or depth < 0:
        raise ParseError(f"`lsblk` names {path!r} as a parent, but does not list it.")
    above = parents[path]
    if not above:
        return {path}
    return set().union(*(_roots(parent, parents, depth - 1) for parent in above))


def parse_fstab_check(text: str) -> FstabCheck:
    """Errors and complaints of ``findmnt --verify``, both its streams.

    Raises:
        ParseError: neither of its two summaries is there.
    """
    lines = [line.strip() for line in text.splitlines()]
    if "Success, no errors or warnings detected" in lines:
        return FstabCheck(0, ())
    found = next(filter(None, map(_VERIFIED.fullmatch, lines)), None)
    if not found:
        raise refuse("findmnt --verify", text)
    complaints = tuple(line for line in lines if line.startswith("["))
    return FstabCheck(int(found[1]) + int(found[2]), complaints)


def parse_ext4(files: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Kernel's device name to the options in force, defaults included, of ext4 mounts."""
    return {path.split("/")[-2]: frozenset(text.split()) for path, text in files.items()}


def read_mounts(source: "Source") -> tuple[Mount, ...]:
    """What is mounted now."""
    return parse_mounts(source.ask(MOUNTS).text())


def read_fstab(source: "Source") -> tuple[Mount, ...]:
    """What fstab says, tags (UUID=, LABEL=) resolved to devices; nothing when it is empty."""
    answer = source.ask(FSTAB)
    if answer.status() == 1 and not answer.stdout and not answer.stderr:
        return ()  # "findmnt returns 1 if nothing is found", findmnt(8)
    return parse_mounts(answer.text())


def read_fstab_check(source: "Source") -> FstabCheck:
    """What findmnt says of fstab."""
    answer = source.ask(VERIFY)
    if answer.status() != 1:  # which means that it found errors, and says them
        answer.text()
    return parse_fstab_check(answer.stdout + answer.stderr)  # the summary of errors is on stderr


def read_swaps(source: "Source") -> tuple[Swap, ...]:
    """The active swaps."""
    return parse_swaps(source.ask(SWAPS).text())


def read_disks(source: "Source") -> dict[str, frozenset[str]]:
    """Block devices and the whole disks they stand on."""
    return parse_disks(source.ask(DISKS).text())


def read_paths(source: "Source") -> dict[str, str]:
    """The kernel's names of block devices, and their paths."""
    return parse_paths(source.ask(DISKS).text())


def read_ext4(source: "Source") -> dict[str, frozenset[str]]:
    """Options in force of the mounted ext4 file systems."""
    return parse_ext4(parse_cat(source.ask(EXT4).text()))
