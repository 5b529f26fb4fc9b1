"""A plan that the self-tests of the lab share."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gntverify.site import load_site
from provision.lab.plan import Plan, networks

SITE = Path(__file__).parents[2] / "sites" / "lab.toml"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """The plan of the lab of three, in a folder of its own."""
    machines, vlan, public, private = networks(load_site(SITE))
    return Plan(
        home=str(tmp_path),
        site_file=str(SITE),
        baked=False,
        machines=machines,
        vlan=vlan,
        runner_public=public,
        runner_private=private,
        cluster="192.168.1.1 clust1.gnt.example",
        kernel="/k",
        initrd="/i",
        command_line="root=/dev/md1",
        disks=["/a", "/b"],
        qemu=["qemu"],
        qemu_img=["img"],
        qemu_library_path="",
        factor=6.0,
        mirror="/m",
        made_of="image qemu",
        state="0",
        source="",
    )


class Quiet:
    """Takes steps and notes, and keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Nothing is shown."""
        del name
        yield

    def note(self, text: str) -> None:
        """Kept."""
        self.notes.append(text)


@pytest.fixture
def quiet() -> Quiet:
    """A :class:`Reporting` that shows nothing."""
    return Quiet()
