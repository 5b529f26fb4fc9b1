"""Whole directories of small files: what each file is, its mode and its hash."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.facts.shape import refuse

if TYPE_CHECKING:
    from gntverify.transport.source import Source

LIMIT_S = 60.0
_ENTRY = re.compile(r"([a-zA-Z]) ([0-7]{1,4}) (/.*)")
_HASHED = re.compile(r"([0-9a-f]{64})  (/.*)")
_ROOT = re.compile(r"/[\w./*+-]+")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, directory or link that leads nowhere.

    Attributes:
        kind: find's letter for it: ``f``, ``d``, or ``l`` for such a link.
        mode: ``755``.
        sha256: of a file's content; empty for all else.
    """

    kind: str
    mode: str
    sha256: str

    @property
    def runs(self) -> bool:
        """Whether it is a file that its owner may execute."""
        return self.kind == "f" and bool(int(self.mode, 8) & 0o100)

    def __str__(self) -> str:
        return f"{self.sha256[:12]} mode {self.mode}" if self.kind == "f" else "no file"


def tree_argv(roots: Sequence[str]) -> list[str]:
    """The command that walks these directories and files; links are followed, ``*`` is a pattern.

    Raises:
        ParseError: a root is no plain path.
    """
    for root in roots:
        if not _ROOT.fullmatch(root):
            raise ParseError(f"{root!r} is no path that a shell could be given.")
    walk = (
        'find -L "$r" -printf "%y %m %p\\n" || exit; '
        'find -L "$r" -type f -exec sha256sum {} + || exit'
    )
    return [
        "sh",
        "-c",
        f'for r in {" ".join(roots)}; do [ -e "$r" ] || [ -L "$r" ] || continue; {walk}; done',
    ]


def parse_tree(text: str) -> dict[str, Entry]:
    """Path to what it is; none where no root exists.

    Raises:
        ParseError: a line is not understood (a name with a line break is one), or a file has no
            hash.
    """
    kinds: dict[str, tuple[str, str]] = {}
    hashes: dict[str, str] = {}
    for line in text.splitlines():
        if found := _HASHED.fullmatch(line):
            hashes[found[2]] = found[1]
        elif found := _ENTRY.fullmatch(line):
            kinds[found[3]] = found[1], found[2]
        else:
            raise refuse("find and sha256sum", line)
    files = {path for path, (kind, _) in kinds.items() if kind == "f"}
    if files != hashes.keys():
        odd = sorted(files ^ hashes.keys())
        raise ParseError(f"`find` and `sha256sum` do not tell the same of {', '.join(odd)}.")
    return {path: Entry(kind, mode, hashes.get(path, "")) for path, (kind, mode) in kinds.items()}


def read_tree(source: "Source", roots: Sequence[str]) -> Mapping[str, Entry]:
    """What lies there on the node."""
    return parse_tree(source.ask(tree_argv(roots), timeout_s=LIMIT_S).text())
