"""Writing site files: lines with their comments, so that a person can go on from there.

The layout is ours, keys and values are written by tomlkit: what needs quotes gets them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, get_args, get_origin

import tomlkit
from pydantic import BaseModel

from gntverify.errors import SiteError
from gntverify.site.load import parse_site
from gntverify.site.model import Site

Keys = tuple[str | int, ...]
"""Keys from the top; a number is a place in an array of tables: ``("nodes", 0, "name")``."""


WHOLE = 10**15
"""A float below it that is whole is written as people write it: 30, not 30.0."""


@dataclass(frozen=True, slots=True)
class Line:
    """A key of a site file.

    Attributes:
        path: where it stands.
        value: what it says.
        remark: a comment behind it; made fit for one line.
        todo: whether a person has to decide: then all of it is a comment.
    """

    path: Keys
    value: Any
    remark: str = ""
    todo: bool = False

    def __str__(self) -> str:
        said = f"{tomlkit.key(str(self.path[-1])).as_string()} = {_value(self.value)}"
        remark = _plain(f"TODO: {self.remark}" if self.todo and self.remark else self.remark)
        return f"{'# ' if self.todo else ''}{said}{'  # ' if remark else ''}{remark}"


def text_of(lines: Iterable[Line], head: Iterable[str] = ()) -> str:
    """The text of a site file: a head of comments, the keys, table by table."""
    groups: dict[Keys, list[Line]] = {(): []}
    for line in lines:
        groups.setdefault(line.path[:-1], []).append(line)
    parts = ["\n".join([*(f"#{text}" for text in head), "", *map(str, groups.pop(()))])]
    parts += ["\n".join([*_header(table, own), *map(str, own)]) for table, own in groups.items()]
    return "\n\n".join(parts).lstrip("\n") + "\n"


def _header(table: Keys, lines: list[Line]) -> list[str]:
    """``[storage.root]`` or ``[[nodes]]``, the first below what the model says of that table."""
    name = tomlkit.key([part for part in table if isinstance(part, str)]).as_string()
    about = _about(table)
    first = isinstance(table[-1], str) or table[-1] == 0
    above = [f"# {about}"] if about and first else []
    if isinstance(table[-1], str):
        return [*above, f"[{name}]"]
    return [*above, f"{'# ' if all(line.todo for line in lines) else ''}[[{name}]]"]


def _about(table: Keys) -> str:
    """The first line that the model says of a table; empty where it is no table of the model."""
    part: type[BaseModel] = Site
    for key in table:
        if isinstance(key, str):
            field = part.model_fields.get(key)
            kind = field.annotation if field else None
            kind = get_args(kind)[0] if get_origin(kind) is list else kind
            if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
                return ""
            part = kind
    return (part.__doc__ or "").partition("\n")[0].replace("``", "`")


def at(profile: Mapping[str, Any], path: Keys) -> Any:
    """What the profile says there; of an array of tables that a site gives, nothing counts."""
    found: Any = profile
    for part in path:
        if not isinstance(part, str) or not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def _toml(value: Any) -> Any:
    """The value in TOML's types."""
    if isinstance(value, list):
        return [_toml(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < WHOLE:
        return int(value)
    return value if isinstance(value, bool | int | float | str | date) else str(value)


def _value(value: Any) -> str:
    text: str = tomlkit.item(_toml(value)).as_string()
    return text.strip()


def _plain(text: str) -> str:
    """One line without what a comment of TOML may not hold."""
    flat = " ".join(text.split())
    return "".join(char if char.isprintable() else "?" for char in flat)


def possible(lines: Sequence[Line]) -> list[Line]:
    """The lines, those that are refused by themselves left to a person, with their value."""
    parts: dict[Keys, list[Line]] = {}
    for line in lines:
        item = any(isinstance(part, int) for part in line.path)  # only whole is it a node
        parts.setdefault(line.path[:2] if item else line.path, []).append(line)
    whys = {path: refused(own) for path, own in parts.items()}
    return [
        replace(line, remark=whys[path], todo=True) if whys[path] else line
        for path, own in parts.items()
        for line in own
    ]


def refused(lines: Sequence[Line]) -> str:
    """Why these lines make no site file; empty when they do."""
    file = Path("site.toml")
    try:
        parse_site(text_of(lines), file)
    except SiteError as err:
        return str(err).removeprefix(f"Site file {str(file)!r}: ")
    return ""
