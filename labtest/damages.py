"""Exports that are damaged, each in one way, and the level of the ladder that has to see it."""

from dataclasses import dataclass
from pathlib import Path

from labtest.conftest import SITE_FILE, Lab

SHELF = "/srv/damaged"
EXPORTED = "/var/lib/ganeti/export/vm2.gnt.example"
NODE = "node1"
"""On which that export lies."""


@dataclass(frozen=True)
class Damage:
    """One way in which an export is no good.

    Attributes:
        name: what is wrong, as a user would say it.
        level: the control that fails first; empty for what is whole.
        text: shell text that does it, in a copy of the export; ``$dump`` is its only dump.
        probes: what the site asks of the restored guest, as TOML; empty: what all are asked.
    """

    name: str
    level: str
    text: str
    probes: str = ""

    @property
    def resolves(self) -> bool:
        """Whether its name is to be known; else that is all that is wrong with it."""
        return "resolve" not in self.name

    @property
    def instance(self) -> str:
        """The name under which the damaged copy is an export."""
        return f"{self.name.replace(' ', '-')}.gnt.example"


def _ini(key: str, value: str) -> str:
    return f"sed -i 's/^{key} = .*/{key} = {value}/' config.ini"


# The dump is a pressed tar; a byte of what is pressed is changed where it is data, or a header.
_FLIP = (
    'python3 -c "import gzip, sys; b = bytearray(gzip.open(sys.argv[1]).read()); '
    "at = {}; b[at] ^= 1; gzip.open(sys.argv[1], 'wb').write(b)\" $dump"
)
_BIT = (
    "python3 -c \"import sys; f = open(sys.argv[1], 'r+b'); f.seek(300000); "
    'b = f.read(1)[0]; f.seek(300000); f.write(bytes([b ^ 1]))" $dump'
)
DAMAGES = (
    Damage("nothing", "", "true"),
    Damage("a name that does not resolve", "R00", "true"),
    Damage("older than the RPO", "R00", _ini("timestamp", "1000000000")),
    Damage("a dump missing", "R01", "rm $dump"),
    Damage("an empty dump", "R01", ": > $dump"),
    Damage("config of another instance", "R01", _ini("name", "vm1.gnt.example")),
    Damage("config of another version", "R01", _ini("version", "1")),
    Damage("config cut short", "R01", "truncate -s 60 config.ini"),
    Damage(
        "a byte that its sums do not know",
        "R01",
        f"sha256sum * > s; {_FLIP.format('len(b) // 2')}; mv s SHA256SUMS",
    ),
    Damage("a truncated dump", "R01", "truncate -s -5000 $dump"),
    Damage("a byte of the dump", "R01", _BIT),
    Damage("a byte of the file system", "R02", _FLIP.format("b.index(b'canary/MANIFEST')")),
    Damage("no room", "R02", _ini("disk0_size", "900000")),
    Damage("an OS that is not here", "R02", _ini("os", "nosuch+default")),
    Damage("a kernel that finds no system", "R03", _ini("kernel_args", "ro rdinit=nosuch")),
    Damage(
        "an answer that is not expected",
        "R04",
        "true",
        '[{ kind = "http", path = "/hostname.txt", want = "another" }]',
    ),
    Damage("a byte of the data", "R05", _FLIP.format("len(b) // 2")),
    Damage(
        "a lost file",
        "R05",
        "zcat $dump > t; tar --delete -f t $(tar -tf t | grep canary/data/. | head -n 1); "
        "gzip -1 < t > $dump; rm t",
    ),
)


def prepare(lab: Lab, directory: Path) -> Path:
    """Lay damaged copies of vm2's export on a shelf of a node; a site file that takes them."""
    steps = ["set -e", f"rm -rf {SHELF}", f"mkdir -p {SHELF}", "umask 022"]
    for damage in DAMAGES:
        place = f"{SHELF}/{damage.instance}"
        steps += [
            f"cp -r {EXPORTED} {place}",
            f"cd {place}",
            "dump=$(sed -n 's/^disk0_dump = //p' config.ini)",
            _ini("name", damage.instance),
            damage.text,
            "chmod 0444 *",
        ]
    lab.on(NODE, "\n".join(steps))
    names = " ".join(damage.instance for damage in DAMAGES if damage.resolves)
    for node in lab.site.nodes:  # verify wants the file alike everywhere
        lab.on(node.short, f"echo 192.168.255.250 {names} >> /etc/hosts")
    text = SITE_FILE.read_text(encoding="utf-8")
    shelf = f'[drills]\nsource_dir = "{SHELF}"\nnode = "{NODE}.gnt.example"\n'
    text = text.replace("[drills]\n", shelf)
    for damage in DAMAGES:
        if damage.probes:
            text += f'[[drills.guests]]\nname = "{damage.instance}"\nprobes = {damage.probes}\n'
    site = directory / "damaged.toml"
    site.write_text(text, encoding="utf-8")
    return site
