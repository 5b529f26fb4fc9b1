"""The image of a node: plain Debian on two disks laid out as the notes have it.

The tree is made by mmdebstrap from the lab's mirror. What the host's kernel may not know,
software RAID and the device mapper, a builder boot does: one short run of QEMU with Debian's own
kernel. No loop device, no mount of the image, no root beyond a user namespace.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from gntverify.deadline import scaled
from gntverify.errors import CommandFailed, CommandTimeout, SiteError
from provision.lab.apt import run
from provision.lab.cache import cache_dir, held, prune
from provision.lab.confined import confined, mortal
from provision.lab.disks import SECTOR, Layout, initramfs_with
from provision.lab.mirror import ensure_mirror, versions
from provision.lab.packages import NODE, PLAIN, SUITE
from provision.lab.qemu import Qemu
from provision.lab.reporting import Reporting

BUILDER = Path(__file__).parent / "builder"
LAYOUT = Layout()
TREE_LIMIT_S = 900.0
BOOT_LIMIT_S = 60.0
COPY_LIMIT_S = 300.0
NEEDED_GIB = 4
PARTIAL = ".new"

_PROGRAMS = {"mmdebstrap": "mmdebstrap", "mkfs.ext4": "e2fsprogs", "dpkg-deb": "dpkg"}
_ROOTLESS = {"newuidmap": "uidmap"}


@dataclass(frozen=True)
class Image:
    """What a node boots from; nothing here is ever written to."""

    key: str
    kernel: Path
    initrd: Path
    disks: tuple[Path, Path]
    baked: bool

    def command_line(self) -> str:
        """The kernel's command line: root on the array, interface names as in the notes."""
        return "root=/dev/md1 ro net.ifnames=0 console=ttyS0"


def image_key(*, baked: bool, packages: Iterable[str], index: str, builder: Path) -> str:
    """Hash of all an image is made of: package versions, layout, builder files, flavour."""
    digest = hashlib.sha256()
    digest.update(json.dumps([SUITE, baked, sorted(packages), index, repr(LAYOUT)]).encode())
    for path in sorted(path for path in builder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(builder)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def ensure_image(*, baked: bool, qemu: Qemu, progress: Reporting) -> Image:
    """The image, from the cache or made now.

    Raises:
        SiteError: a program is missing, or there is too little room.
        CommandFailed: a step of the build failed; the message names it and where its log is.
    """
    mirror = ensure_mirror(progress)
    packages = NODE if baked else PLAIN
    key = image_key(baked=baked, packages=packages, index=versions(mirror), builder=BUILDER)
    home = cache_dir("images") / key
    image = Image(
        key, home / "vmlinuz", home / "initrd", (home / "sda.qcow2", home / "sdb.qcow2"), baked
    )
    with held("image", progress.note):
        if not home.exists():
            check_host(cache_dir("images"))
            _build(home, mirror, packages, qemu, progress)
            prune()
        os.utime(home)
    return image


def check_host(directory: Path) -> None:
    """What a build needs is there.

    Raises:
        SiteError: it is not; the message names the package to install, or the room to make.
    """
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    rootless = {} if os.geteuid() == 0 else _ROOTLESS
    for program, package in (_PROGRAMS | rootless).items():
        if shutil.which(program, path=path) is None:
            raise SiteError(
                f"The program '{program}' is not on this host; install the package '{package}'."
            )
    free_gib = shutil.disk_usage(directory).free / 1024**3
    if free_gib < NEEDED_GIB:
        raise SiteError(
            f"An image needs {NEEDED_GIB} GiB under '{directory}', and {free_gib:.1f} GiB are "
            f"free; make room or set XDG_CACHE_HOME to a larger disk."
        )


def _build(
    home: Path, mirror: Path, packages: Iterable[str], qemu: Qemu, progress: Reporting
) -> None:
    """Build beside the final place and move there, so that what is there is whole."""
    work = home.with_name(f"{home.name}{PARTIAL}")
    # Who is not root needs the same user namespace to remove an interrupted tree: it has many
    # owners. And what is still mounted in there is nobody's to empty.
    stale = [str(path) for path in home.parent.glob(f"*{PARTIAL}")]
    if stale:
        run([*confined(), "rm", "-rf", "--one-file-system", *stale], COPY_LIMIT_S)
    work.mkdir()
    with progress.step("install Debian into a tree"):
        _make_tree(work, mirror, packages)
    with progress.step("make the node's disks"):
        _make_disks(work, qemu)
    for left_over in ("base.raw", "builder-initrd"):
        (work / left_over).unlink()
    work.rename(home)


def _make_tree(work: Path, mirror: Path, packages: Iterable[str]) -> None:
    disk = work / "base.raw"
    with disk.open("wb") as file:
        file.truncate(LAYOUT.size)
    argv = [
        *confined(),
        *(
            "sh",
            str(BUILDER / "tree.sh"),
            quote(str(mirror)),
            SUITE,
            ",".join(packages),
            str(work),
        ),
        *(str(LAYOUT.root_blocks), str(LAYOUT.root_start * SECTOR)),
    ]
    env = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin", "LC_ALL": "C"}
    run(argv, TREE_LIMIT_S, env=env)
    with disk.open("r+b") as file:
        for offset, table in LAYOUT.tables().items():
            file.seek(offset)
            file.write(table)


def _make_disks(work: Path, qemu: Qemu) -> None:
    """One common base, two thin disks on it, and on those array, swaps and volume group."""
    convert = [*qemu.img(), "convert", "-f", "raw", "-O", "qcow2"]
    run([*convert, str(work / "base.raw"), str(work / "base.qcow2")], COPY_LIMIT_S, env=qemu.env)
    for name in ("sda", "sdb"):
        create = [*qemu.img(), "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", "base.qcow2"]
        run([*create, str(work / f"{name}.qcow2")], COPY_LIMIT_S, env=qemu.env)
    initrd = work / "builder-initrd"
    initrd.write_bytes(
        initramfs_with(
            (work / "initrd").read_bytes(), "builder", (BUILDER / "storage.sh").read_bytes()
        )
    )
    _boot_builder(work, initrd, qemu)


def _boot_builder(work: Path, initrd: Path, qemu: Qemu) -> None:
    log = work / "builder.log"
    disks = [
        argument
        for name in ("sda", "sdb")
        for argument in (
            *("-drive", f"if=none,id={name},format=qcow2,cache=unsafe,file={work / name}.qcow2"),
            *("-device", f"scsi-hd,bus=scsi0.0,drive={name}"),
        )
    ]
    argv = [
        *mortal(),
        *qemu.system(),
        *("-machine", "q35", "-m", "512", "-smp", "2", "-nodefaults", "-display", "none"),
        *("-no-reboot", "-serial", f"file:{log}", "-device", "virtio-scsi-pci,id=scsi0", *disks),
        *("-kernel", str(work / "vmlinuz"), "-initrd", str(initrd)),
        *("-append", "console=ttyS0 rdinit=/builder panic=-1"),
    ]
    limit_s = scaled(BOOT_LIMIT_S * qemu.factor)
    try:
        done = subprocess.run(
            argv,
            env=qemu.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CommandTimeout(
            f"The builder boot did not end within {limit_s:.0f} s; it last said: {tail(log)}"
        ) from None
    if "BUILDER: done" not in log.read_text(errors="replace"):
        raise CommandFailed(
            f"The builder boot ended with status {done.returncode} before its work was done; "
            f"it last said: {tail(log)} {done.stderr.strip()[-200:]} The log is '{log}'."
        )


def tail(log: Path, lines: int = 5) -> str:
    """The last lines of a log, in one."""
    if not log.exists():
        return "nothing"
    return " | ".join(log.read_text(errors="replace").strip().splitlines()[-lines:]) or "nothing"
