"""OS definitions as they lie on a node: their scripts, and the files that these read."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gntverify.facts.tree import Entry, read_tree

if TYPE_CHECKING:
    from gntverify.transport.source import Source

SETTINGS = ("/etc/default/ganeti-*", "/etc/ganeti/instance-*")
"""Where definitions of the ganeti-instance-* and ganeti-os-* family keep what they are told:
defaults, variants, hooks, networks. ``/etc/default/ganeti`` is Ganeti's own, and no match."""
LEFT_OVER = (".dpkg-dist", ".dpkg-new", ".dpkg-old", ".ucf-dist", ".ucf-old", "~")
"""What dpkg and editors leave beside a file; no script reads it."""
SCRIPTS = ("export", "import", "rename")
CREATE = ("create", "create_untrusted")
"""One of them makes an instance; ``verify`` is for OS parameters, and may be missing."""


@dataclass(frozen=True)
class Definitions:
    """All definitions of one node.

    Attributes:
        tree: all below the search path.
        search: the directories that Ganeti searches, in its order.
    """

    tree: Mapping[str, Entry]
    search: tuple[str, ...]

    @cached_property
    def places(self) -> Mapping[str, tuple[str, ...]]:
        """Definition to the directories that hold it, the one that counts first."""
        found: dict[str, list[str]] = defaultdict(list)
        for directory in self.search:
            for path, entry in sorted(self.tree.items()):
                at = PurePosixPath(path)
                hidden = at.name.startswith(".")  # Ganeti lists visible names only
                if str(at.parent) == directory and entry.kind == "d" and not hidden:
                    found[at.name].append(path)
        return {name: tuple(paths) for name, paths in found.items()}

    @property
    def doubles(self) -> Mapping[str, tuple[str, ...]]:
        """The definitions of which there are several, the later ones hidden by the first."""
        return {name: paths for name, paths in self.places.items() if len(paths) > 1}

    @property
    def contents(self) -> Mapping[str, str]:
        """``noop/create`` to the short hash of that file, of all definitions that count."""
        return {
            f"{name}/{path.removeprefix(f'{paths[0]}/')}": entry.sha256[:12] or "a broken link"
            for name, paths in self.places.items()
            for path, entry in self.tree.items()
            if path.startswith(f"{paths[0]}/") and entry.kind != "d"
        }

    @property
    def not_runnable(self) -> frozenset[str]:
        """``noop/create`` and the like: scripts that are missing or may not be executed."""
        return frozenset(
            f"{name}/{script}"
            for name, paths in self.places.items()
            for script in self._scripts(paths[0])
            if not self._runs(f"{paths[0]}/{script}")
        )

    def _scripts(self, directory: str) -> frozenset[str]:
        there = {name for name in (*CREATE, "verify") if f"{directory}/{name}" in self.tree}
        return frozenset({*SCRIPTS, *(there if there & set(CREATE) else {*there, "create"})})

    def _runs(self, path: str) -> bool:
        return path in self.tree and self.tree[path].runs


def read_definitions(source: "Source", search: Sequence[str]) -> Definitions:
    """The node's definitions."""
    return Definitions(read_tree(source, search), tuple(search))


def read_settings(source: "Source") -> Mapping[str, Entry]:
    """Path to each file that tells definitions what to do, without what is left over."""
    return {
        path: entry
        for path, entry in read_tree(source, SETTINGS).items()
        if entry.kind != "d" and not path.endswith(LEFT_OVER)
    }
