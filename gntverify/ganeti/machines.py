"""Virtual machines that run on a node, whoever started them.

Ganeti looks for those whose id stands in a file of its own; a process that lost its file, or
that was started by hand, escapes it.
"""

import re
from typing import TYPE_CHECKING

from gntverify.facts.shape import refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

# Of a command line only the value of -name is printed; one that is empty is of a process that
# ends. The last line tells that all were seen: a node without guests would otherwise say nothing.
COMMAND = [
    "sh",
    "-c",
    "for d in /proc/[0-9]*; do { read -r c < $d/comm; } 2>/dev/null || continue; "
    "case $c in qemu-system-*|kvm|kvm.*) ;; *) continue;; esac; "
    "w=$(tr '\\n\\0' ' \\n' 2>/dev/null < $d/cmdline); [ \"$w\" ] || continue; "
    "n=$(printf '%s\\n' \"$w\" | awk 'o ~ /^--?name$/ {print; exit} {o = $0}'); "
    'echo "machine ${d#/proc/} $n"; done; echo end',
]
_MACHINE = re.compile(r"machine ([0-9]{1,10}) (.*)")


def parse_machines(text: str) -> frozenset[str]:
    """Names of the virtual machines; one without a name is called by its process.

    Raises:
        ParseError: a line is not understood, or the last one is missing.
    """
    *rows, last = text.splitlines() or [""]
    if last != "end":
        raise refuse("/proc/PID/cmdline", text)
    return frozenset(_name(row) for row in rows)


def _name(row: str) -> str:
    found = _MACHINE.fullmatch(row)
    if not found:
        raise refuse("/proc/PID/cmdline", row)
    name = found[2].split(",", 1)[0].removeprefix("guest=")
    return name or f"process {found[1]}"


def read_machines(source: "Source") -> frozenset[str]:
    """Virtual machines under KVM or QEMU."""
    return parse_machines(source.ask(COMMAND).text())
