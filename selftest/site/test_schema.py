"""The shipped JSON Schema: of the model, and fit for every site file there is."""

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings

from gntverify.site import Site
from gntverify.site.schema import FILE, schema, schema_text
from gntverify.site.write import text_of
from selftest.site.sites import lines_of, sites

SITES = sorted((Path(__file__).parents[2] / "sites").glob("*.toml"))
VALIDATOR = jsonschema.Draft202012Validator(schema())


def complaints(text: str) -> list[str]:
    """What an editor would mark; TOML's dates are strings to it."""
    data = json.loads(json.dumps(tomllib.loads(text), default=str))
    return [error.message for error in VALIDATOR.iter_errors(data)]


def test_the_shipped_file_is_the_models() -> None:
    """After a change of the model: `gntverify site schema > gntverify/site/site.schema.json`."""
    assert FILE.read_text(encoding="utf-8") == schema_text()


def test_it_is_a_schema() -> None:
    VALIDATOR.check_schema(schema())


@pytest.mark.parametrize("path", SITES, ids=lambda path: path.name)
def test_the_labs_sites_fit_and_name_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert complaints(text) == []
    first = text.splitlines()[0]
    assert first.startswith("#:schema ")
    assert (path.parent / first.removeprefix("#:schema ")).resolve() == FILE


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=50)
@given(site=sites())
def test_every_site_fits(site: Site) -> None:
    assert complaints(text_of(lines_of(site))) == []


def test_nothing_is_required() -> None:
    assert complaints("") == []
    assert complaints("[storage.root]\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "colour = 1",
        "[network.private]\nvlna = 7",
        "[daemons]\nnoded = 'everywhere'",
        "[network.private]\nvlan = 4095",
        "[[nodes]]\nname = 'node1.gnt.example'",
        "[[waivers]]\ncontrol = 'K03'\nhost = '*'",
        "profile = 'lax'",
        "described = false",
    ],
)
def test_what_the_model_refuses_is_marked(text: str) -> None:
    assert complaints(text) != []


def test_keys_are_explained_with_their_defaults() -> None:
    parts: dict[str, Any] = schema()["$defs"]
    days = parts["Limits"]["properties"]["certificate_days"]
    assert (days["default"], days["description"]) == (30, "Ganeti's own warning threshold")
    assert "net.ipv4.ip_forward" in schema()["properties"]["sysctl"]["properties"]
