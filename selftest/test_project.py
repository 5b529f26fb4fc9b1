"""The project's own files agree with each other."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def _normal(requirement: str) -> str:
    """A distribution's name as package indexes compare it."""
    name = re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_lock_has_every_dependency() -> None:
    """A package that is in no lock is not there on a new machine, whatever is here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    locked = {_normal(line) for line in lines if re.match(r"\w", line)}
    assert {_normal(name) for name in wanted} - locked == set()


def test_every_dependency_has_a_lower_bound() -> None:
    """Versions are bounded below in the project, and exact in the lock only."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert [name for name in wanted if ">=" not in name] == []


def test_every_parser_must_stand_hostile_input() -> None:
    """Whatever reads what a node says stands in one of the tables of test_robustness.py."""
    rooms = ("facts", "ganeti")
    there = "".join(
        (ROOT / "selftest" / room / "test_robustness.py").read_text(encoding="utf-8")
        for room in rooms
    )
    parsers = {
        name
        for room in rooms
        for path in (ROOT / "gntverify" / room).glob("*.py")
        for name in re.findall(r"^def (parse_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {name for name in parsers if not re.search(rf"\b{name}\b", there)} == set()
