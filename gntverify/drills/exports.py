"""An export as the restore drill takes it: where it lies, and what its config.ini says."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gntverify.errors import CommandFailed
from gntverify.facts.shape import refuse
from gntverify.ganeti.exports import CONFIG, DIRECTORY, VERSION, Export, read_shelf
from gntverify.transport.source import Fresh

if TYPE_CHECKING:
    from gntverify.cluster import Cluster, Node
    from gntverify.site import Site

READ_S = 1800.0
"""To read a whole export, at least; a site that allows more to a restore gives it that."""
SUMS = "SHA256SUMS"
KEYS = (
    *("version", "name", "os", "disk_count", "nic_count", "timestamp"),
    *("hypervisor", "spice_bind"),
)
# Parameters may hold secrets; only what is needed is told.
_READ = rf"""
import configparser, json, re, sys
parser = configparser.RawConfigParser()
with open(sys.argv[1]) as file:
    parser.read_file(file)
found = {{}}
more = [name for name in parser.sections() if name == "hypervisor"]
for section in ["export", "instance", *more]:
    for key, value in parser.items(section):
        if key in {KEYS!r} or re.fullmatch(r"nic\d+_(ip|mac)", key):
            found[key] = value
print(json.dumps(found))
"""
# By their first bytes: what is pressed can say itself whether it is whole.
_TORN = """\
cd "$1" || exit
for f in *; do
    case $(head -c 4 -- "$f" | od -An -tx1 | tr -d ' \\n') in
        1f8b*) by=gzip ;; 28b52ffd) by=zstd ;; fd377a58) by=xz ;; 04224d18) by=lz4 ;;
        *) continue ;;
    esac
    ! command -v $by >/dev/null || $by -tq <"$f" 2>/dev/null || echo "$by $f"
done
"""


@dataclass(frozen=True, slots=True)
class Subject:
    """An export to be restored.

    Attributes:
        instance: whose export it is, the directory's name.
        node: on which it lies, or which sees it.
        path: of its directory, there.
        export: what lies in it.
        read_s: how long it may take to read it whole.
    """

    instance: str
    node: "Node"
    path: PurePosixPath
    export: Export
    read_s: float = READ_S

    @classmethod
    def missing(cls, instance: str, node: "Node") -> "Subject":
        """The export that is nowhere."""
        return cls(instance, node, PurePosixPath(DIRECTORY) / instance, Export({}, {}, None))

    @property
    def of_cluster(self) -> bool:
        """Whether it lies where Ganeti itself puts exports."""
        return str(self.path.parent) == DIRECTORY


def subjects(cluster: "Cluster", site: "Site") -> Iterator[Subject]:
    """Every export there is, where the site says that restores come from.

    Raises:
        CommandFailed, CommandTimeout, ParseError: a node did not tell.
    """
    read_s = max(READ_S, 60 * site.drills.restore_min)
    named = site.drills.source_dir
    seeing = site.drills.node or cluster.master.name
    for node in cluster.nodes:
        if named and node.name != seeing:
            continue
        shelf = read_shelf(Fresh(node.source), named or DIRECTORY)
        if shelf is not None:
            for name, export in shelf.exports.items():
                yield Subject(name, node, shelf.path / name, export, read_s)


def subject_of(instance: str, cluster: "Cluster", site: "Site") -> Subject | None:
    """The youngest export of an instance; None when there is none."""
    own = [one for one in subjects(cluster, site) if one.instance == instance]
    return min(own, key=_age, default=None)


def _age(subject: Subject) -> float:
    age = subject.export.age_s
    return float("inf") if age is None else age


def parse_config(text: str) -> dict[str, str]:
    """What config.ini says, by key.

    Raises:
        ParseError: it is no object of texts.
    """
    try:
        found = json.loads(text)
    except ValueError as err:
        raise refuse(CONFIG, text) from err
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise refuse(CONFIG, text)
    return found


def read_config(subject: Subject) -> tuple[Mapping[str, str], str]:
    """What config.ini says, and why nothing can be read of it; one of them is empty."""
    argv = ["python3", "-c", _READ, str(subject.path / CONFIG)]
    answer = subject.node.source.ask(argv, fresh=True)
    if answer.status() != 0:
        return {}, (answer.stderr.strip().splitlines() or ["it cannot be read"])[-1]
    return parse_config(answer.stdout), ""


def digests(subject: Subject) -> dict[str, str]:
    """File to its SHA-256; every dump is read whole.

    Raises:
        CommandFailed, CommandTimeout, ParseError: they could not be read.
    """
    return _sums(subject, 'cd "$1" && sha256sum -- *')


def torn(subject: Subject) -> list[str]:
    """Files that are cut short or damaged by the word of what pressed them, each a phrase.

    Raises:
        CommandFailed, CommandTimeout: they could not be read.
    """
    lines = _read(subject, _TORN).splitlines()
    found = (line.partition(" ") for line in lines)
    return [f"{name}: cut short or damaged, says {by}" for by, _, name in found]


def claimed(subject: Subject) -> dict[str, str]:
    """What a file SHA256SUMS beside the dumps says of them; empty when there is none."""
    return _sums(subject, f'cd "$1" && if [ -e {SUMS} ]; then cat {SUMS}; fi')


def _sums(subject: Subject, text: str) -> dict[str, str]:
    found = {}
    for line in _read(subject, text).splitlines():
        digest, _, name = line.partition(" ")
        if len(digest) != 64 or not name[1:]:
            raise CommandFailed(f"{subject.path}: {line[:200]!r} is no line of sha256sum.")
        found[name[1:].removeprefix("./")] = digest
    found.pop(SUMS, None)
    return found


def _read(subject: Subject, text: str) -> str:
    argv = ["sh", "-c", text, "sh", str(subject.path)]
    return subject.node.source.ask(argv, timeout_s=subject.read_s, fresh=True).text()


def damaged(
    have: Mapping[str, str], claims: Mapping[str, str], remembered: Mapping[str, str]
) -> list[str]:
    """Files that are not what they were: by the sums beside them, and by the last drill's."""
    return [
        *(f"{name}: not what {SUMS} says" for name in sorted(_differing(have, claims))),
        *(
            f"{name}: not what the last drill read"
            for name in sorted(_differing(have, remembered))
        ),
    ]


def _differing(have: Mapping[str, str], want: Mapping[str, str]) -> set[str]:
    return {name for name, digest in want.items() if have.get(name) != digest}


def mismatch(config: Mapping[str, str], subject: Subject) -> str:
    """Why config.ini is not this export's; empty when it is."""
    if config.get("version") != VERSION:
        return f"it is of version {config.get('version') or 'none'}, and this Ganeti has {VERSION}"
    if config.get("name") != subject.instance:
        return f"it is of {config.get('name') or 'nobody'}"
    nics = config.get("nic_count", "")
    if not re.fullmatch("[0-9]{1,2}", nics):
        return f"it counts {nics or 'no'} NICs"
    return ""
