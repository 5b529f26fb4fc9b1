"""What starts at boot: units of systemd, scripts of System V among them, and kernel modules."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gntverify.facts.shape import cat, parse_cat, refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

# Debian's Ganeti is a script of System V, for which systemctl asks update-rc.d's links; upstream
# ships a target. For a unit that does not exist is-enabled prints nothing, or not-found.
SERVICES: Mapping[str, tuple[str, ...]] = {
    "ganeti": ("ganeti.service", "ganeti.target"),
    "cron": ("cron.service",),
}
UNITS = [
    "sh",
    "-c",
    "command -v systemctl >/dev/null || exit 127; "
    f"for u in {' '.join(unit for units in SERVICES.values() for unit in units)}; do "
    'echo "$u $(systemctl is-enabled $u 2>/dev/null)"; done',
]
# modules-load.d(5): of files with one name the first of these directories has it.
DIRECTORIES = ("/etc", "/run", "/usr/local/lib", "/usr/lib")
MODULES = cat([f"{directory}/modules-load.d/*.conf" for directory in DIRECTORIES])
_UNIT = re.compile(r"([\w-]+\.(?:service|target)) ([a-z-]*)")


def parse_units(text: str) -> dict[str, str]:
    """Service to ``enabled``, or what the best of its units is; ``absent`` without any.

    Raises:
        ParseError: a line is not understood, a unit is missing in the answer, or none is known.
    """
    states = dict(_unit(line) for line in text.splitlines())
    asked = {unit for units in SERVICES.values() for unit in units}
    if states.keys() != asked or not any(states.values()):
        raise refuse("systemctl is-enabled", text)
    return {name: _best([states[unit] for unit in units]) for name, units in SERVICES.items()}


def _unit(line: str) -> tuple[str, str]:
    found = _UNIT.fullmatch(line)
    if not found:
        raise refuse("systemctl is-enabled", line)
    return found[1], "" if found[2] == "not-found" else found[2]


def _best(states: list[str]) -> str:
    there = [state for state in states if state]
    return "enabled" if "enabled" in there else (there or ["absent"])[0]


def parse_modules(text: str) -> frozenset[str]:
    """Kernel modules that systemd loads at boot; there may be none.

    Raises:
        ParseError: the text is not what the files were printed as, or a line is no module.
    """
    files: dict[str, str] = {}
    for path, content in parse_cat(text).items():
        files.setdefault(PurePosixPath(path).name, content)
    lines = [line.strip() for content in files.values() for line in content.split("\n")]
    names = [line for line in lines if line and line[0] not in "#;"]
    strange = [name for name in names if not re.fullmatch(r"[\w-]+", name)]
    if strange:
        raise refuse("cat /etc/modules-load.d", strange[0])
    return frozenset(name.replace("-", "_") for name in names)


def read_units(source: "Source") -> Mapping[str, str]:
    """Whether Ganeti and cron start."""
    return parse_units(source.ask(UNITS).text())


def read_modules(source: "Source") -> frozenset[str]:
    """Modules that are loaded."""
    return parse_modules(source.ask(MODULES).text())
