"""Volume groups, physical and logical volumes, from LVM's JSON reports."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from gntverify.facts.shape import Row, checked, load_json

if TYPE_CHECKING:
    from gntverify.transport.source import Source

_REPORT = ("--reportformat", "json", "--units", "b", "--nosuffix", "--options")
VGS = ("vgs", *_REPORT, "vg_name,vg_size,vg_free,vg_missing_pv_count")
PVS = ("pvs", *_REPORT, "pv_name,vg_name,pv_size,pv_missing")
LVS = ("lvs", *_REPORT, "lv_name,vg_name,lv_size,lv_tags,vg_extent_size")

Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class VolumeGroup:
    """A volume group; sizes in bytes."""

    name: str
    size_bytes: int
    free_bytes: int
    missing: int

    @property
    def size_mib(self) -> int:
        """Its size in whole MiB."""
        return self.size_bytes // 2**20

    @property
    def free_mib(self) -> int:
        """What is free of it, in whole MiB."""
        return self.free_bytes // 2**20

    @property
    def free_percent(self) -> float:
        """What is free of it; nothing of a group without size."""
        return 100 * self.free_bytes / self.size_bytes if self.size_bytes else 0.0


@dataclass(frozen=True, slots=True)
class PhysicalVolume:
    """A physical volume; ``group`` is empty for one that is in none; size in bytes."""

    device: str
    group: str
    size_bytes: int
    missing: bool


@dataclass(frozen=True, slots=True)
class LogicalVolume:
    """A logical volume; ``extent_bytes`` is the step in which its size grows."""

    name: str
    group: str
    size_bytes: int
    extent_bytes: int
    tags: frozenset[str]

    @property
    def size_mib(self) -> int:
        """Its size in whole MiB."""
        return self.size_bytes // 2**20

    def holds_mib(self, size_mib: int) -> bool:
        """Whether it is as large as something of that size makes it, rounded up to extents."""
        return 0 <= self.size_bytes - size_mib * 2**20 < self.extent_bytes


class _VgRow(Row):
    vg_name: str
    vg_size: Count
    vg_free: Count
    vg_missing_pv_count: Count


class _PvRow(Row):
    pv_name: str
    vg_name: str
    pv_size: Count
    pv_missing: str


class _LvRow(Row):
    lv_name: str
    vg_name: str
    lv_size: Count
    lv_tags: str
    vg_extent_size: Count


class _Vgs(Row):
    vg: list[_VgRow]


class _Pvs(Row):
    pv: list[_PvRow]


class _Lvs(Row):
    lv: list[_LvRow]


class _VgReport(Row):
    report: Annotated[list[_Vgs], Field(min_length=1)]


class _PvReport(Row):
    report: Annotated[list[_Pvs], Field(min_length=1)]


class _LvReport(Row):
    report: Annotated[list[_Lvs], Field(min_length=1)]


def parse_vgs(text: str) -> dict[str, VolumeGroup]:
    """Name to volume group; none is a legal answer (an empty list in a whole report).

    Raises:
        ParseError: the text is not what vgs prints.
    """
    report = checked(_VgReport, load_json(text, "vgs"), "vgs").report
    return {
        row.vg_name: VolumeGroup(row.vg_name, row.vg_size, row.vg_free, row.vg_missing_pv_count)
        for part in report
        for row in part.vg
    }


def parse_pvs(text: str) -> tuple[PhysicalVolume, ...]:
    """Physical volumes; none is a legal answer (an empty list in a whole report).

    Raises:
        ParseError: the text is not what pvs prints.
    """
    report = checked(_PvReport, load_json(text, "pvs"), "pvs").report
    return tuple(
        PhysicalVolume(row.pv_name, row.vg_name, row.pv_size, row.pv_missing != "")
        for part in report
        for row in part.pv
    )


def parse_lvs(text: str) -> tuple[LogicalVolume, ...]:
    """Logical volumes; none is a legal answer (an empty list in a whole report).

    Raises:
        ParseError: the text is not what lvs prints.
    """
    report = checked(_LvReport, load_json(text, "lvs"), "lvs").report
    return tuple(
        LogicalVolume(
            row.lv_name,
            row.vg_name,
            row.lv_size,
            row.vg_extent_size,
            frozenset(filter(None, row.lv_tags.split(","))),
        )
        for part in report
        for row in part.lv
    )


def read_volume_groups(source: "Source") -> dict[str, VolumeGroup]:
    """The host's volume groups by name."""
    return parse_vgs(source.ask(VGS).text())


def read_physical_volumes(source: "Source") -> tuple[PhysicalVolume, ...]:
    """The host's physical volumes."""
    return parse_pvs(source.ask(PVS).text())


def read_logical_volumes(source: "Source") -> tuple[LogicalVolume, ...]:
    """The host's logical volumes."""
    return parse_lvs(source.ask(LVS).text())
