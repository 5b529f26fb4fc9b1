"""What Ganeti's Debian packages installed on a node: whose it is, and whether it is as shipped."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.facts.shape import refuse
from gntverify.ganeti.modes import Mode

if TYPE_CHECKING:
    from gntverify.transport.source import Source

# Paths below /var belong to daemons, and another control judges them. Told are only those that are
# not what nearly all are: a file 644, a directory 755, of root:root. An image of the system may
# well be without what is there to read.
_SCRIPT = r"""
packages=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' '*ganeti*' | sed -n 's/^.i *//p')
[ -n "$packages" ] || { echo end; exit 0; }
printf 'package %s\n' $packages
dpkg-query -L $packages | sort -u | grep '^/' | grep -v '^/var/' |
  xargs -d '\n' stat -c 'mode %A %a %U:%G %n' 2>/dev/null |
  grep -v -e '^mode l' -e '^mode -rw-r--r-- 644 root:root ' -e '^mode drwxr-xr-x 755 root:root '
dpkg --verify $packages 2>&1 |
  sed -e '/^missing .* \/usr\/share\/\(doc\|man\)/d' -e 's/^/verify /'
echo end
"""
COMMAND = ["sh", "-c", _SCRIPT.strip()]
_MODE = re.compile(r"mode [-dbcps][-rwxsStT]{9} ([0-7]{1,4}) ([\w.-]+:[\w.-]+) (/.+)")
_VERIFIED = re.compile(r"verify (missing  |[?.\w]{9}) ([ a-z]) (/.+)")
_SETTINGS = "c"
_USUAL = "a file 644 or directory 755 root:root"
_WORLD_OR_GROUP = 0o022


@dataclass(frozen=True, slots=True)
class Packaged:
    """What Ganeti's packages installed, outside /var.

    Attributes:
        packages: their names; none where Ganeti was not installed from Debian packages.
        modes: path to mode and owner, of those that are no file 644 or directory 755 of root's.
        edited: files whose content is not the package's, settings apart.
        missing: files that are not there, settings and what is to read apart.
    """

    packages: tuple[str, ...]
    modes: Mapping[str, Mode]
    edited: frozenset[str]
    missing: frozenset[str]

    def mode(self, path: str) -> str:
        """Mode and owner of any path of the packages, in words."""
        return str(self.modes.get(path, _USUAL))

    @property
    def wrong(self) -> dict[str, str]:
        """Path to what is wrong with it, whatever other nodes have."""
        found = {path: f"is {mode}" for path, mode in self.modes.items() if _open(mode)}
        found |= dict.fromkeys(self.edited, "is not the package's any more")
        return found | dict.fromkeys(self.missing, "is missing")


def _open(mode: Mode) -> bool:
    """Whether somebody other than root can change it."""
    return not mode.owner.startswith("root:") or bool(int(mode.mode, 8) & _WORLD_OR_GROUP)


def parse_packaged(text: str) -> Packaged:
    """What the script above told.

    Raises:
        ParseError: a line is not understood, or its end did not arrive.
    """
    packages: list[str] = []
    modes: dict[str, Mode] = {}
    edited: set[str] = set()
    missing: set[str] = set()
    lines = text.splitlines()
    if lines[-1:] != ["end"]:
        raise refuse("dpkg", lines[-1] if lines else "")
    for line in lines[:-1]:
        if line.startswith("package "):
            packages.append(line.removeprefix("package "))
        elif told := _MODE.fullmatch(line):
            modes[told[3]] = Mode(told[1], told[2])
        elif told := _VERIFIED.fullmatch(line):
            if told[2] != _SETTINGS:
                (missing if told[1].startswith("missing") else edited).add(told[3])
        else:
            raise refuse("dpkg", line)
    return Packaged(tuple(packages), modes, frozenset(edited), frozenset(missing))


def read_packaged(source: "Source") -> Packaged:
    """The node's."""
    return parse_packaged(source.ask(COMMAND).text())
