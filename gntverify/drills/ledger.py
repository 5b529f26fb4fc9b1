"""The ledger: what a run is about to change, written on the nodes before it is changed.

One file a run, ``/var/lib/gntverify/ledger/RUN.jsonl``, on every node that answers, so that
whoever comes after a crash finds it, from whatever machine. A line is an :class:`Entry`, or
``{"run": ..., "done": NUMBER}`` once that is undone. A run that left nothing leaves no file.
"""

import json
import shlex
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from gntverify.errors import NOT_TOLD, CommandFailed, ParseError, Unreachable

if TYPE_CHECKING:
    from gntverify.cluster import Node

DIRECTORY = "/var/lib/gntverify/ledger"
LIMIT_S = 30.0
KINDS = ("instance", "undo", "stop")
Kind = Literal["instance", "undo", "stop"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something a run is about to change.

    Attributes:
        run: id of the run.
        number: within the run, from 1.
        kind: ``instance``: one that is created, and removed if it bears the run's tag;
            ``stop``: what submits jobs by itself, stopped by shell text before they are awaited;
            ``undo``: anything else, undone by shell text on a node.
        name: the instance, or in words what is undone.
        node: FQDN of the node on which the text runs; empty for an instance, and for what the
            master of that moment undoes.
        undo: the shell text; it may run twice, and touches nothing that is not the run's.
        at: Unix time, the runner's.
    """

    run: str
    number: int
    kind: Kind
    name: str
    node: str
    undo: str
    at: float

    def as_line(self) -> str:
        """The entry as a line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)


def tag_of(run: str) -> str:
    """The tag that every instance of a run bears."""
    return f"gntverify:run:{run}"


def parse_ledger(text: str) -> list[Entry]:
    """Entries that are not done, in their order.

    Raises:
        ParseError: a line is neither an entry nor says that one is done.
    """
    entries: dict[tuple[str, int], Entry] = {}
    done: set[tuple[str, int]] = set()
    for line in text.splitlines():
        try:
            data = json.loads(line)
            if "done" in data:
                done.add((data["run"], data["done"]))
            else:
                entry = Entry(**data)
                if entry.kind not in KINDS:
                    raise ValueError(entry.kind)
                entries[entry.run, entry.number] = entry
        except (ValueError, TypeError, KeyError) as err:
            raise ParseError(
                f"The ledger of an earlier run has a line that is none of this version's: "
                f"{line[:200]!r}. Use the gntverify that wrote it."
            ) from err
    return [entry for key, entry in entries.items() if key not in done]


def read_ledgers(nodes: Iterable["Node"]) -> dict[str, list[Entry]]:
    """Run to what it has not undone, by what any of the nodes has kept.

    Raises:
        ParseError: a ledger is not understood.
        CommandFailed, CommandTimeout: a node did not tell.
    """
    look = (
        f"cd {DIRECTORY} 2>/dev/null || exit 0; for f in *.jsonl; do [ ! -f $f ] || cat $f; done"
    )
    texts = [node.source.ask(["sh", "-c", look], fresh=True).text() for node in nodes]
    runs: dict[str, list[Entry]] = {}
    for entry in parse_ledger("".join(texts)):
        runs.setdefault(entry.run, []).append(entry)
    return runs


class Ledger:
    """The ledger of one run.

    Args:
        run: its id.
        nodes: those that keep it.
        began: what an earlier process has entered.
        whole: whether these are all nodes; one that is away may have kept it.

    Attributes:
        entries: what is not undone yet, in its order.
    """

    def __init__(
        self,
        run: str,
        nodes: Sequence["Node"],
        began: Sequence[Entry] = (),
        *,
        whole: bool = True,
    ) -> None:
        self.run = run
        self._whole = whole
        self.entries = list(began)
        self._nodes = nodes
        self._number = max((entry.number for entry in began), default=0)

    @property
    def path(self) -> str:
        """Where it lies, on each node."""
        return f"{DIRECTORY}/{self.run}.jsonl"

    def instance(self, name: str) -> Entry:
        """An instance is about to be created."""
        return self._enter("instance", name, "", "")

    def undo(self, name: str, node: str, text: str) -> Entry:
        """Something is about to be changed that ``text`` undoes; see :class:`Entry`."""
        return self._enter("undo", name, node, text)

    def stop(self, name: str, node: str, text: str) -> Entry:
        """Something is about to run that submits jobs, until ``text`` stops it."""
        return self._enter("stop", name, node, text)

    def _enter(self, kind: Kind, name: str, node: str, undo: str) -> Entry:
        self._number += 1
        entry = Entry(self.run, self._number, kind, name, node, undo, round(time.time(), 3))
        self._write(entry.as_line())
        self.entries.append(entry)
        return entry

    def done(self, entry: Entry) -> None:
        """It is undone; once all is, the file goes, if it goes everywhere.

        Else what is done stays written down, for the node that comes back with its own file.
        """
        self.entries.remove(entry)
        everywhere = self._write(json.dumps({"run": self.run, "done": entry.number}))
        if not self.entries and everywhere and self._whole:
            self._everywhere(f"rm -f {self.path}; rmdir {DIRECTORY} 2>/dev/null; true", must=False)

    def _write(self, line: str) -> bool:
        return self._everywhere(
            f"umask 077; mkdir -p {DIRECTORY} && "
            f"printf '%s\\n' {shlex.quote(line)} >> {self.path} && sync {self.path}",
            must=True,
        )

    def _everywhere(self, text: str, *, must: bool) -> bool:
        """On every node at once: whether all did it; where it must be, one at least did."""

        def write(node: "Node") -> Exception | None:
            try:
                node.source.ask(["sh", "-c", text], timeout_s=LIMIT_S, fresh=True).text()
            except (*NOT_TOLD, Unreachable) as err:
                return err
            return None

        with ThreadPoolExecutor(len(self._nodes)) as pool:
            failed = list(pool.map(write, self._nodes))
        first = next((err for err in failed if err), None)
        if must and None not in failed:
            raise CommandFailed(
                f"The ledger {self.path} could not be written on any node, and what is not "
                f"written down first is not changed. {first}"
            )
        return first is None
