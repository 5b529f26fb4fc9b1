"""One node as a QEMU machine: its argument list, its start, and whether it is well.

A small shell waits for each QEMU and writes down how it ended: that is seen at once, in the lab
and from outside. Whoever ends a machine on purpose ends the shell with it.
"""

import contextlib
import os
import re
import signal
import subprocess
import zlib
from pathlib import Path

from gntverify.deadline import wait_for
from gntverify.errors import CommandFailed
from provision.lab.apt import run
from provision.lab.plan import Machine, Plan
from provision.lab.seed import fw_cfg_argument
from provision.lab.ssh import to_node

MEMORY_MIB = 3072
CORES = 2
BOOT_LIMIT_S = 60.0
IMG_LIMIT_S = 300.0
DISKS = ("sda", "sdb")
PID, ENDED = "qemu.pid", "qemu.ended"
BAD_NEWS = re.compile(
    r"Kernel panic[^\n]*|^.*\bBUG: (?!soft lockup|workqueue lockup)[^\n]*|\bOops: [^\n]*",
    re.MULTILINE,
)
"""A lockup of software is a guest that waited long for its turn: it survives that."""


def arguments(plan: Plan, machine: Machine, *, incoming: Path | None = None) -> list[str]:
    """QEMU's argument list for a node; with ``incoming`` it waits, paused, for that state."""
    name = machine.short
    disks = [
        word
        for disk in DISKS
        for word in (
            "-drive",
            f"if=none,id={disk},format=qcow2,cache=unsafe,discard=unmap,"
            f"file={plan.path('nodes', name, disk)}.qcow2",
            "-device",
            f"scsi-hd,bus=scsi0.0,drive={disk}",
        )
    ]
    return [
        *plan.qemu,
        *("-name", name, "-machine", "pc", "-m", str(MEMORY_MIB), "-smp", str(CORES)),
        *("-nodefaults", "-display", "none"),
        *("-chardev", f"file,id=serial,append=on,path={plan.path('nodes', name, 'serial.log')}"),
        *("-serial", "chardev:serial"),
        *("-qmp", f"unix:run/{name}.qmp,server=on,wait=off"),
        *("-device", "virtio-scsi-pci,id=scsi0", *disks),
        *("-netdev", f"tap,id=net0,ifname={machine.tap},script=no,downscript=no"),
        *("-device", f"virtio-net-pci,netdev=net0,mac={mac(plan, machine)}"),
        *("-kernel", plan.kernel, "-initrd", plan.initrd, "-append", plan.command_line),
        *fw_cfg_argument(str(plan.path("nodes", name, "seed.tar"))),
        *(("-S", "-incoming", f"file:{incoming}") if incoming else ()),
    ]


def mac(plan: Plan, machine: Machine) -> str:
    """A locally administered address; a lab from a saved state has the same."""
    digest = zlib.crc32(f"{plan.cluster} {machine.name}".encode())
    return "52:54:00:" + ":".join(f"{digest >> shift & 0xFF:02x}" for shift in (16, 8, 0))


def create_disks(plan: Plan, machine: Machine, below: tuple[Path, Path]) -> None:
    """Empty overlays over the two disks in ``below``; what was there before is gone."""
    directory = plan.path("nodes", machine.short)
    directory.mkdir(parents=True, exist_ok=True)
    for disk, base in zip(DISKS, below, strict=True):
        target = directory / f"{disk}.qcow2"
        target.unlink(missing_ok=True)
        create = ("create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(base))
        img(plan, *create, str(target))


def img(plan: Plan, *words: str) -> str:
    """Run qemu-img; what it printed.

    Raises:
        CommandFailed: it refused; the message has what it said.
    """
    return run([*plan.qemu_img, *words], IMG_LIMIT_S, env=environment(plan))


def environment(plan: Plan) -> dict[str, str]:
    """The environment QEMU runs in."""
    library = {"LD_LIBRARY_PATH": plan.qemu_library_path} if plan.qemu_library_path else {}
    return os.environ | library


def start(plan: Plan, machine: Machine, *, incoming: Path | None = None) -> None:
    """Start the machine in the background, with a console and an end that are still to come."""
    place = plan.path("nodes", machine.short)
    with contextlib.suppress(FileNotFoundError):
        (place / "serial.log").rename(place / "serial.log.1")
    (place / ENDED).unlink(missing_ok=True)
    waiter = ["sh", "-c", '"$@"; echo "$?" > "$0"', str(place / ENDED)]
    with (place / "qemu.log").open("a") as output:
        child = subprocess.Popen(
            [*waiter, *arguments(plan, machine, incoming=incoming)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=plan.home,
            env=environment(plan),
            start_new_session=True,
        )
    (place / PID).write_text(f"{child.pid}\n")


def kill(plan: Plan, machine: Machine) -> None:
    """End the machine without a word to its guest (inside the lab); well if it is not there."""
    with contextlib.suppress(OSError, ValueError):
        os.killpg(_group(plan, machine), signal.SIGKILL)


def running(plan: Plan, machine: Machine) -> bool:
    """Whether anything of its QEMU is there (asked inside the lab)."""
    try:
        group = _group(plan, machine)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-group, os.WNOHANG)  # one that we started ourselves would stay a zombie
        os.killpg(group, 0)
    except (OSError, ValueError):
        return False
    return True


def _group(plan: Plan, machine: Machine) -> int:
    """The process group of QEMU and its shell, as the lab sees it."""
    place = plan.path("nodes", machine.short)
    if _status(place):
        raise ProcessLookupError
    return int((place / PID).read_text())


def _status(place: Path) -> str:
    """The exit status with which QEMU came to an end that nobody wanted; nothing before that."""
    try:
        return (place / ENDED).read_text().strip()
    except OSError:
        return ""


def bad_news(plan: Plan, machine: Machine) -> str:
    """The first line of the serial log that tells of a kernel gone wrong, or nothing."""
    try:
        text = plan.path("nodes", machine.short, "serial.log").read_text(errors="replace")
    except OSError:
        return ""
    found = BAD_NEWS.search(text)
    return found.group(0).strip() if found else ""


def trouble(plan: Plan, machine: Machine) -> str:
    """A sentence about what ended the node's kernel or its QEMU, or nothing; in or outside."""
    place = plan.path("nodes", machine.short)
    news = bad_news(plan, machine)
    if news:
        return f"Node {machine.short!r} panicked: {news}. Its serial log is {place}/serial.log."
    status = _status(place)
    if status:
        said = (place / "qemu.log").read_text(errors="replace").splitlines()
        last = [line.strip() for line in said if line and "warning: TCG" not in line][-1:]
        return (
            f"The QEMU of node {machine.short!r} ended with status {status}; the last it said: "
            f"{last[0] if last else 'nothing'}."
        )
    return ""


def check_all(plan: Plan) -> None:
    """All machines run, and no kernel has given up; every wait for a node asks this too.

    Raises:
        CommandFailed: one has; node, first cause and log are named.
    """
    for machine in plan.machines:
        found = trouble(plan, machine)
        if found:
            raise CommandFailed(found)


def wait_for_ssh(plan: Plan, machine: Machine) -> None:
    """Wait until the node takes a login.

    Raises:
        CommandFailed: a node panicked or its QEMU ended meanwhile.
        DeadlinePassed: it did not come up; the message has the last line of its console.
    """
    name = machine.short
    ssh = [*to_node(plan, name, "-o", "ConnectTimeout=10"), "true"]

    def probe() -> tuple[bool | None, str]:
        check_all(plan)
        try:
            done = subprocess.run(
                ssh,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None, "ssh hung"
        return (True, "up") if done.returncode == 0 else (None, _state(plan, name, done.stderr))

    wait_for(f"Node {name!r} at ssh", probe, BOOT_LIMIT_S, every_s=1.0)


def _state(plan: Plan, name: str, refused: str) -> str:
    serial = plan.path("nodes", name, "serial.log")
    lines = serial.read_text(errors="replace").strip().splitlines() if serial.exists() else []
    return f"ssh: {refused.strip()[-120:]}; console: {lines[-1].strip() if lines else 'silent'}"
