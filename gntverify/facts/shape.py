"""What all parsers share: checking an answer's shape, and reading several files in one go."""

import json
import re
import shlex
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from gntverify.errors import ParseError

T = TypeVar("T")


class Row(BaseModel):
    """An object as a tool prints it: keys nobody asked for are allowed, wrong types are not."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


def load_json(text: str, tool: str) -> Any:
    """JSON as ``tool`` printed it.

    Raises:
        ParseError: the text is no JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as err:
        raise ParseError(f"`{tool}` was expected to print JSON: {err}; {_seen(text)}.") from err


def checked(kind: type[T], data: Any, tool: str) -> T:
    """``data`` as ``kind``, a type pydantic can check.

    Raises:
        ParseError: a key is missing or has another type; the message names it.
    """
    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as err:
        first = err.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "the whole"
        raise ParseError(
            f"`{tool}` printed what was not understood at {key!r}: {first['msg']}."
        ) from err


def number(tool: str, text: str) -> int:
    """A decimal number as ``tool`` printed it.

    Raises:
        ParseError: it is none.
    """
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ParseError(f"`{tool}` was expected to print a number; {_seen(text)}.")
    return int(text)


def refuse(tool: str, line: str) -> ParseError:
    """The error for a line that ``tool`` is not known to print."""
    return ParseError(f"`{tool}` printed what was not understood; {_seen(line)}.")


def _seen(text: str) -> str:
    return f"seen: {text[:120]!r}" if text.strip() else "it printed nothing"


def cat(patterns: Sequence[str]) -> list[str]:
    """The command that prints every file that matches, each line marked, for :func:`parse_cat`.

    A line ``> PATH`` opens a file, every line of it follows behind ``| ``; so no content can be
    taken for a name, and an empty file is still seen. Links are followed; what does not exist
    is left out; what cannot be read ends the command with its error.
    """
    words = " ".join(p if "*" in p else shlex.quote(p) for p in patterns)
    return [
        "sh",
        "-c",
        f'for f in {words}; do [ -f "$f" ] || [ -c "$f" ] || continue; '
        'printf "> %s\\n" "$f"; awk \'{print "| " $0}\' "$f" || exit; done',
    ]


def parse_cat(text: str) -> dict[str, str]:
    """Path to content of what a :func:`cat` command printed; empty when no file matched.

    Raises:
        ParseError: a line is neither a name nor content.
    """
    files: dict[str, list[str]] = {}
    path = ""
    for line in _lines(text):
        if line.startswith("> /"):
            path = line[2:]
            files[path] = []
        elif line.startswith("| ") and path:
            files[path].append(line[2:] + "\n")
        else:
            raise refuse("cat", line)
    return {path: "".join(lines) for path, lines in files.items()}


def _lines(text: str) -> list[str]:
    # not splitlines(): a form feed or a Unicode separator inside a file is no end of line
    lines = text.split("\n")
    return lines[:-1] if lines[-1] == "" else lines
