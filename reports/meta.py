"""``meta.json``: what a run was aimed at, by what it was judged, and how it ended."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from gntverify.errors import ParseError
from gntverify.site.waiver import EVERYWHERE
from gntverify.waivers import ANNOUNCED_DAYS


class Waiver(BaseModel):
    """A waiver of the site file, and what became of it in the run."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    control: str
    host: str
    ticket: str
    approver: str
    reason: str
    expires: str
    days_left: int
    state: str

    @property
    def at(self) -> str:
        """Where it holds, in words."""
        return "everywhere" if self.host == EVERYWHERE else f"on {self.host}"

    @property
    def soon(self) -> bool:
        """Whether its end is to be announced."""
        return 0 <= self.days_left <= ANNOUNCED_DAYS


class Disagreement(BaseModel):
    """A key on which the profiles disagree, and what the site says there."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    profiles: dict[str, Any]
    here: Any

    @property
    def agreeing(self) -> list[str]:
        """The profiles that say what the site says."""
        return [name for name, value in self.profiles.items() if value == self.here]


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
    waivers: tuple[Waiver, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
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
