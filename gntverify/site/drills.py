"""What a site file says of drills: what they take, and how a restored guest is asked."""

from ipaddress import IPv4Address
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from gntverify.site.part import HostName, InstanceName, Part


class Probe(Part):
    """How a restored guest is asked whether it serves: from beside it, on its own link.

    Attributes:
        kind: ``ping``, ``tcp`` (connects to ``port``), ``http`` (GETs ``path``), or ``console``
            (``send`` is typed there, and is evidence: no place for a password).
        want: regular expression that the answer must hold; of no use to ping and tcp.
    """

    kind: Literal["ping", "tcp", "http", "console"]
    port: Annotated[int, Field(ge=1, le=65535)] = 80
    path: str = "/"
    send: str = ""
    want: str = ""

    @model_validator(mode="after")
    def _tells(self) -> Self:
        if self.kind == "console" and not self.want:
            raise ValueError("a console probe needs `want`: without it nothing is looked at")
        return self


class Guest(Part):
    """What the restore drill may know of an instance's guest.

    Attributes:
        name: of the instance.
        address: that the guest takes on its first NIC by itself; Ganeti's when not said.
        ready: regular expression that its serial console shows once it is up.
        partition: of the first disk, that has the files of ``content``; 0: there is no table.
        content: file to its SHA-256 on the restored disk, before the guest runs.
    """

    name: InstanceName
    address: IPv4Address | None = None
    ready: str | None = None
    probes: list[Probe] = Field(default=[])
    partition: Annotated[int, Field(ge=0, le=15)] = 0
    content: dict[str, Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]] = Field(
        default={}
    )


class Drills(Part):
    """Drills: what they take, and how long things may last.

    Attributes:
        instances: what the restore drill takes; when none is named, those protected, or else all
            that have an export; the one whose last drill is longest ago first, and of those with
            one copy of their disks twice as soon.
        per_run: how many of them a run takes.
        every_days: greatest age of the last restore drill that passed.
        restore_min: from the import to an answer of the guest.
        name_check: whether the name of an instance should resolve, as `gnt-backup import` wants it
            where nobody says ``--no-name-check``.
        downtime_s: silence of a guest during a live migration.
        failover_s: from the command to a guest that answers again.
        node: where exports are restored; where they lie, when it is not said.
        addresses: free addresses of the private network that guests of drills may take.
        source_dir: where that node, or else the master, sees the exports that are restored (a
            NAS), instead of Ganeti's own directory on the nodes.
        burnin: phases that burn-in leaves out, by its own option without ``--no-``.
    """

    instances: list[InstanceName]
    per_run: Annotated[int, Field(ge=1)]
    every_days: Annotated[float, Field(gt=0)]
    restore_min: Annotated[float, Field(gt=0)]
    name_check: bool
    downtime_s: Annotated[float, Field(gt=0)]
    failover_s: Annotated[float, Field(gt=0)]
    node: HostName | None = None
    addresses: list[IPv4Address] = Field(default=[])
    source_dir: Annotated[str, StringConstraints(pattern=r"^/[\w./-]+$")] | None = None
    burnin: list[str]
    guests: list[Guest] = Field(default=[])

    def guest(self, name: str) -> Guest:
        """What is known of an instance's guest; nothing in particular where it is not named."""
        found = (guest for guest in self.guests if guest.name == name)
        return next(found, Guest.model_construct(name=name))
