"""What every table of a site file shares: how strict it is, and the names that it takes."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

HostName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9-]+)+$")
]
InstanceName = Annotated[str, StringConstraints(pattern=r"^[\w.-]+$")]
Device = Annotated[str, StringConstraints(pattern=r"^/dev/[\w./-]+$")]
Interface = Annotated[str, StringConstraints(pattern=r"^[\w.-]{1,15}$")]


class Part(BaseModel):
    """A table of the site file: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
