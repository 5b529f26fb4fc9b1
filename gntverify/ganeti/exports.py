"""Exports of instances, read where they lie: the node's export directory, or a copy of it.

``config.ini`` also holds the private parameters of the OS, so its other sections stay there.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gntverify.facts.shape import number, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

DIRECTORY = "/var/lib/ganeti/export"
CONFIG = "config.ini"
VERSION = "0"
"""Ganeti's format of exports, the only one there has ever been."""
MOST_DISKS = 16
"""Of an instance, in Ganeti."""
LIMIT_S = 60.0
DRBD_META_MIB = 128
"""What a disk needs on each node besides its data, once it is mirrored."""
_KEYS = "version|timestamp|os|disk_count|disk_template|hypervisor|disk[0-9]+_(dump|size)"
_CHOICE = (
    "/^\\[/ { s = $0 } "
    f'(s == "[export]" || s == "[instance]") && /^({_KEYS}) *=/ {{ print "| " $0 }}'
)

_HEAD = re.compile(r"now ([0-9]{1,18}) in (/.*)")
_FILE = re.compile(r"file ([0-7]{1,4}) ([0-9]{1,18}) ([^/]+)/([^/]+)")


@dataclass(frozen=True, slots=True)
class File:
    """A file of an export: its mode (``600``) and size in bytes."""

    mode: str
    size: int


@dataclass(frozen=True, slots=True)
class Export:
    """An instance as ``gnt-backup export`` left it.

    Attributes:
        files: name to file, ``config.ini`` among them.
        values: what ``config.ini`` says of the export and of the instance.
        age_s: since it was made, by the clock of the host it lies on; None when it has no date.
    """

    files: Mapping[str, File]
    values: Mapping[str, str]
    age_s: int | None

    def value(self, key: str) -> str:
        """A value of ``config.ini``; empty when it is not there."""
        return self.values.get(key, "")

    @property
    def disks_mib(self) -> tuple[int, ...]:
        """Sizes of the disks, as far as ``config.ini`` tells them."""
        names = [f"disk{index}_size" for index in range(len(self.values))]
        return tuple(int(self.values[name]) for name in names if _is_number(self.value(name)))

    @property
    def needs_mib(self) -> int:
        """Room that an import takes in a volume group."""
        meta = DRBD_META_MIB if self.value("disk_template") == "drbd" else 0
        return sum(self.disks_mib) + meta * len(self.disks_mib)

    @property
    def trouble(self) -> str:
        """Why nothing could be restored from it; empty when nothing is missing."""
        if CONFIG not in self.files:
            return f"no {CONFIG}"
        lacking = [key for key in ("version", "os", "disk_count") if not self.value(key)]
        if lacking or self.age_s is None:
            return f"{CONFIG} without {', '.join(lacking or ['timestamp'])}"
        count = self.value("disk_count")
        if not _is_number(count) or int(count) > MOST_DISKS:
            return f"{CONFIG} with disk_count {count!r}"
        return "; ".join(filter(None, map(self._disk, range(int(count)))))

    def _disk(self, index: int) -> str:
        dump, size = self.value(f"disk{index}_dump"), self.value(f"disk{index}_size")
        if not dump or not _is_number(size) or int(size) == 0:
            return f"disk {index}: {CONFIG} does not tell its dump and size"
        if dump not in self.files:
            return f"disk {index}: its dump {dump} is not there"
        return "" if self.files[dump].size else f"disk {index}: its dump {dump} is empty"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A directory of exports: where it really is, and what lies in it by instance."""

    path: PurePosixPath
    exports: Mapping[str, Export]


def listing(directory: str) -> list[str]:
    """The command that tells what exports lie in a directory, for :func:`parse_shelf`.

    What is still being written (``NAME.new``) is left out.
    """
    return [
        "sh",
        "-c",
        f'd={shlex.quote(directory)}; [ -e "$d" ] || {{ echo absent; exit 0; }}; '
        'cd -P "$d" || exit; echo "now $(date +%s) in $PWD"; for e in *; do '
        '[ -d "$e" ] || continue; case "$e" in *.new) continue;; esac; echo "> $e"; '
        f'if [ -f "$e/{CONFIG}" ]; then awk \'{_CHOICE}\' "$e/{CONFIG}" || exit; fi; '
        'for f in "$e"/*; do [ ! -f "$f" ] || stat -c "file %a %s %n" "$f" || exit; done; done',
    ]


def parse_shelf(text: str) -> Shelf | None:
    """What a :func:`listing` printed; None when there is no such directory.

    Raises:
        ParseError: a line is not understood.
    """
    lines = text.splitlines()
    if lines == ["absent"]:
        return None
    head = _HEAD.fullmatch(lines[0]) if lines else None
    if not head:
        raise refuse("listing of exports", text)
    blocks: dict[str, list[str]] = {}
    name = ""
    for line in lines[1:]:
        if line.startswith("> ") and line[2:]:
            name = line[2:]
            blocks[name] = []
        elif name:
            blocks[name].append(line)
        else:
            raise refuse("listing of exports", line)
    now = int(head[1])
    exports = {name: _export(name, block, now) for name, block in blocks.items()}
    return Shelf(PurePosixPath(head[2]), exports)


def _export(name: str, lines: list[str], now: int) -> Export:
    files, values = {}, {}
    for line in lines:
        file = _FILE.fullmatch(line)
        if file and file[3] == name:
            files[file[4]] = File(file[1], int(file[2]))
        elif line.startswith("| ") and "=" in line:
            key, _, value = line[2:].partition("=")
            values[key.strip()] = value.strip()
        else:
            raise refuse(f"listing of the export of {name!r}", line)
    made = values.get("timestamp", "")
    age = now - number(CONFIG, made) if _is_number(made) else None
    return Export(files, values, age)


def _is_number(text: str) -> bool:
    return re.fullmatch("[0-9]{1,18}", text) is not None


def read_shelf(source: "Source", directory: str = DIRECTORY) -> Shelf | None:
    """The exports that lie in a directory of the host; None when there is no such directory."""
    return parse_shelf(source.ask(listing(directory), timeout_s=LIMIT_S).text())
