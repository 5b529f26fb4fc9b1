"""All controls there are, as they stand in the suites, and how one is judged without pytest."""

import importlib.util
import inspect
import json
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from gntverify.cluster import Node
from gntverify.controls import Control, control_of
from gntverify.errors import ParseError
from gntverify.judge import verdict_of
from gntverify.target import Target
from gntverify.verdicts import Outcome

ROOT = Path(__file__).parents[1]
SUITES = ROOT / "tests"
MUTANTS = ROOT / "selftest" / "mutants"
SABOTAGES = ROOT / "sabotage" / "faults"
SEEN = ROOT / "sabotage" / "seen.json"

Judgement = tuple[Node | None, Outcome, str]


@dataclass(frozen=True)
class Listed:
    """A control and the function that judges it."""

    control: Control
    function: Callable[..., None]

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of the fixtures it takes."""
        return tuple(inspect.signature(self.function).parameters)

    def judge(self, target: Target) -> Iterator[Judgement]:
        """Node (None for the cluster as a whole), outcome and message, on all it looks at."""
        fixtures: dict[str, Any] = {
            "cluster": target.cluster,
            "site": target.site,
            "outside": target.outside,
        }
        nodes = target.cluster.nodes if "node" in self.parameters else (None,)
        for node in nodes:
            given = {name: (fixtures | {"node": node})[name] for name in self.parameters}
            yield node, *verdict_of(_raised(self.function, given))


def _raised(function: Callable[..., None], given: dict[str, Any]) -> BaseException | None:
    try:
        function(**given)
    except Exception as err:  # whatever it is, the verdict is made of it
        return err
    return None


def load_controls(suites: Path = SUITES) -> list[Listed]:
    """Every control that judges answers, by id; drills, which change a cluster, are not here.

    Raises:
        ParseError: two controls have one id, or there is none at all.
    """
    found = [one for one in _load(suites) if one.control.impact != "disruptive"]
    if not found:
        raise ParseError(f"There is no control under {str(suites)!r}.")
    return found


def load_drills(suites: Path = SUITES) -> list[Listed]:
    """Every drill, by id.

    Raises:
        ParseError: two controls have one id.
    """
    return [one for one in _load(suites) if one.control.impact == "disruptive"]


def _load(suites: Path) -> list[Listed]:
    found: dict[str, Listed] = {}
    for path in sorted(suites.glob("*/test_*.py")):
        for function in vars(_module(path)).values():
            made = control_of(function) if inspect.isfunction(function) else None
            if made is None:
                continue
            if made.id in found:
                raise ParseError(f"{path}: there are two controls {made.id!r}.")
            found[made.id] = Listed(made, function)
    return [found[id_] for id_ in sorted(found)]


@dataclass(frozen=True)
class Row:
    """A control, what may turn it red, and whether anything has.

    Attributes:
        mutants: names of changes to a recording on which it must turn.
        sabotages: names of faults on the lab on which it must turn.
        seen: the sabotage on which it last did: ``sabotage``, ``node``, ``date``; None if never.
    """

    control: Control
    mutants: tuple[str, ...]
    sabotages: tuple[str, ...]
    seen: dict[str, str] | None

    @property
    def proven(self) -> Literal["live", "recorded"] | None:
        """Where it is known to turn red: on a live cluster, on recorded answers, or nowhere."""
        if self.seen:
            return "live"
        return "recorded" if self.mutants else None

    def as_json(self) -> dict[str, Any]:
        """The row for `gntverify controls --json`."""
        made = self.control
        return {
            "id": made.id,
            "title": made.title,
            "severity": made.severity,
            "notes": made.notes,
            "impact": made.impact,
            "mutants": list(self.mutants),
            "sabotages": list(self.sabotages),
            "last_seen_red": self.seen,
            "proven": self.proven,
        }


def load_rows() -> list[Row]:
    """Every control with all that is kept of it.

    Raises:
        ParseError: a suite or a file is not what it should be.
    """
    mutants, sabotages, seen = load_mutants(), load_sabotages(), load_seen()
    return [
        Row(
            control=one.control,
            mutants=_names(mutants, one.control.id),
            sabotages=_names(sabotages, one.control.id),
            seen=seen.get(one.control.id),
        )
        for one in load_controls()
    ]


def _names(tables: dict[str, list[dict[str, Any]]], control: str) -> tuple[str, ...]:
    return tuple(entry["name"] for entry in tables.get(control, []))


def load_mutants(directory: Path = MUTANTS) -> dict[str, list[dict[str, Any]]]:
    """Control to its recorded mutants, as their files have them.

    Raises:
        ParseError: a file is no TOML.
    """
    return _tables(directory)


def load_sabotages(directory: Path = SABOTAGES) -> dict[str, list[dict[str, Any]]]:
    """Control to its sabotages for the lab, as their files have them.

    Raises:
        ParseError: a file is no TOML.
    """
    return _tables(directory)


def load_seen(path: Path = SEEN) -> dict[str, dict[str, str]]:
    """Control to the sabotage on which it was last seen red: ``sabotage``, ``node``, ``date``.

    Empty where no sabotage has run yet.

    Raises:
        ParseError: the file is no JSON object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as err:
        raise ParseError(f"{path}: {err}.") from err
    if not isinstance(found, dict):
        raise ParseError(f"{path} holds no JSON object.")
    return found


def _tables(directory: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(directory.glob("*.toml")):
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as err:
            raise ParseError(f"{path}: {err}.") from err
        for control, entries in tables.items():
            found.setdefault(control, []).extend(entries)
    return found


def _module(path: Path) -> ModuleType:
    name = f"gntverify_suites.{path.parent.name}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ParseError(f"{path} is no module.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
