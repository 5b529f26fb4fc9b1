"""What the deploys ask of a node. Every fact is one command, and no answer means a new node."""

import re
from dataclasses import dataclass, field
from shlex import quote

from pyinfra.api.facts import FactBase

REBOOT_MARKER = "/run/provision-reboot"
"""In a tmpfs: a reboot takes it away."""
SSCONF = "/var/lib/ganeti/ssconf"
"""How the files begin that every member of a cluster has."""


class FileText(FactBase[str | None]):
    """A text file's content, None when there is no such file."""

    def command(self, path: str, most: int | None = None) -> str:
        """Its content, or nothing; ``most`` bytes of it, where a program may lie in its place."""
        read = "cat" if most is None else f"head -c {most}"
        return f"[ ! -e {quote(path)} ] || {read} {quote(path)}"

    @staticmethod
    def default() -> str | None:
        """There is no such file."""
        return None

    def process(self, output: list[str]) -> str | None:
        """All lines, each ended."""
        return "".join(f"{line}\n" for line in output)


@dataclass(frozen=True)
class Dpkg:
    """The Debian packages of a node.

    Attributes:
        installed: names of those that are installed and configured.
        interrupted: whether dpkg was ended before its work, and has to go on with it.
    """

    installed: frozenset[str] = frozenset()
    interrupted: bool = False


INSTALLED = ("ii", "hi")
"""States of a package that is there, and of one that is held there, as dpkg abbreviates them."""
_HALFWAY = re.compile(r"[ih][UFWt]")


class DpkgFacts(FactBase[Dpkg]):
    """What dpkg has installed, and whether it came to its end.

    Not ``dpkg --audit``: that also tells of what no ``dpkg --configure`` ever mends.
    """

    def command(self) -> str:
        """One line a package, and one for each update that was not merged."""
        return (
            "dpkg-query -W -f '${db:Status-Abbrev} ${Package}\\n' && "
            "ls -A /var/lib/dpkg/updates 2>/dev/null | sed 's/^/update /'"
        )

    @staticmethod
    def default() -> Dpkg:
        """No package."""
        return Dpkg()

    def process(self, output: list[str]) -> Dpkg:
        """Unpacked, half-configured or waiting for a trigger is halfway."""
        rows = [row for row in (line.split() for line in output) if len(row) == 2]
        return Dpkg(
            frozenset(name for state, name in rows if state in INSTALLED),
            any(state == "update" or _HALFWAY.fullmatch(state) for state, _ in rows),
        )


@dataclass(frozen=True)
class Disks:
    """What lies on the partitions that the site names, and what is made of them.

    A device is called what the site calls it, whatever name LVM or the kernel has for it.

    Attributes:
        signatures: partition to the type blkid sees, ``blank``, ``missing`` or ``unclear``.
        groups: physical volume to its volume group, empty when in none.
        root: device, type and options of ``/``.
        swaps: active swap devices.
    """

    signatures: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)
    root: tuple[str, str, str] | None = None
    swaps: frozenset[str] = frozenset()


class DiskFacts(FactBase[Disks]):
    """Partitions, LVM, root and swap."""

    def command(self, devices: list[str], swaps: list[str]) -> str:
        """Lines ``named``, ``device``, ``pv``, ``root``, ``swap``."""
        names = " ".join(quote(device) for device in devices)
        return (
            f"for d in {names} {' '.join(quote(swap) for swap in swaps)}; do "
            "echo named $d $(readlink -f $d); done; "
            f"for d in {names}; do "
            "if [ ! -b $d ]; then s=missing; else "
            "s=$(blkid -p -s TYPE -s PTTYPE -o value $d | tr '\\n' ' '); c=$?; "
            "blkid -p $d >/dev/null; case $? in 0) s=${s:-unclear};; 2) s=blank;; "
            "*) s=unclear;; esac; fi; echo device $d $s; done; "
            "if command -v pvs >/dev/null; then "
            "pvs --noheadings -o pv_name,vg_name | while read -r d g; do "
            'echo "pv $(readlink -f "$d") $g"; done; fi; '
            "echo root $(findmnt -no SOURCE,FSTYPE,OPTIONS /); "
            'tail -n +2 /proc/swaps | while read -r d rest; do echo "swap $(readlink -f "$d")"; '
            "done"
        )

    @staticmethod
    def default() -> Disks:
        """A node with blank partitions."""
        return Disks()

    def process(self, output: list[str]) -> Disks:
        """The lines, by their first word."""
        rows = [line.split() for line in output if line.strip()]
        roots = [row for row in rows if row[0] == "root" and len(row) == 4]
        given = {row[-1]: row[1] for row in rows if row[0] == "named"}

        def name(device: str) -> str:
            return given.get(device, device)

        return Disks(
            signatures={row[1]: " ".join(row[2:]) for row in rows if row[0] == "device"},
            groups={
                name(row[1]): row[2] if len(row) > 2 else "" for row in rows if row[0] == "pv"
            },
            root=(roots[0][1], roots[0][2], roots[0][3]) if roots else None,
            swaps=frozenset(name(row[1]) for row in rows if row[0] == "swap"),
        )


@dataclass(frozen=True)
class Bridge:
    """A bridge as the kernel has it; no ports and no addresses when it is not there.

    Attributes:
        addresses: with their prefix; IPv6's own link-local one is not among them.
        member: whether the node is in a cluster, whose traffic the bridge carries.
        uplinks: interfaces over which the default routes go, and this session.
    """

    exists: bool = False
    ports: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    stp: str = ""
    forward_delay: str = ""
    member: bool = False
    uplinks: frozenset[str] = frozenset()


class BridgeFacts(FactBase[Bridge]):
    """A bridge's ports, addresses, STP and forward delay (in hundredths of a second)."""

    def command(self, bridge: str) -> str:
        """Lines ``member``, ``uplink``, ``bridge``, ``port``, ``address``, ``stp``, ``delay``."""
        at = f"/sys/class/net/{bridge}"
        return (
            f"[ ! -e {SSCONF}_cluster_name ] || echo member; "
            "{ ip -4 route show default; ip -6 route show default; "
            '[ -z "$SSH_CONNECTION" ] || ip route get "${SSH_CONNECTION%% *}"; } 2>/dev/null '
            "| sed -n 's/.* dev \\([^ ]*\\).*/uplink \\1/p'; "
            f"if [ -d {at}/bridge ]; then echo bridge; "
            f"for p in {at}/brif/*; do [ ! -e $p ] || echo port ${{p##*/}}; done; "
            f"echo stp $(cat {at}/bridge/stp_state); "
            f"echo delay $(cat {at}/bridge/forward_delay); "
            f"{{ ip -o -4 address show dev {bridge}; ip -o -6 address show dev {bridge} scope "
            "global; } | while read -r i n f a rest; do echo address $a; done; fi"
        )

    @staticmethod
    def default() -> Bridge:
        """There is none."""
        return Bridge()

    def process(self, output: list[str]) -> Bridge:
        """The lines, by their first word."""
        rows = [[*line.split(), ""][:2] for line in output]
        words = dict(rows)
        return Bridge(
            exists="bridge" in words,
            ports=frozenset(value for key, value in rows if key == "port"),
            addresses=frozenset(value for key, value in rows if key == "address"),
            stp=words.get("stp", ""),
            forward_delay=words.get("delay", ""),
            member="member" in words,
            uplinks=frozenset(value for key, value in rows if key == "uplink"),
        )


class Lines(FactBase[tuple[str, ...]]):
    """The lines that some shell text prints."""

    def command(self, text: str) -> str:
        """The text itself."""
        return text

    @staticmethod
    def default() -> tuple[str, ...]:
        """Nothing printed."""
        return ()

    def process(self, output: list[str]) -> tuple[str, ...]:
        """All lines."""
        return tuple(output)


def path_of(key: str) -> str:
    """A parameter's path below ``/proc/sys``.

    As in sysctl.d(5): where the first of a key's separators is a dot, its dots are slashes and
    its slashes are dots (``net.ipv4.conf.eth0/2186.rp_filter``).
    """
    first = re.search(r"[./]", key)
    return key if first and first[0] == "/" else key.translate(str.maketrans("./", "/."))


class KernelParameters(FactBase[dict[str, str]]):
    """Values under ``/proc/sys``; a ``*`` in a key stands for every interface."""

    def command(self, keys: list[str]) -> str:
        """Lines ``path:value``."""
        paths = " ".join(f"/proc/sys/{path_of(key)}" for key in keys)
        return f"grep -s . /dev/null {paths} || true"

    @staticmethod
    def default() -> dict[str, str]:
        """None known."""
        return {}

    def process(self, output: list[str]) -> dict[str, str]:
        """Path below ``/proc/sys`` to value."""
        rows = [line.removeprefix("/proc/sys/").partition(":") for line in output]
        return {path: value.strip() for path, _, value in rows}


class RebootAsked(FactBase[bool]):
    """Whether something asks for a reboot: a step here, or a Debian package.

    Never on a node that is in a cluster: its instances are not ours to stop.
    """

    def command(self) -> str:
        """A word, or nothing."""
        return (
            f"[ -e {SSCONF}_cluster_name ] || for f in "
            f"{REBOOT_MARKER} /run/reboot-required; do [ ! -e $f ] || echo asked; done"
        )

    @staticmethod
    def default() -> bool:
        """Nothing asks."""
        return False

    def process(self, output: list[str]) -> bool:
        """A word was printed."""
        return "asked" in output


_TWO_WORDS = re.compile(r"(\S+) (.*)")


def pairs(lines: tuple[str, ...]) -> list[tuple[str, str]]:
    """Lines of a key and the rest, in order."""
    found = [_TWO_WORDS.fullmatch(line) for line in lines]
    return [(match[1], match[2].strip()) for match in found if match]
