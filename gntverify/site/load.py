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
        text = path.read_text(encoding="utf-8")
    except OSError as err:
        raise SiteError(f"Site file {str(path)!r} cannot be read: {err.strerror}.") from err
    except UnicodeDecodeError as err:
        raise SiteError(f"Site file {str(path)!r} is no valid TOML: {err}.") from err
    return parse_site(text, path)


def parse_site(text: str, path: Path) -> Site:
    """The site that the text of a file describes; ``path`` gives it a name and goes into messages.

    Raises:
        SiteError: as :func:`load_site`.
    """
    try:
        own = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise SiteError(f"Site file {str(path)!r} is no valid TOML: {err}.") from err
    if "described" in own:
        raise SiteError(f"Site file {str(path)!r}: 'described' is not a key of a site file.")
    profile = own.setdefault("profile", "notes")
    own.setdefault("name", path.stem)
    return _validated(merged(read_profile(profile, str(path)), own), str(path))


def default_site(profile: str = "notes") -> Site:
    """The profile alone, for a cluster that nobody described.

    Raises:
        SiteError: there is no such profile.
    """
    own = {"name": "undescribed", "profile": profile, "described": False}
    return _validated(merged(read_profile(profile, "--profile"), own), f"profile {profile!r}")


def profiles() -> list[str]:
    """Names of the profiles there are."""
    return sorted(path.stem for path in PROFILES.glob("*.toml"))


def read_profile(name: object, asked_by: str) -> dict[str, Any]:
    """The tables of a profile, on top of those of the one it inherits.

    Raises:
        SiteError: there is no such profile; ``asked_by`` wanted it.
    """
    if name not in profiles():
        raise SiteError(
            f"{asked_by}: {name!r} is no profile; there are {', '.join(map(repr, profiles()))}."
        )
    own = tomllib.loads((PROFILES / f"{name}.toml").read_text(encoding="utf-8"))
    below = own.pop("inherits", None)
    return merged(read_profile(below, f"profile {name!r}"), own) if below else own


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Both tables as one: tables are joined key by key, of anything else ``above`` counts."""
    joined = dict(below)
    for key, value in above.items():
        old = joined.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            joined[key] = merged(old, value)
        else:
            joined[key] = value
    return joined


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
