"""The JSON Schema of a site file, so that editors complete it and mark what is wrong.

It is made from the model; a file of it is shipped, and a self-test compares the two. Nothing is
required but inside what a site lists (a node, an OS, a waiver): all else is inherited.
"""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import tomlkit
from pydantic.json_schema import GenerateJsonSchema
from tomlkit.items import Item, Table

from gntverify.site.load import PROFILES, profiles
from gntverify.site.model import Site

FILE = Path(__file__).parent / "site.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
BASE = "notes"
"""The profile whose values and comments the schema shows; every other one inherits it."""


class _Plain(GenerateJsonSchema):
    """Keys speak for themselves: a title "Clock Skew S" says no more."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - pydantic's
        """No key has a title."""
        return False


def schema_text() -> str:
    """The schema as it is shipped."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """The schema: types and limits of the model, defaults and comments of the profile."""
    own = Site.model_json_schema(schema_generator=_Plain)
    made: dict[str, Any] = {"$schema": DIALECT, **own}
    del made["properties"]["described"]  # no key of a file
    made["properties"]["profile"] |= {"enum": profiles(), "default": BASE}
    listed = set(_listed(made))
    for name, part in {"": made, **made["$defs"]}.items():
        if name not in listed:
            part.pop("required", None)
    base = tomlkit.parse((PROFILES / f"{BASE}.toml").read_text(encoding="utf-8"))
    _explain(made, made, base)
    return made


def _listed(node: object) -> Iterator[str]:
    """Names of the definitions that stand in lists."""
    if isinstance(node, list):
        for child in node:
            yield from _listed(child)
    elif isinstance(node, Mapping):
        items = node.get("items")
        if isinstance(items, Mapping) and "$ref" in items:
            yield items["$ref"].rsplit("/", 1)[1]
        yield from _listed(list(node.values()))


def _explain(part: dict[str, Any], whole: dict[str, Any], table: Mapping[str, Any]) -> None:
    """Give each key of a table its default and the profile's comment on it."""
    for key, value in table.items():
        told = part.get("properties", {}).get(key)
        if told is None:
            continue
        if isinstance(value, Table):
            reference = told.get("$ref") or ""
            below = whole["$defs"][reference.rsplit("/", 1)[1]] if reference else told
            if isinstance(any_key := below.get("additionalProperties"), dict):
                below["properties"] = {name: deepcopy(any_key) for name in value}
            _explain(below, whole, value)
            continue
        told["default"] = value.unwrap() if isinstance(value, Item) else value
        if isinstance(value, Item) and value.trivia.comment:
            told["description"] = value.trivia.comment.lstrip("# ")
