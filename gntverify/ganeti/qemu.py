"""One running instance as its QEMU was started: the whole command line, of an instance of ours.

:mod:`gntverify.ganeti.kvm` reads all instances and leaves out what may be secret; a drill's own
instance has no secrets, and its network cards and disks are looked at too.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.shape import number, refuse
from gntverify.ganeti.displays import Display, properties, vnc
from gntverify.ganeti.kvm import RUN_DIR

if TYPE_CHECKING:
    from gntverify.transport.source import Source

TOOL = "/proc/PID/cmdline"
LIMIT_S = 30.0
# The file of a process that is gone may name somebody else's; then its name is another.
_LOOK = (
    f'f={RUN_DIR}/pid/$1; [ -f "$f" ] || exit 0; read -r p < "$f" || [ "$p" ] || exit; '
    '[ -e "/proc/$p/cmdline" ] || exit 0; echo "$p"; tr "\\0" "\\n" < "/proc/$p/cmdline"'
)
# $1: path of a disk, or of a link to it.
_SIZE = 'blockdev --getsize64 "$1"'
_CARDS = (
    f'for f in {RUN_DIR}/nic/$1/*; do [ -f "$f" ] || continue; read -r t < "$f" || [ "$t" ]; '
    'm=$(readlink "/sys/class/net/$t/master"); echo "$t ${m##*/}"; done'
)
_MAC = re.compile(r"\bmac(?:addr)?=([0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5})(?=,|$)")


@dataclass(frozen=True, slots=True)
class Machine:
    """A running QEMU: its process, and the words it was started with."""

    pid: int
    words: tuple[str, ...]

    def values(self, option: str) -> tuple[str, ...]:
        """What stands behind each occurrence of an option."""
        return tuple(
            value
            for word, value in zip(self.words, self.words[1:], strict=False)
            if word.replace("--", "-", 1) == f"-{option}"
        )

    def value(self, option: str) -> str:
        """The one that counts, which is the last; empty when it is not given."""
        return next(reversed(self.values(option)), "")

    @property
    def memory_mib(self) -> int:
        """Memory it was started with.

        Raises:
            ParseError: it is not told as Ganeti does.
        """
        return number(TOOL, self.value("m"))

    @property
    def cpus(self) -> int:
        """Processors, likewise.

        Raises:
            ParseError: as above.
        """
        return number(TOOL, self.value("smp").partition(",")[0])

    @property
    def macs(self) -> tuple[str, ...]:
        """Of its network cards, in their order, in lower case."""
        cards = [*self.values("device"), *self.values("net")]
        return tuple(found[1].lower() for card in cards if (found := _MAC.search(card)))

    @property
    def _drives(self) -> list[dict[str, str]]:
        return [properties(drive) for drive in self.values("drive")]

    @property
    def cds(self) -> tuple[str, ...]:
        """Files in its drives."""
        return tuple(d.get("file", "") for d in self._drives if d.get("media") == "cdrom")

    @property
    def disks(self) -> tuple[str, ...]:
        """Paths of its disks, in their order."""
        return tuple(d.get("file", "") for d in self._drives if d.get("media", "disk") == "disk")

    @property
    def boots(self) -> str:
        """From what: ``kernel``, ``cdrom`` (``-boot d``), ``disk``, or QEMU's own word."""
        order = self.value("boot")
        return "kernel" if self.value("kernel") else {"d": "cdrom", "c": "disk"}.get(order, order)

    @property
    def vnc(self) -> tuple[Display, ...]:
        """Its VNC servers on a network.

        Raises:
            ParseError: an option has a form that is not QEMU's.
        """
        return tuple(display for value in self.values("vnc") if (display := vnc(value)))


def parse_machine(text: str, name: str) -> Machine | None:
    """The machine of that instance; None where it does not run, which prints nothing.

    Raises:
        ParseError: it is no process's command line.
    """
    if not text:
        return None
    pid, *words = text.removesuffix("\n").split("\n")
    machine = Machine(number(TOOL, pid), tuple(words))
    if machine.pid <= 0:
        raise refuse(TOOL, pid)
    return machine if machine.value("name").partition(",")[0] == name else None


def parse_cards(text: str) -> dict[str, str]:
    """Tap to the bridge it is on, empty where it is on none.

    Raises:
        ParseError: a line has another form.
    """
    found = {}
    for line in text.splitlines():
        tap, space, bridge = line.partition(" ")
        if not re.fullmatch(r"[^\s/]{1,15}", tap) or not space or " " in bridge:
            raise refuse("taps of an instance", line)
        found[tap] = bridge
    return found


def read_machine(source: "Source", name: str) -> Machine | None:
    """Ask the node, now."""
    asked = ["sh", "-c", _LOOK, "sh", name]
    return parse_machine(source.ask(asked, timeout_s=LIMIT_S, fresh=True).text(), name)


def read_cards(source: "Source", name: str) -> dict[str, str]:
    """Taps of an instance on its node, now."""
    asked = ["sh", "-c", _CARDS, "sh", name]
    return parse_cards(source.ask(asked, timeout_s=LIMIT_S, fresh=True).text())


def read_size_mib(source: "Source", path: str) -> int:
    """Size of a disk on its node, now, in MiB.

    Raises:
        ParseError: it has no whole number of them.
    """
    asked = ["sh", "-c", _SIZE, "sh", path]
    size = number("blockdev", source.ask(asked, timeout_s=LIMIT_S, fresh=True).text().strip())
    if size <= 0 or size % 2**20:
        raise ParseError(f"`blockdev` says that {path} has {size} bytes, no whole MiB.")
    return size // 2**20
