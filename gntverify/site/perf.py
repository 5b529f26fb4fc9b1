"""What a site says of speed: how often it is measured, and what is too slow."""

from typing import Annotated, Literal

from pydantic import Field

from gntverify.site.part import Part

Measure = Literal[
    "latency_s",
    "disk_write_mib_s",
    "disk_read_mib_s",
    "disk_random_io_s",
    "network_mib_s",
    "resync_mib_s",
    "start_s",
    "migration_s",
    "migration_mib_s",
    "downtime_s",
    "export_s",
    "export_mib_s",
    "import_s",
    "import_mib_s",
    "vnc_off_percent",
    "vnc_on_percent",
]
"""What is measured; the unit is in the name. Of rates more is better, of the others less."""
Amount = Annotated[float, Field(gt=0)]


class Perf(Part):
    """Performance: without a limit and a baseline a measurement is kept and passes.

    Attributes:
        repeats: of what takes seconds.
        slow_repeats: of what takes minutes.
        spread_percent: greatest interquartile range, in percent of the median, with which values
            on both sides of a limit can be judged.
        worse_percent: by how much a median may be worse than its baseline.
        sample_mib: how much is written and read at a time.
        limits: measure to the least rate, or the longest time, that is good.
        baselines: measure to what it once was.
    """

    repeats: Annotated[int, Field(ge=3, le=100)]
    slow_repeats: Annotated[int, Field(ge=3, le=100)]
    spread_percent: Annotated[float, Field(gt=0)]
    worse_percent: Annotated[float, Field(gt=0)]
    sample_mib: Annotated[int, Field(ge=16, le=65536)]
    limits: dict[Measure, Amount] = Field(default={})
    baselines: dict[Measure, Amount] = Field(default={})
