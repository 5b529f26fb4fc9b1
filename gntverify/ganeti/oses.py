"""``gnt-os diagnose``: every OS definition on every node."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gntverify.facts.shape import refuse
from gntverify.ganeti.jobs import ask_job

if TYPE_CHECKING:
    from gntverify.evidence import Answer
    from gntverify.transport.source import Source

COMMAND = ("gnt-os", "diagnose")
TOOL = "gnt-os diagnose"
LIMIT_S = 60.0
_OS = re.compile(r"OS: (\S+) \[global status: (valid|invalid|partial valid)\]( \[\w+\])*")
_NODE = re.compile(
    r"  Node: (?P<node>[^\s,]+), status: (?P<status>valid|invalid - .*?|OS not found)"
    r"(?: \(path: (?P<path>[^)]*)\)(?P<rest>(?: \[[^]]*\])*))?"
)
_VARIANTS = re.compile(r"  Variants: \[(.*)\]")
_HIDDEN = re.compile(r"    \[hidden\] path: .*")


@dataclass(frozen=True, slots=True)
class OsOnNode:
    """A definition on one node.

    Attributes:
        valid: whether Ganeti would use it.
        reason: why not, as Ganeti says it; empty when valid.
        path: its directory; empty when there is none.
        api_versions, variants, parameters: as the definition declares them.
    """

    valid: bool
    reason: str
    path: str
    api_versions: frozenset[str]
    variants: frozenset[str]
    parameters: frozenset[str]

    def __str__(self) -> str:
        parts = [
            f"API {', '.join(sorted(self.api_versions)) or 'none'}",
            f"variants {', '.join(sorted(self.variants)) or 'none'}",
            f"parameters {', '.join(sorted(self.parameters)) or 'none'}",
        ]
        return "; ".join(parts) if self.valid else f"invalid: {self.reason}"


@dataclass(frozen=True)
class OsState:
    """A definition on all nodes, by what Ganeti calls the node: 3.0 prints its UUID."""

    name: str
    status: str
    nodes: dict[str, OsOnNode] = field(default_factory=dict)


def parse_oses(text: str) -> dict[str, OsState]:
    """OS definitions by name; none when no node has one (then Ganeti prints nothing).

    Raises:
        ParseError: a line is not what ``gnt-os diagnose`` prints.
    """
    found: dict[str, OsState] = {}
    current: OsState | None = None
    for line in text.splitlines():
        if head := _OS.fullmatch(line):
            current = found[head[1]] = OsState(head[1], head[2])
        elif current and (on_node := _NODE.fullmatch(line)):
            current.nodes[on_node["node"]] = _on_node(on_node)
        elif not (current and (not line or _VARIANTS.fullmatch(line) or _HIDDEN.fullmatch(line))):
            raise refuse(TOOL, line)
    if any(not state.nodes for state in found.values()):
        raise refuse(TOOL, text)
    return found


def _on_node(found: re.Match[str]) -> OsOnNode:
    rest = found["rest"] or ""
    valid = found["status"] == "valid"
    return OsOnNode(
        valid=valid,
        reason="" if valid else found["status"].removeprefix("invalid - "),
        path=found["path"] or "",
        api_versions=_items("API versions", rest),
        variants=_items("variants", rest),
        parameters=_items("parameters", rest),
    )


def _items(key: str, rest: str) -> frozenset[str]:
    listed = re.search(rf"\[{key}: ([^]]*)\]", rest)
    return frozenset(listed[1].split(", ")) if listed else frozenset()


def judged(answer: "Answer") -> dict[str, OsState]:
    """The definitions of an answer; status 1 only says that not all of them are valid.

    Raises:
        CommandFailed: nothing was printed, with a bad status, or the output was cut.
        ParseError: the text is not understood.
    """
    if answer.status() not in (0, 1) or (answer.rc == 1 and not answer.stdout.strip()):
        answer.text()
    return parse_oses(answer.stdout)


def read_oses(source: "Source") -> Mapping[str, OsState]:
    """Ask the master."""
    return judged(ask_job(source, COMMAND, timeout_s=LIMIT_S))
