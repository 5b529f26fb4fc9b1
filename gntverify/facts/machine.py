"""All facts about the machine a node is: each read once, when first asked for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gntverify.evidence import fact
from gntverify.facts import hardware
from gntverify.facts.smart import UNASKED, Health, read_smart
from gntverify.facts.space import Space, read_space

if TYPE_CHECKING:
    from gntverify.transport.source import Source


class MachineFacts:
    """What a node is made of, and how full it is; whoever inherits it has a ``source``."""

    source: "Source"

    @fact
    def cpu(self) -> hardware.Cpu:
        """Its processors."""
        return hardware.read_cpu(self.source)

    @fact
    def memory_mib(self) -> int:
        """Its memory."""
        return hardware.read_memory(self.source)

    @fact
    def drives(self) -> tuple[hardware.Drive, ...]:
        """Its drives."""
        return hardware.read_drives(self.source)

    @fact
    def smart(self) -> Mapping[str, Health]:
        """What its drives say of themselves, by path."""
        return read_smart(self.source)

    @property
    def real_drives(self) -> Mapping[str, Health]:
        """The drives that are not virtual, with what they say of themselves."""
        told = self.smart
        return {
            drive.path: told.get(drive.path, UNASKED) for drive in self.drives if not drive.virtual
        }

    @fact
    def nics(self) -> tuple[hardware.Nic, ...]:
        """Its network cards."""
        return hardware.read_nics(self.source)

    @property
    def shape(self) -> Mapping[str, str]:
        """What has to be equal of two nodes: memory, drives, and the speed of each card."""
        return {
            "memory": f"{self.memory_mib} MiB",
            "drives": hardware.kinds(self.drives),
            **{nic.name: nic.speed for nic in self.nics},
        }

    @fact
    def kvm(self) -> str:
        """``API 12``, or why KVM cannot be asked."""
        return hardware.read_kvm(self.source)

    @fact
    def space(self) -> frozenset[Space]:
        """The file systems that root and Ganeti's files lie on."""
        return read_space(self.source)
