"""Base System Setup: root, swap and the volume group."""

from pyinfra.context import host

from gntverify.errors import TargetRefused
from gntverify.site.model import Node, Storage
from provision.notes._facts import DiskFacts, Disks
from provision.notes._operations import INSTALL_S, commands, deploy, limit, packages
from provision.section import Context, Section, Stage

TITLE = "Base System Setup"


@deploy(TITLE)
def tools(context: Context, _node: Node) -> None:
    packages(
        ["lvm2"],
        recommends=context.site.packages.recommends,
        name="LVM's tools are installed",
        _timeout=limit(INSTALL_S),
    )


@deploy(TITLE)
def storage(context: Context, node: Node) -> None:
    want = context.site.storage
    have = host.get_fact(DiskFacts, devices=want.physical_volumes, swaps=want.swaps)
    refuse_other_layout(node.name, want, have)
    new = [device for device in want.physical_volumes if device not in have.groups]
    outside = [device for device in want.physical_volumes if not have.groups.get(device)]
    exists = want.volume_group in have.groups.values()
    verb = "vgextend" if exists else "vgcreate"
    commands(
        *(f"pvcreate {device}" for device in new),
        name="Blank partitions are physical volumes",
    )
    commands(
        *([f"{verb} {want.volume_group} {' '.join(outside)}"] if outside else []),
        name=f"The physical volumes are volume group {want.volume_group}",
    )


def refuse_other_layout(node: str, want: Storage, have: Disks) -> None:
    """Leave a node alone whose disks are not as the site has them.

    Raises:
        TargetRefused: root or swap is not as declared, or a partition holds something else.
    """
    problems = [*_wrong_root(want, have), *_wrong_swaps(want, have)]
    for device in want.physical_volumes:
        seen = have.signatures.get(device, "blank")
        group = have.groups.get(device)
        if group is None and seen != "blank":
            state = "not there" if seen == "missing" else f"no blank partition ({seen})"
            problems.append(f"{device} is {state}")
        elif group not in (None, "", want.volume_group):
            problems.append(f"{device} belongs to volume group {group!r}")
    if problems:
        raise TargetRefused(
            f"{TITLE}: on {node!r}, {'; '.join(problems)}. Disks are never partitioned or wiped "
            f"here: correct the site file, or prepare the node as the notes' fstab has it."
        )


def _wrong_root(want: Storage, have: Disks) -> list[str]:
    if have.root is None:  # only a node that does not exist yet has no root
        return []
    device, fstype, options = have.root
    root = want.root
    lacking = [option for option in root.options if option not in options.split(",")]
    problems = []
    if (device, fstype) != (root.device, root.fstype):
        problems.append(f"/ is {fstype} on {device}, not {root.fstype} on {root.device}")
    if lacking:
        problems.append(f"/ is mounted without {', '.join(lacking)}")
    return problems


def _wrong_swaps(want: Storage, have: Disks) -> list[str]:
    off = [] if have.root is None else sorted(set(want.swaps) - have.swaps)
    return [f"swap {', '.join(off)} is not active"] if off else []


SECTION = Section(
    key="base",
    title=TITLE,
    said="""\
A 25 GB root on software RAID1 (`/dev/md1`, ext4, `errors=remount-ro`), a 12 GB swap on each \
drive (`/dev/sda2`, `/dev/sdb2`), the rest of both drives in the volume group `xenvg` \
(`pvdisplay`: `/dev/sda5`, `/dev/sdb5`).""",
    today="""\
Root and swap are compared with the site file; a node that differs is refused. Partitions that \
carry no signature become physical volumes of the volume group.""",
    differs="""\
The notes show the result, not the commands. Nothing here partitions or wipes: that is the \
installer's work, and a wrong guess would cost data.""",
    stages=(Stage("all", tools), Stage("all", storage)),
)
