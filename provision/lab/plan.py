"""The plan of one lab: which machines, on which addresses, from which image, kept where."""

import json
import re
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Any, Self

from gntverify.errors import SiteError
from gntverify.site import Site
from provision.lab.cache import cache_dir

RUNNER_PRIVATE_OFFSET = 0x2FE
"""The runner's host number on the private network: 192.168.2.254 in the lab's own site."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,30}")


@dataclass(frozen=True, slots=True)
class Machine:
    """One node: its names and what tells it from the others.

    Attributes:
        name: FQDN.
        public: address with prefix on the public network.
        port: of the lab's bridge, from 1.
    """

    name: str
    public: str
    private: str
    port: int

    @property
    def short(self) -> str:
        """First label of the name."""
        return self.name.split(".", 1)[0]

    @property
    def tap(self) -> str:
        """The bridge's interface of this port; QEMU holds it."""
        return f"port{self.port}"

    @property
    def address(self) -> str:
        """The public address, bare."""
        return str(IPv4Interface(self.public).ip)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a process inside the lab needs to know; kept as ``plan.json``.

    Attributes:
        home: directory of the lab; ``run/`` in it is a tmpfs that only the lab sees.
        runner_public, runner_private: the runner's addresses with prefix.
        qemu: start of a machine's argument list; ``qemu_env``: its environment.
        made_of: image and QEMU, as the key of a provisioned state begins.
        state: that key, as image, QEMU, site and steps were at `lab up`.
        source: the provisioned state that the lab started from, or nothing.
    """

    home: str
    site_file: str
    baked: bool
    machines: list[Machine]
    vlan: int
    runner_public: str
    runner_private: str
    cluster: str
    kernel: str
    initrd: str
    command_line: str
    disks: list[str]
    qemu: list[str]
    qemu_img: list[str]
    qemu_library_path: str
    factor: float
    mirror: str
    made_of: str
    state: str
    source: str

    def save(self) -> None:
        """Write it to its place."""
        (Path(self.home) / "plan.json").write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, home: Path) -> Self:
        """The plan of the lab that lives in ``home``.

        Raises:
            SiteError: there is no lab, only the beginning of one, or one of another version.
        """
        try:
            data: dict[str, Any] = json.loads((home / "plan.json").read_text())
        except (OSError, ValueError) as err:
            raise SiteError(
                f"There is no lab named {home.name!r}; `python -m provision lab up` makes one."
            ) from err
        try:
            machines = [Machine(**machine) for machine in data.pop("machines")]
            return cls(machines=machines, **data)
        except (TypeError, KeyError, AttributeError) as err:
            raise SiteError(
                f"The lab {home.name!r} was made by another version of this program; "
                f"`python -m provision lab down --name {home.name}` removes it."
            ) from err

    def path(self, *parts: str) -> Path:
        """A path in the lab's directory."""
        return Path(self.home, *parts)

    def machine(self, name: str) -> Machine:
        """The machine of that short or full name.

        Raises:
            SiteError: the lab has none.
        """
        for machine in self.machines:
            if name in (machine.short, machine.name):
                return machine
        known = ", ".join(machine.short for machine in self.machines)
        raise SiteError(f"The lab has no node {name!r}; it has {known}.")


def checked_name(kind: str, name: str) -> str:
    """The name of a lab or a snapshot, which is also that of a folder.

    Raises:
        SiteError: it is not fit to be one.
    """
    if not NAME.fullmatch(name):
        raise SiteError(
            f"{name!r} is no name for a {kind}: it takes a letter or a digit, and after that at "
            f"most 30 letters, digits, '-' or '_'."
        )
    return name


def home_of(name: str) -> Path:
    """Directory of the lab of that name, whether it exists or not.

    Raises:
        SiteError: no lab can have that name.
    """
    return cache_dir("labs") / checked_name("lab", name)


def networks(site: Site) -> tuple[list[Machine], int, str, str]:
    """Machines, VLAN and the runner's two addresses, as the site has them.

    Raises:
        SiteError: the site lacks something a lab cannot be built without.
    """
    public, private = site.network.public, site.network.private
    if not (public.network and public.gateway and private.network and private.vlan):
        raise SiteError(
            f"Site {site.name!r} is no lab: it needs network.public.network and .gateway, and "
            f"network.private.network and .vlan."
        )
    machines = []
    for port, node in enumerate(site.nodes, 1):
        if node.public is None:
            raise SiteError(f"Site {site.name!r} is no lab: {node.name!r} has no public address.")
        address = f"{node.public}/{public.network.prefixlen}"
        machines.append(Machine(node.name, address, str(node.private), port))
    runner = IPv4Address(int(private.network.network_address) + RUNNER_PRIVATE_OFFSET)
    return (
        machines,
        private.vlan,
        f"{public.gateway}/{public.network.prefixlen}",
        f"{runner}/{private.network.prefixlen}",
    )
