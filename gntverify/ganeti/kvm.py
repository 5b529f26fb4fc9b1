"""Instances that run under KVM, as the node's kernel sees them: no socket of theirs is touched."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.errors import CommandFailed
from gntverify.facts.shape import cat, parse_cat, refuse
from gntverify.ganeti.displays import Display, properties, spice, vnc

if TYPE_CHECKING:
    from gntverify.transport.source import Source

RUN_DIR = "/var/run/ganeti/kvm-hypervisor"
KVM = "/usr/bin/kvm"
# The options that controls look at, and no others: `-object secret` and `-drive` hold passwords.
_OPTIONS = "name|m|smp|cpu|kernel|serial|vnc|spice|incoming"
_WORDS = (
    '{ sub(/^--/, "-") } o != "" { if (o != "-drive" || /media=cdrom/) print "| " o " " $0; '
    'o = ""; next } '
    f"/^-({_OPTIONS}|drive)$/ {{ o = $0 }}"
)
# A file descriptor that leads to a virtual machine of the kernel's is what KVM is; a process
# whose descriptors cannot be seen, or that ended meanwhile, shows none at all.
PROCESSES = [
    "sh",
    "-c",
    f'for f in {RUN_DIR}/pid/*; do [ -f "$f" ] || continue; read -r p < "$f" || [ "$p" ] || exit; '
    '[ -d "/proc/$p" ] || continue; '
    "l=$(find \"/proc/$p/fd\" -type l -printf '%l\\n' 2>/dev/null); "
    'case "$l" in *anon_inode:kvm-vm*) k=kvm;; ?*) k=emulated;; *) k=unseen;; esac; '
    'echo "> ${f##*/} $p $k"; '
    f"tr '\\n\\0' ' \\n' < \"/proc/$p/cmdline\" | awk '{_WORDS}'; done",
]
TAPS = cat([f"{RUN_DIR}/nic/*/*"])
WRAPPER = [
    "sh",
    "-c",
    f'if f=$(readlink -e {KVM}); then case "$(head -c 2 "$f")" in "#!") echo script;; '
    f"*) echo program;; esac; else echo absent; fi; dpkg-divert --list {KVM}",
]

_HEAD = re.compile(r"> (\S+) ([0-9]{1,10}) (kvm|emulated|unseen)")
_DIVERSION = re.compile(rf"(?:local )?diversion of {KVM} to (\S+)(?: by \S+)?")
_FILE = re.compile(r"> ([0-7]{1,4}) (\S+) (/.*)")


@dataclass(frozen=True, slots=True)
class Process:
    """The process of a running instance.

    Attributes:
        pid: its id.
        accelerator: ``kvm``, ``emulated``, or ``unseen`` when its descriptors are not shown.
        options: those of its command line that matter here, in their order.
    """

    pid: int
    accelerator: str
    options: tuple[tuple[str, str], ...]

    def option(self, name: str) -> str:
        """The value that counts, which is the last; empty when it is not given."""
        return next((value for key, value in reversed(self.options) if key == name), "")

    @property
    def uses_kvm(self) -> bool:
        """Whether the kernel runs it as a virtual machine.

        Raises:
            CommandFailed: its descriptors were not shown.
        """
        if self.accelerator == "unseen":
            raise CommandFailed(
                f"/proc/{self.pid}/fd shows nothing; does the session run as root?"
            )
        return self.accelerator == "kvm"

    @property
    def has_serial_console(self) -> bool:
        """Whether it was started with one."""
        return self.option("serial").startswith("unix:")

    @property
    def cdroms(self) -> tuple[str, ...]:
        """Images in its drives."""
        drives = [value for key, value in self.options if key == "drive"]
        return tuple(properties(drive).get("file", "") for drive in drives)

    @property
    def displays(self) -> tuple[Display, ...]:
        """Its VNC and SPICE servers on the network.

        Raises:
            ParseError: an option has a form that QEMU does not document.
        """
        made = [vnc(value) for key, value in self.options if key == "vnc"]
        made += [spice(value) for key, value in self.options if key == "spice"]
        return tuple(display for display in made if display)


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What stands at ``/usr/bin/kvm``: ``program``, ``script`` or ``absent``; where that moved."""

    kind: str
    moved_to: str

    @property
    def there(self) -> bool:
        """Whether something stands between Ganeti and QEMU."""
        return self.kind == "script" or bool(self.moved_to)

    def __str__(self) -> str:
        moved = f", diverted to {self.moved_to}" if self.moved_to else ""
        return f"{KVM} is {'wrapped' if self.there else 'not wrapped'} ({self.kind}{moved})"


def parse_processes(text: str) -> dict[str, Process]:
    """Instance to its process; a node on which none runs prints nothing.

    Raises:
        ParseError: a line is not understood, or a command line names another instance.
    """
    heads: list[tuple[str, int, str]] = []
    options: list[list[tuple[str, str]]] = []
    for line in text.splitlines():
        head = _HEAD.fullmatch(line)
        option = re.fullmatch(r"\| -(\w+) (.*)", line)
        if head:
            heads.append((head[1], int(head[2]), head[3]))
            options.append([])
        elif option and options:
            options[-1].append((option[1], option[2]))
        else:
            raise refuse(f"/proc/PID of {RUN_DIR}/pid", line)
    found = {
        name: Process(pid, accelerator, tuple(own))
        for (name, pid, accelerator), own in zip(heads, options, strict=True)
    }
    for name, process in found.items():
        if process.option("name").partition(",")[0] != name:
            raise refuse(f"/proc/{process.pid}/cmdline of {name!r}", process.option("name"))
    return found


def parse_taps(text: str) -> dict[str, frozenset[str]]:
    """Instance to its taps; a node on which none runs prints nothing.

    Raises:
        ParseError: a file lies elsewhere or holds something else.
    """
    found: dict[str, set[str]] = {}
    for path, content in parse_cat(text).items():
        place = re.fullmatch(rf"{RUN_DIR}/nic/([^/]+)/[^/]+", path)
        if not place or not re.fullmatch(r"[^\s/]{1,15}\n?", content):
            raise refuse(path, content)
        found.setdefault(place[1], set()).add(content.strip())
    return {name: frozenset(taps) for name, taps in found.items()}


def parse_wrapper(text: str) -> Wrapper:
    """What :data:`WRAPPER` printed.

    Raises:
        ParseError: a line is not understood.
    """
    lines = text.splitlines()
    if not lines or lines[0] not in ("program", "script", "absent") or len(lines) > 2:
        raise refuse(KVM, text)
    moved = _DIVERSION.fullmatch(lines[1]) if lines[1:] else None
    if lines[1:] and not moved:
        raise refuse("dpkg-divert --list", lines[1])
    return Wrapper(lines[0], moved[1] if moved else "")


def stat(paths: Sequence[str]) -> list[str]:
    """The command that tells mode and owner of files, links followed, for :func:`parse_stat`."""
    words = " ".join(map(shlex.quote, paths))
    return [
        "sh",
        "-c",
        f'for f in {words}; do if [ -e "$f" ]; then stat -L -c "> %a %U %n" "$f" || exit; '
        'else echo "absent $f"; fi; done',
    ]


def parse_stat(text: str, paths: Iterable[str]) -> dict[str, str | None]:
    """Path to mode and owner (``600 root``), None for one that does not exist.

    Raises:
        ParseError: a line is not understood, or a path is missing.
    """
    found: dict[str, str | None] = {}
    for line in text.splitlines():
        there = _FILE.fullmatch(line)
        if there:
            found[there[3]] = f"{there[1]} {there[2]}"
        elif line.startswith("absent /"):
            found[line.removeprefix("absent ")] = None
        else:
            raise refuse("stat", line)
    if found.keys() != set(paths):
        raise refuse("stat", text)
    return found


def read_processes(source: "Source") -> Mapping[str, Process]:
    """Processes of the instances that run on the host."""
    return parse_processes(source.ask(PROCESSES).text())


def read_taps(source: "Source") -> Mapping[str, frozenset[str]]:
    """Taps of the instances that run on the host."""
    return parse_taps(source.ask(TAPS).text())


def read_wrapper(source: "Source") -> Wrapper:
    """What Ganeti starts on the host when it starts kvm."""
    return parse_wrapper(source.ask(WRAPPER).text())


def read_stat(source: "Source", paths: Iterable[str]) -> Mapping[str, str | None]:
    """Mode and owner of those files; nothing is asked when there are none."""
    asked = sorted(set(paths))
    return parse_stat(source.ask(stat(asked)).text(), asked) if asked else {}
