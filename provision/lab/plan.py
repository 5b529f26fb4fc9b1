"""The plan of one lab: which machines, on which addresses, from which image, kept where."""

import json
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Any, Self

from gntverify.errors import SiteError
from gntverify.site import Site
from provision.lab.cache import cache_dir

RUNNER_PRIVATE_OFFSET = 0x2FE
"""The runner's host number on the private network: 192.168.2.254 in the lab's own site."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One node: its names and what tells it from the others.

    Attributes:
        name: FQDN.
        public: address with prefix on the public network.
        port: port of the switch, from 1.
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
        state: key of the provisioned state that fits image, site and steps.
        restored: whether the lab started from that state.
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
    state: str
    restored: bool

    def save(self) -> None:
        """Write it to its place."""
        (Path(self.home) / "plan.json").write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, home: Path) -> Self:
        """The plan of the lab that lives in ``home``.

        Raises:
            SiteError: there is no lab, or only the beginning of one.
        """
        try:
            data: dict[str, Any] = json.loads((home / "plan.json").read_text())
        except (OSError, ValueError) as err:
            raise SiteError(
                f"There is no lab named {home.name!r}; `python -m provision lab up` makes one."
            ) from err
        machines = [Machine(**machine) for machine in data.pop("machines")]
        return cls(machines=machines, **data)

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


def home_of(name: str) -> Path:
    """Directory of the lab of that name, whether it exists or not."""
    return cache_dir("labs") / name


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
