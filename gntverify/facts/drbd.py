"""DRBD 8: the module, its options, and the state of its minors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.shape import cat, number, parse_cat, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

PROC = cat(["/proc/drbd"])
PARAMETERS = cat(["/sys/module/drbd/version", "/sys/module/drbd/parameters/*"])
# modprobe.d(5): of two files of one name the earlier directory's counts
DIRECTORIES = (
    "/etc/modprobe.d",
    "/run/modprobe.d",
    "/usr/local/lib/modprobe.d",
    "/lib/modprobe.d",
)
MODPROBE = cat([f"{directory}/*.conf" for directory in DIRECTORIES])

_STATE = re.compile(r" *(\d+): cs:(\w+)(?: ro:(\w+)/(\w+) ds:(\w+)/(\w+) . \S+)?\s*", re.ASCII)
_PERCENT = re.compile(r"sync'ed: *(\d+\.\d)%", re.ASCII)
_FINISH = re.compile(r"finish: (\d+):(\d\d):(\d\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Module:
    """The loaded kernel module: its version and its parameters, as ``/sys`` has them."""

    version: str
    parameters: Mapping[str, str]

    def parameter(self, name: str) -> str:
        """The value of one parameter.

        Raises:
            ParseError: the module has none of that name.
        """
        if name not in self.parameters:
            raise ParseError(f"/sys/module/drbd/parameters holds no {name!r}.")
        return self.parameters[name]

    def number(self, name: str) -> int:
        """The value of one parameter that is a number.

        Raises:
            ParseError: the module has none of that name, or it is no number.
        """
        return number(f"/sys/module/drbd/parameters/{name}", self.parameter(name))


@dataclass(frozen=True, slots=True)
class Minor:
    """A configured minor of this node: connection, disk states (own/peer), resync if any.

    Attributes:
        finish_s: the kernel's estimate in seconds of what a resync still needs.
        stalled: whether the kernel says that the resync does not move.
    """

    number: int
    connection: str
    disk: str
    peer_disk: str
    percent: float | None = None
    finish_s: int | None = None
    stalled: bool = False

    @property
    def syncing(self) -> bool:
        """Whether data is on its way, or should be and is paused."""
        return self.connection.startswith(("Sync", "PausedSync", "StartingSync"))

    def __str__(self) -> str:
        sync = "" if self.percent is None else f" {self.percent} %"
        left = "" if self.finish_s is None else f", {self.finish_s // 60} min left"
        stall = ", stalled" if self.stalled else ""
        return (
            f"minor {self.number}: {self.connection}{sync} {self.disk}/{self.peer_disk}"
            f"{left}{stall}"
        )


@dataclass(frozen=True, slots=True)
class Proc:
    """``/proc/drbd``: the module's version and the minors that are configured."""

    version: str
    minors: tuple[Minor, ...]


def parse_proc(text: str) -> Proc:
    """``/proc/drbd`` as 8.x writes it; unconfigured minors are left out.

    Raises:
        ParseError: the text is something else (DRBD 9 writes no minors there).
    """
    lines = text.split("\n")
    head = re.match(r"version: (\d+\.\d+\.\d+)\S* \(api:", lines[0], re.ASCII)
    if not head:
        raise refuse("/proc/drbd", lines[0])
    blocks: list[list[str]] = []
    for line in lines[1:]:
        if _STATE.fullmatch(line):
            blocks.append([line])
        elif blocks and (not line.strip() or line[0] in " \t"):
            blocks[-1].append(line)
        elif line.strip() and not line.startswith(("srcversion:", "GIT-hash:", "built-in")):
            raise refuse("/proc/drbd", line)
    return Proc(head[1], tuple(m for m in map(_minor, blocks) if m is not None))


def _minor(block: list[str]) -> Minor | None:
    state = _STATE.fullmatch(block[0])
    if state is None:
        raise refuse("/proc/drbd", block[0])
    number, connection = int(state[1]), state[2]
    if connection == "Unconfigured":
        return None
    if state[5] is None:
        raise refuse("/proc/drbd", block[0])
    rest = "\n".join(block[1:])
    percent, finish = _PERCENT.search(rest), _FINISH.search(rest)
    return Minor(
        number=number,
        connection=connection,
        disk=state[5],
        peer_disk=state[6],
        percent=float(percent[1]) if percent else None,
        finish_s=_seconds(finish) if finish else None,
        stalled="(stalled)" in rest,
    )


def _seconds(finish: "re.Match[str]") -> int:
    return int(finish[1]) * 3600 + int(finish[2]) * 60 + int(finish[3])


def parse_module(files: Mapping[str, str]) -> Module | None:
    """The module from what ``/sys/module/drbd`` holds; None when it is not loaded.

    Raises:
        ParseError: it is loaded and tells no version.
    """
    if not files:
        return None
    version = files.get("/sys/module/drbd/version", "").strip()
    if not version:
        raise ParseError("/sys/module/drbd tells no version of the module.")
    values = {
        path.rsplit("/", 1)[1]: text.strip()
        for path, text in files.items()
        if path.startswith("/sys/module/drbd/parameters/")
    }
    return Module(version, values)


def parse_modprobe(files: Mapping[str, str], module: str = "drbd") -> dict[str, str]:
    """Option to value that modprobe will hand to ``module``; empty when no file says any.

    Raises:
        ParseError: a line names the module and no option, or a file lies elsewhere.
    """
    options: dict[str, str] = {}
    for path in _ordered(files):
        for line in files[path].replace("\\\n", " ").split("\n"):
            words = line.split()
            if words[:2] != ["options", module]:
                continue
            if len(words) < 3:
                raise refuse(path, line)
            pairs = (word.partition("=") for word in words[2:])
            options |= {name: value.strip('"') for name, _, value in pairs}
    return options


def _ordered(paths: Mapping[str, str]) -> list[str]:
    by_name: dict[str, str] = {}
    for directory in DIRECTORIES:
        for path in sorted(paths):
            if path.rsplit("/", 1)[0] == directory:
                by_name.setdefault(path.rsplit("/", 1)[1], path)
    lost = set(paths) - {p for p in paths if p.rsplit("/", 1)[0] in DIRECTORIES}
    if lost:
        raise ParseError(f"{min(lost)!r} lies in none of the directories of modprobe.d(5).")
    return [by_name[name] for name in sorted(by_name)]


def read_proc(source: "Source") -> Proc | None:
    """``/proc/drbd``; None when it does not exist, for the module is not loaded."""
    files = parse_cat(source.ask(PROC).text())
    return parse_proc(files["/proc/drbd"]) if "/proc/drbd" in files else None


def read_module(source: "Source") -> Module | None:
    """The loaded module; None when it is not."""
    return parse_module(parse_cat(source.ask(PARAMETERS).text()))


def read_modprobe(source: "Source") -> dict[str, str]:
    """Options of drbd that a load after the next boot takes."""
    return parse_modprobe(parse_cat(source.ask(MODPROBE).text()))
