"""``meta.json``: what a run was aimed at, by what it was judged, and how it ended."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from gntverify.errors import ParseError


class Meta(BaseModel):
    """The fields of ``meta.json`` that a report shows; docs/report.md promises them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    site: str
    profile: str
    site_file: str | None
    site_sha256: str | None
    cluster: str
    ganeti: str
    reached: tuple[str, ...]
    unreachable: dict[str, str]
    nodes: tuple[str, ...]
    not_judged: tuple[str, ...]
    started: float
    ended: float
    exit_status: int
    interrupted: bool
    selection: str = ""
    not_reached: int = 0
    versions: dict[str, str]
    commit: str


def read_meta(path: Path) -> Meta:
    """The ``meta.json`` of a run.

    Raises:
        ParseError: it is missing (a run that was killed has none) or lacks a field.
    """
    try:
        return Meta.model_validate_json(path.read_bytes())
    except FileNotFoundError as err:
        raise ParseError(
            f"{path} is not the meta.json of a run: there is none. It is written at the end; "
            f"the run is under way still, or was killed, and has to be made again."
        ) from err
    except (OSError, ValueError) as err:
        raise ParseError(f"{path} is not the meta.json of a run: {err}") from err
