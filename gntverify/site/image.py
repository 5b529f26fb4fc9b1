"""What a site file says of ganeti-instance-image: its settings, hooks, subnets and addresses."""

from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from gntverify.site.part import InstanceName, Part

FileName = Annotated[str, StringConstraints(pattern=r"^[\w-][\w.-]*$")]
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]
Plain = Annotated[str, StringConstraints(pattern=r"^[\w./:,@+ -]*$")]
"""What a shell takes as it is between quotes."""
SETTINGS = "/etc/default/ganeti-instance-image"
DIRECTORY = "/etc/ganeti/instance-image"


class Subnet(Part):
    """A network of instances, written once for all of them."""

    network: IPv4Network
    gateway: IPv4Address | None = None

    @property
    def text(self) -> str:
        """Its file below ``networks/subnets``."""
        network = self.network
        lines = [f"GATEWAY={self.gateway}"] if self.gateway else []
        lines += [
            f"NETMASK={network.netmask}",
            f"NETWORK={network.network_address}",
            f"BROADCAST={network.broadcast_address}",
        ]
        return "".join(f"{line}\n" for line in lines)


class Place(Part):
    """The address of an instance, and the subnet it is in."""

    address: IPv4Address
    subnet: FileName

    @property
    def text(self) -> str:
        """Its file below ``networks/instances``."""
        return f"ADDRESS={self.address}\nSUBNET={self.subnet}\n"


class Image(Part):
    """How the OS definition ``image`` is configured, on all nodes alike.

    Attributes:
        settings: all of /etc/default/ganeti-instance-image; the file is let be when it is empty.
        hooks: those that run when an instance is installed.
        subnets: name to network.
        instances: FQDN to address and subnet.
    """

    settings: dict[Variable, Plain] = Field(default={})
    hooks: list[FileName] = Field(default=["grub", "interfaces"])
    subnets: dict[FileName, Subnet] = Field(default={})
    instances: dict[InstanceName, Place] = Field(default={})

    @model_validator(mode="after")
    def _addresses_fit(self) -> Self:
        for name, place in self.instances.items():
            subnet = self.subnets.get(place.subnet)
            if subnet is None:
                raise ValueError(f"{name} is in the subnet {place.subnet!r}, which is not there")
            if place.address not in subnet.network:
                raise ValueError(f"{name} has {place.address}, outside of {subnet.network}")
        for name, subnet in self.subnets.items():
            if subnet.gateway and subnet.gateway not in subnet.network:
                raise ValueError(
                    f"the gateway {subnet.gateway} of {name!r} is outside of {subnet.network}"
                )
        return self

    @property
    def files(self) -> dict[str, str]:
        """Path to content, of what the site says."""
        lines = [f'{key}="{value}"\n' for key, value in self.settings.items()]
        networks = f"{DIRECTORY}/networks"
        return {
            **({SETTINGS: "".join(lines)} if lines else {}),
            **{f"{networks}/subnets/{name}": one.text for name, one in self.subnets.items()},
            **{f"{networks}/instances/{name}": one.text for name, one in self.instances.items()},
        }
