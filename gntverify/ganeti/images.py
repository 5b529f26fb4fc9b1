"""The OS definition ``image``: its settings, hooks, network files and templates on a node.

Paths and defaults are those of ganeti-instance-image (common.sh, README) as Debian packages it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.shape import parse_cat, refuse
from gntverify.ganeti.defaults import parse_defaults

if TYPE_CHECKING:
    from gntverify.transport.source import Source

NAME = "image"
HOOKS = ("grub", "interfaces")
DEFAULTS: Mapping[str, str] = {
    "CUSTOMIZE_DIR": "/etc/ganeti/instance-image/hooks",
    "NETWORKS_DIR": "/etc/ganeti/instance-image/networks",
    "IMAGE_DIR": "/var/cache/ganeti-instance-image",
}
_DEFAULTS_FILE = "/etc/default/ganeti-instance-image"
_VARIANTS = "/etc/ganeti/instance-image/variants"
_KEYS = (*DEFAULTS, "IMAGE_NAME", "IMAGE_URL")
LIMIT_S = 60.0
HASH_LIMIT_S = 600.0  # templates are gigabytes

# Only these assignments: what else the files hold is nobody's business.
SETTINGS = [
    "sh",
    "-c",
    f'for f in {_DEFAULTS_FILE} {_VARIANTS}/*.conf; do [ -f "$f" ] || continue; echo "> $f"; '
    f'awk \'/^[ \\t]*(export[ \\t]+)?({"|".join(_KEYS)})=/ {{print "| " $0}}\' "$f" || exit; '
    "done",
]


@dataclass(frozen=True)
class Settings:
    """What the files of ``image`` say: file to the assignments that matter here."""

    files: Mapping[str, Mapping[str, str]]

    def of(self, variant: str) -> Mapping[str, str]:
        """The settings of a variant: its own before the general ones before the package's."""
        own = self.files.get(f"{_VARIANTS}/{variant}.conf", {})
        return {**DEFAULTS, **self.files.get(_DEFAULTS_FILE, {}), **own}

    @property
    def variants(self) -> tuple[str, ...]:
        """Variants that have a file of their own, and ``default``."""
        own = {path.rpartition("/")[2].removesuffix(".conf") for path in self.files}
        return tuple(sorted((own - {_DEFAULTS_FILE.rpartition("/")[2]}) | {"default"}))

    @property
    def templates(self) -> tuple[str, ...]:
        """A pattern a variant for the files it is made from; none for one that downloads them."""
        told = [self.of(variant) for variant in self.variants]
        kept = [one for one in told if "IMAGE_URL" not in one]
        return tuple(sorted({_pattern(one["IMAGE_DIR"], one.get("IMAGE_NAME")) for one in kept}))


def _pattern(directory: str, name: str | None) -> str:
    return f"{directory.rstrip('/')}/{f'{name}-' if name else ''}*"


def parse_settings(text: str) -> Settings:
    """What :data:`SETTINGS` printed.

    Raises:
        ParseError: a line is not understood; a shell would have to tell what it assigns.
    """
    files = {
        path: parse_defaults(content, path).values for path, content in parse_cat(text).items()
    }
    return Settings({path: {k: v for k, v in own.items() if v} for path, own in files.items()})


@dataclass(frozen=True)
class Parts:
    """What ``image`` needs on a node beside its scripts.

    Attributes:
        hooks: those that are there to whether they may be executed.
        instances: instance that has a network file to the subnet named in it.
        subnets: subnets that have a file.
    """

    hooks: Mapping[str, bool]
    instances: Mapping[str, str]
    subnets: frozenset[str]

    def lacking(self, names: Sequence[str]) -> tuple[str, ...]:
        """What these instances need and this node lacks, a phrase each."""
        found = [f"hook {hook} not executable" for hook in HOOKS if not self.hooks.get(hook)]
        for name in names:
            subnet = self.instances.get(name)
            if subnet is None:
                found.append(f"no networks/instances/{name}")
            elif subnet not in self.subnets:
                found.append(f"no networks/subnets/{subnet or '(none named)'} for {name}")
        return tuple(found)


def parts_argv(settings: Mapping[str, str]) -> list[str]:
    """The command that lists hooks and network files.

    Raises:
        ParseError: a directory is no plain path.
    """
    hooks, networks = _path(settings["CUSTOMIZE_DIR"]), _path(settings["NETWORKS_DIR"])
    return [
        "sh",
        "-c",
        f'for f in {hooks}/*; do [ -f "$f" ] || continue; '
        '[ -x "$f" ] && echo "hook ${f##*/} runs" || echo "hook ${f##*/} -"; done; '
        f'for f in {networks}/instances/*; do [ -f "$f" ] || continue; '
        'echo "instance ${f##*/} $(sed -n \'s/^SUBNET=//p\' "$f" | tail -n 1)"; done; '
        f'for f in {networks}/subnets/*; do [ ! -f "$f" ] || echo "subnet ${{f##*/}} -"; done',
    ]


def parse_parts(text: str) -> Parts:
    """What :func:`parts_argv` printed.

    Raises:
        ParseError: a line is not understood.
    """
    found: dict[str, dict[str, str]] = {"hook": {}, "instance": {}, "subnet": {}}
    for line in text.splitlines():
        told = re.fullmatch(r"(hook|instance|subnet) (\S+) (\S*)", line)
        if not told:
            raise refuse("ls", line)
        found[told[1]][told[2]] = told[3].strip("\"'")
    hooks = {name: state == "runs" for name, state in found["hook"].items()}
    return Parts(hooks, found["instance"], frozenset(found["subnet"]))


def templates_argv(patterns: Sequence[str]) -> list[str]:
    """The command that lists templates: size, and hash, or the share on which they lie.

    What lies on a share is the same wherever that is mounted, and is not read over the network
    by every node; what is hashed leaves the cache as it was.

    Raises:
        ParseError: a pattern is no plain path.
    """
    words = " ".join(_path(pattern) for pattern in patterns)
    return [
        "sh",
        "-c",
        f'for f in {words}; do [ -f "$f" ] || continue; '
        's=$(findmnt -n -o SOURCE -t nfs,nfs4,cifs,ceph,glusterfs,fuse.glusterfs -T "$f"); '
        '[ -n "$s" ] && h="share:$s" || '
        'h=$(nice -n 19 dd if="$f" bs=4M iflag=nocache status=none | sha256sum); '
        'echo "$(stat -L -c %s "$f") ${h%  -} $f"; done',
    ]


def parse_templates(text: str) -> dict[str, str]:
    """Path to size and short hash, or to size and share.

    Raises:
        ParseError: a line is not understood.
    """
    found = {}
    for line in text.splitlines():
        told = re.fullmatch(r"(\d{1,18}) ([0-9a-f]{64}|share:\S+) (/.+)", line, re.ASCII)
        if not told:
            raise refuse("dd and sha256sum", line)
        share = told[2].startswith("share:")
        found[told[3]] = f"{told[1]} bytes, {told[2] if share else told[2][:12]}"
    return found


def unmatched(patterns: Iterable[str], paths: Iterable[str]) -> frozenset[str]:
    """The patterns that none of the paths matches: templates that are not there."""
    known = tuple(paths)
    return frozenset(p for p in patterns if not any(fnmatchcase(path, p) for path in known))


def _path(text: str) -> str:
    if not re.fullmatch(r"/[\w./+*-]+", text):
        raise ParseError(f"The settings of image name {text!r}, which is no plain path.")
    return text


def read_settings(source: "Source") -> Settings:
    """The node's settings of ``image``."""
    return parse_settings(source.ask(SETTINGS).text())


def read_parts(source: "Source", settings: Settings) -> Parts:
    """Hooks and network files, where the settings say that they are."""
    argv = parts_argv(settings.of("default"))
    return parse_parts(source.ask(argv, timeout_s=LIMIT_S).text())


def read_templates(source: "Source", settings: Settings) -> Mapping[str, str]:
    """The templates, hashed: seconds a gigabyte."""
    argv = templates_argv(settings.templates)
    return parse_templates(source.ask(argv, timeout_s=HASH_LIMIT_S).text())
