"""Software RAID, from ``/proc/mdstat``."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.shape import cat, parse_cat, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

MDSTAT = cat(["/proc/mdstat"])
_HEAD = re.compile(
    r"(md\S+) : (active|inactive)((?: \([\w-]+\))*)(?: (raid\d+|linear|multipath|faulty))?"
    r"((?: \S+\[\d+\](?:\([WJFSR]\))*)*)\s*",
    re.ASCII,
)
_MEMBER = re.compile(r"(\S+?)\[\d+\]((?:\([WJFSR]\))*)", re.ASCII)
_SHAPE = re.compile(r"\s+\d+ blocks.* \[(\d+)/(\d+)\] \[([U_]+)\]", re.ASCII)
_SYNC = re.compile(r"\s+(?:\[[=>.]+\]\s+)?(recovery|resync|reshape|check)\s*=\s*(\S+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Array:
    """An md array.

    Attributes:
        device: path of its device.
        level: ``raid1`` …; empty while it is inactive.
        active: whether it runs.
        members: devices in it, without the failed ones.
        failed: devices the kernel has thrown out of it.
        wanted: number of members it should have; 0 where the level has no redundancy.
        working: number it has.
        syncing: ``"recovery 12.3%"`` and the like; empty at rest.
    """

    device: str
    level: str
    active: bool
    members: frozenset[str]
    failed: frozenset[str]
    wanted: int = 0
    working: int = 0
    syncing: str = ""

    @property
    def whole(self) -> bool:
        """Whether it runs with every member it should have and has thrown none out."""
        return self.active and not self.failed and self.working == self.wanted

    def __str__(self) -> str:
        state = self.level if self.active else "inactive"
        lost = f", failed {', '.join(sorted(self.failed))}" if self.failed else ""
        sync = f", {self.syncing}" if self.syncing else ""
        return (
            f"{self.device}: {state}, {self.working} of {self.wanted} members"
            f" ({', '.join(sorted(self.members)) or 'none'}){lost}{sync}"
        )


def parse_mdstat(text: str) -> dict[str, Array]:
    """Device to array of ``/proc/mdstat``; no array at all is a legal answer.

    Raises:
        ParseError: the text is not what the kernel prints.
    """
    lines = text.split("\n")
    if not lines[0].startswith("Personalities :"):
        raise refuse("/proc/mdstat", lines[0])
    blocks: list[list[str]] = []
    for line in lines[1:]:
        if line.startswith("unused devices:") or not line.strip():
            continue
        if not line[0].isspace():
            blocks.append([line])
        elif blocks:
            blocks[-1].append(line)
        else:
            raise refuse("/proc/mdstat", line)
    arrays = [_array(block) for block in blocks]
    return {array.device: array for array in arrays}


def _array(block: list[str]) -> Array:
    head = _HEAD.fullmatch(block[0])
    if not head:
        raise refuse("/proc/mdstat", block[0])
    members = {(f"/dev/{name}", flags) for name, flags in _MEMBER.findall(head[5])}
    failed = frozenset(device for device, flags in members if "F" in flags)
    shape = next(filter(None, map(_SHAPE.match, block[1:])), None)
    sync = next(filter(None, map(_SYNC.match, block[1:])), None)
    active = head[2] == "active"
    if active and (head[4] or "").startswith("raid1") and not shape:
        raise ParseError(f"/proc/mdstat tells no number of members of {head[1]!r}.")
    return Array(
        device=f"/dev/{head[1]}",
        level=head[4] or "",
        active=active,
        members=frozenset(device for device, _ in members) - failed,
        failed=failed,
        wanted=int(shape[1]) if shape else 0,
        working=int(shape[2]) if shape else 0,
        syncing=f"{sync[1]} {sync[2]}" if sync else "",
    )


def read_arrays(source: "Source") -> dict[str, Array]:
    """The host's md arrays by device; none where the kernel has no md at all."""
    files = parse_cat(source.ask(MDSTAT).text())
    return parse_mdstat(files["/proc/mdstat"]) if files else {}
