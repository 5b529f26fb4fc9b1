"""What was planned to be a control, and why some of it is none: ``docs/catalogue.toml``."""

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from gntverify.errors import ParseError

CATALOGUE = Path(__file__).parents[1] / "docs" / "catalogue.toml"

Id = Annotated[str, StringConstraints(pattern=r"^[A-Z][0-9]{2}$")]
Reason = Annotated[str, StringConstraints(min_length=10)]


class Planned(BaseModel):
    """The catalogue.

    Attributes:
        planned: id to what the control was to judge, in a line.
        waiting: id to what it waits for.
        outside: id to the reason why there will be no such control.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    planned: dict[Id, str]
    waiting: dict[Id, Reason]
    outside: dict[Id, Reason]

    @property
    def excused(self) -> dict[str, str]:
        """Id to reason of all that need not be there."""
        return self.waiting | self.outside


def load_planned(path: Path = CATALOGUE) -> Planned:
    """The catalogue of a file.

    Raises:
        ParseError: it is not what it has to be; the message names the key.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
        return TypeAdapter(Planned).validate_python(data)
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as err:
        raise ParseError(f"{path} is no catalogue: {err}.") from err
