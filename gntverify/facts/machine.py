"""All facts about the machine a node is: each read once, when first asked for."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from gntverify.errors import ParseError
from gntverify.evidence import fact
from gntverify.facts import hardware, lvm, lvmfilter, raid, storage
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
    def disks(self) -> Mapping[str, frozenset[str]]:
        """Block device to the whole disks it stands on."""
        return storage.read_disks(self.source)

    @fact
    def arrays(self) -> Mapping[str, raid.Array]:
        """Software RAID arrays by device."""
        return raid.read_arrays(self.source)

    def raid_level(self, device: str) -> str:
        """``raid1`` and the like; ``no array`` for a device that is none."""
        array = self.arrays.get(device)
        return array.level if array else "no array"

    def disks_below(self, devices: Iterable[str]) -> frozenset[str]:
        """The whole disks on which these devices stand.

        Raises:
            ParseError: lsblk does not list one of them.
        """
        lost = sorted(set(devices) - self.disks.keys())
        if lost:
            raise ParseError(f"`lsblk` does not list {', '.join(map(repr, lost))}.")
        return frozenset().union(*(self.disks[device] for device in devices))

    @fact
    def volume_groups(self) -> Mapping[str, lvm.VolumeGroup]:
        """LVM volume groups by name."""
        return lvm.read_volume_groups(self.source)

    @fact
    def physical_volumes(self) -> tuple[lvm.PhysicalVolume, ...]:
        """LVM physical volumes."""
        return lvm.read_physical_volumes(self.source)

    @fact
    def logical_volumes(self) -> tuple[lvm.LogicalVolume, ...]:
        """LVM logical volumes."""
        return lvm.read_logical_volumes(self.source)

    @fact
    def lvm_search(self) -> lvmfilter.Search:
        """Where LVM looks for physical volumes."""
        return lvmfilter.read_search(self.source)

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
