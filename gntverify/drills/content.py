"""What lies on a restored disk, read on its node while no guest runs from it."""

import re
from typing import TYPE_CHECKING

from gntverify.errors import CommandFailed

if TYPE_CHECKING:
    from gntverify.cluster import Node
    from gntverify.site.drills import Guest

CHECK = "/usr/share/gntverify-probe/check-disk"
LIMIT_S = 600.0
ACTIVATE = 'exec gnt-instance activate-disks "$1"'
"""Shell text for the master; :func:`device_of` reads what it prints."""
# In a mount namespace of its own, so that a kill leaves nothing; a loop device that is let go
# while it is mounted ends with the mount.
_SUMS = """\
exec unshare -m sh -c '
device=$1 part=$2; shift 2
if [ "$part" != 0 ]; then
    loop=$(losetup --read-only --partscan --find --show "$device") || exit
    device=${loop}p$part
fi
mount -o ro,noload "$device" /mnt 2>/dev/null || mount -o ro "$device" /mnt
mounted=$?
[ -z "$loop" ] || losetup -d "$loop"
[ $mounted = 0 ] || exit
cd /mnt && for f; do sha256sum "./${f#/}" || echo "gone  $f"; done
' sh "$@"
"""


def device_of(text: str) -> str:
    """The device of the first disk, of what `gnt-instance activate-disks` prints.

    Raises:
        CommandFailed: it names none.
    """
    found = re.search(r"^[^:\s]+:disk/0:(/dev/\S+)$", text, re.MULTILINE)
    if not found:
        raise CommandFailed(f"`gnt-instance activate-disks` printed no device: {text[:200]!r}.")
    return found[1]


def canary(node: "Node", device: str) -> list[str]:
    """What a probe guest's own check finds wrong.

    Raises:
        CommandFailed, CommandTimeout: it could not tell, which is its status 2.
    """
    answer = node.source.ask((CHECK, device), timeout_s=LIMIT_S, fresh=True)
    if answer.status() == 1:
        return [answer.stdout.strip()]
    answer.text()
    return []


def differing(node: "Node", device: str, guest: "Guest") -> list[str]:
    """Files that are not what the site says of them, each with what it is instead.

    Raises:
        CommandFailed, CommandTimeout: the file system could not be read.
    """
    want = guest.content
    argv = ["sh", "-c", _SUMS, "sh", device, str(guest.partition), *want]
    have = parse_sums(node.source.ask(argv, timeout_s=LIMIT_S, fresh=True).text())
    return [
        f"{name}: {have.get(name, 'gone')[:12]}" for name in want if have.get(name) != want[name]
    ]


def parse_sums(text: str) -> dict[str, str]:
    """Absolute path to digest, of what ``sha256sum ./PATH`` printed; what is gone is left out."""
    found = re.findall(r"^([0-9a-f]{64})  \.(/\S.*)$", text, re.MULTILINE)
    return {path: digest for digest, path in found}
