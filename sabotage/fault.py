"""A fault: one real thing that is broken on one node, and what must turn red then."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from gntverify.errors import ParseError

RESET = "reset"
VERIFY = frozenset({"C04", "C05"})
"""The two controls that pass on what `gnt-cluster verify` says: its codes tell faults apart."""

Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Code = Annotated[str, StringConstraints(pattern=r"^E[A-Z0-9]+( /\S+)?$")]
Also = Annotated[str, StringConstraints(pattern=r"^\S+( on \S+)?$")]


class Fault(BaseModel):
    """One table of ``sabotage/faults/*.toml``.

    Attributes:
        control: id of the control that must turn red: the table's name.
        name: what is wrong, as a user would say it.
        node: where ``break`` runs, and where the control must be red when it judges nodes.
        breaks: shell text that breaks it (``break`` in the file).
        mend: shell text that undoes it, or ``reset``.
        also: other controls that rightly turn with it, on the same node: ``"W07"``; on another:
            ``"D05 on node1"``.
        codes: codes of `gnt-cluster verify` that it provokes; C04 or C05 then tell them. One that
            is about a file names it: ``"ECLUSTERFILECHECK /etc/hosts"``.
        names: what the message of a control of the whole cluster must hold; by default the
            node's short name.
        until: shell text that is true on the node once the fault shows; asked again and again.
        mended: likewise, once nothing of it shows any more.
        apart: controls whose faults would hide this one, and are therefore of another run.
        alone: whether it disturbs so much that nothing else may be broken meanwhile.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    control: Text
    name: Text
    node: Text
    breaks: Text = Field(alias="break")
    mend: Text
    also: tuple[Also, ...] = ()
    codes: tuple[Code, ...] = ()
    names: str = ""
    until: str = ""
    mended: str = ""
    apart: tuple[Text, ...] = ()
    alone: bool = False

    @property
    def by_reset(self) -> bool:
        """Whether only the snapshot of the lab undoes it."""
        return self.mend == RESET

    @property
    def word(self) -> str:
        """What the message of a control of the whole cluster must hold."""
        return self.names or self.node

    def __str__(self) -> str:
        return f"{self.control} on {self.node}: {self.name}"


def load_faults(directory: Path) -> list[Fault]:
    """All faults of a folder, by file and in the order they stand there.

    Raises:
        ParseError: a file is no TOML, or a table is no fault; file, control and key are named.
    """
    found = []
    for path in sorted(directory.glob("*.toml")):
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as err:
            raise ParseError(f"{path}: {err}.") from err
        for control, entries in tables.items():
            if not isinstance(entries, list):
                raise ParseError(f"{path}: a fault is a table of an array: [[{control}]].")
            found += [_fault(path, control, entry) for entry in entries]
    return found


def _fault(path: Path, control: str, entry: object) -> Fault:
    try:
        if not isinstance(entry, dict) or "control" in entry:
            raise ParseError(f"{path}: under [[{control}]] stands something that is no fault.")
        return Fault.model_validate(entry | {"control": control})
    except ValidationError as err:
        first = err.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        name = entry.get("name", "(no name)") if isinstance(entry, dict) else ""
        raise ParseError(f"{path}: {control} {name!r}, key {key!r}: {first['msg']}.") from err


def check_faults(faults: Iterable[Fault], controls: Mapping[str, bool], nodes: list[str]) -> None:
    """Faults speak of controls and nodes that exist, and no two of a control share a name.

    Raises:
        ParseError: one does not; it is named.
    """
    named: set[tuple[str, str]] = set()
    for fault in faults:
        also = [entry.partition(" on ") for entry in fault.also]
        strange = {fault.control, *(id_ for id_, _, _ in also)} - controls.keys()
        if strange:
            raise ParseError(f"{fault}: there is no control {', '.join(sorted(strange))}.")
        lost = {fault.node, *(node for _, _, node in also if node)} - set(nodes)
        if lost:
            raise ParseError(f"{fault}: the lab has no node {', '.join(sorted(lost))}.")
        if fault.codes and not VERIFY & {fault.control, *(id_ for id_, _, _ in also)}:
            raise ParseError(f"{fault}: codes are told by C04 or C05, and neither is declared.")
        if (fault.control, fault.name) in named:
            raise ParseError(f"{fault}: there are two of that name.")
        named.add((fault.control, fault.name))
