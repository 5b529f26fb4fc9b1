"""Free space and inodes, from ``df``."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.facts.shape import refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

PATHS = ("/", "/var", "/var/lib/ganeti", "/var/log")
"""Root, and where Ganeti writes: its configuration, its queue, its logs."""
DF = ("df", "--block-size=1", "--output=target,size,avail,itotal,iavail", *PATHS)
_ROW = re.compile(r"(/.*?) +([0-9]+) +([0-9]+) +([0-9]+|-) +([0-9]+|-)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Space:
    """A mounted file system; free is what is left for others than root.

    ``inodes`` is 0 for one that makes them as it needs them (btrfs).
    """

    target: str
    size_bytes: int
    free_bytes: int
    inodes: int
    free_inodes: int

    @property
    def free_percent(self) -> float:
        """Of space or inodes, whatever ends first."""
        space = 100 * self.free_bytes / self.size_bytes
        return min(space, 100 * self.free_inodes / self.inodes) if self.inodes else space

    def __str__(self) -> str:
        inodes = f", {self.free_inodes} of {self.inodes} inodes" if self.inodes else ""
        return (
            f"{self.target} has {self.free_percent:.1f} % free "
            f"({self.free_bytes // 2**20} of {self.size_bytes // 2**20} MiB{inodes})"
        )


def parse_df(text: str) -> frozenset[Space]:
    """File systems of ``df --output=target,size,avail,itotal,iavail``, each once.

    Raises:
        ParseError: a line is not that, a file system has no size, or there is none.
    """
    lines = text.splitlines()[1:]
    if not lines:
        raise refuse("df", text)
    return frozenset(map(_space, lines))


def _space(line: str) -> Space:
    found = _ROW.fullmatch(line)
    if not found or not int(found[2]):
        raise refuse("df", line)
    size, free, inodes, free_inodes = (
        0 if text == "-" else int(text) for text in found.groups()[1:]
    )
    return Space(found[1], size, free, inodes, free_inodes)


def read_space(source: "Source") -> frozenset[Space]:
    """The file systems that root and Ganeti's files lie on."""
    return parse_df(source.ask(DF).text())
