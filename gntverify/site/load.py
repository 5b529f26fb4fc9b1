"""Reading site files: a profile's defaults below, the site's own words above."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gntverify.errors import SiteError
from gntverify.site.model import Site

PROFILES = Path(__file__).parent / "profiles"


def load_site(path: Path) -> Site:
    """The site that a TOML file describes, on top of the profile it names.

    Raises:
        SiteError: the file cannot be read, is no TOML, has an unknown key, a wrong type or
            addresses that cannot be; the message names the file and the key.
    """
    try:
        own = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise SiteError(f"Site file {str(path)!r} cannot be read: {err.strerror}.") from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise SiteError(f"Site file {str(path)!r} is no valid TOML: {err}.") from err
    if "described" in own:
        raise SiteError(f"Site file {str(path)!r}: 'described' is not a key of a site file.")
    profile = own.setdefault("profile", "notes")
    own.setdefault("name", path.stem)
    return _validated(_merged(_profile(profile, str(path)), own), str(path))


def default_site(profile: str = "notes") -> Site:
    """The profile alone, for a cluster that nobody described.

    Raises:
        SiteError: there is no such profile.
    """
    own = {"name": "undescribed", "profile": profile, "described": False}
    return _validated(_merged(_profile(profile, "--profile"), own), f"profile {profile!r}")


def _profile(name: object, asked_by: str) -> dict[str, Any]:
    known = sorted(path.stem for path in PROFILES.glob("*.toml"))
    if name not in known:
        raise SiteError(
            f"{asked_by}: {name!r} is no profile; there are {', '.join(map(repr, known))}."
        )
    return tomllib.loads((PROFILES / f"{name}.toml").read_text(encoding="utf-8"))


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            value = _merged(old, value)
        merged[key] = value
    return merged


def _validated(data: dict[str, Any], source: str) -> Site:
    try:
        return Site.model_validate(data)
    except ValidationError as err:
        problems = "; ".join(_sentence(dict(e)) for e in err.errors(include_url=False))
        raise SiteError(f"Site file {source!r}: {problems}.") from err


def _sentence(error: dict[str, Any]) -> str:
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown key {key!r}"
    message = str(error["msg"]).removeprefix("Value error, ")
    given = f" (given: {error['input']!r})" if error["type"] != "value_error" else ""
    return f"{key!r}: {message}{given}" if key else message
