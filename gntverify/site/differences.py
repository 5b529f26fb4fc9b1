"""Where the profiles disagree: what one allows and another refuses must be somebody's choice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from gntverify.site.load import profiles, read_profile
from gntverify.site.model import Site

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """A key on which profiles disagree.

    Attributes:
        key: as a person writes it: ``daemons.rapi``; of a kernel parameter its name alone.
        profiles: profile to its value; None where it says nothing.
        here: the site's own value.
    """

    key: str
    profiles: Mapping[str, Any]
    here: Any

    def __str__(self) -> str:
        said = [f"{name} {_shown(value)}" for name, value in self.profiles.items()]
        return f"{self.key}: {', '.join(said)}, here {_shown(self.here)}"


def disagreements(site: Site) -> list[Difference]:
    """Every key on which the profiles disagree, beside what the site says there."""
    here = dict(leaves(site.model_dump(mode="json", exclude_none=True)))
    return [Difference(shown_key(path), said, here.get(path)) for path, said in _apart().items()]


def profiles_on(parameter: str) -> str:
    """What the profiles say of a kernel parameter on which they disagree, else nothing."""
    said = _apart().get(("sysctl", parameter), {})
    return ", ".join(f"{name} {_shown(value)}" for name, value in said.items())


@cache
def _apart() -> dict[Keys, dict[str, Any]]:
    every = {name: dict(leaves(read_profile(name, "--profile"))) for name in profiles()}
    paths = sorted({path for own in every.values() for path in own})
    said = {path: {name: own.get(path) for name, own in every.items()} for path in paths}
    return {path: own for path, own in said.items() if len({repr(v) for v in own.values()}) > 1}


def leaves(table: Mapping[str, Any], above: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Every key that is no table, by its path, with its value."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


def shown_key(path: Sequence[str | int]) -> str:
    """A path as a person writes it; the name of a kernel parameter has dots of its own."""
    words = list(map(str, path))
    return words[-1] if words[0] == "sysctl" else ".".join(words)


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)
