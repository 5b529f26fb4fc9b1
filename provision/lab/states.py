"""The provisioned states in the cache: what shapes one, and how one is kept and found.

A state never changes and is never replaced, because labs stand on it: a newer one lies beside
it, and the older one goes when no lab names it any more.
"""

import hashlib
import json
import os
import shutil
import time
from pathlib import Path

from provision.lab import node
from provision.lab.cache import cache_dir, held, prune
from provision.lab.plan import Plan
from provision.lab.reporting import Reporting
from provision.lab.snapshot import place

PROVISIONED = "provisioned"
PARTIAL = ".new"
ROOT = Path(__file__).parents[2]

SHAPES = (
    "gntverify/site/*.py",
    "gntverify/site/profiles/*.toml",
    "provision/notes/*.py",
    *(f"provision/{room}.py" for room in ("cluster", "connector", "engine", "inventory")),
    "provision/guest/**/*",
    "provision/section.py",
    *(f"provision/lab/{room}.py" for room in ("disks", "mirror", "node", "packages", "plan")),
    *(f"provision/lab/{room}.py" for room in ("seed", "workload")),
    "provision/lab/builder/**/*",
)
"""What makes nodes and cluster what they are; how it is shown or reported is not in it."""


def state_key(made_of: str, site_file: Path) -> str:
    """Hash of all a provisioned state is made of: image and QEMU, the site, and the steps."""
    digest = hashlib.sha256(made_of.encode())
    digest.update(b"\0site\0" + site_file.read_bytes())
    for path in sorted({path for pattern in SHAPES for path in ROOT.glob(pattern)}):
        if path.is_file():
            digest.update(f"\0{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def newest(key: str) -> Path | None:
    """The newest state with that key; from now on it counts as used."""
    whole = sorted(path for path in cache_dir("states").glob(f"{key}-*") if not path.suffix)
    for found in whole[-1:]:
        os.utime(found)
        return found
    return None


def publish(plan: Plan, progress: Reporting) -> None:
    """Keep the snapshot ``provisioned`` for the labs to come, once.

    It is not kept when what shaped it is not any more what it was at `lab up`: then nobody
    could say what it is.
    """
    marker = plan.path("published")
    if marker.exists():
        progress.note("the provisioned state is kept already")
        return
    if state_key(plan.made_of, Path(plan.site_file)) != plan.state:
        progress.note(
            "the site file or a step changed since `lab up`, so the snapshot serves this lab "
            "alone and is not kept for the next one"
        )
        return
    with held("states", progress.note), progress.step("keep the provisioned state"):
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        states = cache_dir("states")
        for left_over in states.glob(f"*{PARTIAL}"):
            shutil.rmtree(left_over, ignore_errors=True)
        partial = states / f"{plan.state}-{stamp}{PARTIAL}"
        _copy(plan, partial)
        partial.rename(partial.with_suffix(""))
        marker.touch()
        prune()


def _copy(plan: Plan, partial: Path) -> None:
    # Frozen files on the same disk: a second name costs nothing.
    shutil.copytree(place(plan, PROVISIONED), partial, copy_function=os.link)
    for machine in plan.machines:
        for disk in node.DISKS:
            stand_on_image(plan, partial / machine.short / f"{disk}.qcow2")
    shutil.copytree(plan.path("keys"), partial / "keys")
    shutil.copy(plan.path("plan.json"), partial)


def stand_on_image(plan: Plan, disk: Path) -> None:
    """Make a disk depend on nothing in the lab's own folder, which goes with the lab.

    After an earlier snapshot or reset it does: then it becomes one overlay on the image's disk.

    Raises:
        CommandFailed: qemu-img could not.
    """
    said = json.loads(node.img(plan, "info", "--backing-chain", "--output=json", str(disk)))
    below = [Path(one["filename"]).resolve() for one in said[1:]]
    home = Path(plan.home).resolve()
    base = next(path for path in below if not path.is_relative_to(home))
    if base != below[0]:
        whole = disk.with_suffix(PARTIAL)
        shutil.copyfile(disk, whole)  # the disk is a second name of the lab's own file
        img = ("rebase", "-f", "qcow2", "-F", "qcow2", "-b", str(base), str(whole))
        node.img(plan, *img)
        whole.replace(disk)
