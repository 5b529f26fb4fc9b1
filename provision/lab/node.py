"""One node as a QEMU machine: its argument list, its start, and whether it is well."""

import os
import re
import subprocess
import zlib
from pathlib import Path

from gntverify.deadline import wait_for
from gntverify.errors import CommandFailed
from provision.lab.plan import Machine, Plan
from provision.lab.seed import fw_cfg_argument

MEMORY_MIB = 3072
CORES = 2
BOOT_LIMIT_S = 60.0
SSH_LIMIT_S = 15.0
CREATE_LIMIT_S = 60.0
DISKS = ("sda", "sdb")
BAD_NEWS = re.compile(r"Kernel panic[^\n]*|^.*\bBUG: [^\n]*|\bOops: [^\n]*", re.MULTILINE)


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
        *("-nodefaults", "-display", "none", "-pidfile", f"run/{name}.pid"),
        *("-chardev", f"file,id=serial,append=on,path={plan.path('nodes', name, 'serial.log')}"),
        *("-serial", "chardev:serial"),
        *("-qmp", f"unix:run/{name}.qmp,server=on,wait=off"),
        *("-device", "virtio-scsi-pci,id=scsi0", *disks),
        *("-netdev", f"vde,id=net0,sock=run/switch,port={machine.port}"),
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
        create = [*plan.qemu_img, "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(base)]
        img(plan, [*create, str(target)])


def img(plan: Plan, argv: list[str]) -> None:
    """Run qemu-img.

    Raises:
        CommandFailed: it refused; the message has what it said.
    """
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        timeout=CREATE_LIMIT_S,
        env=environment(plan),
        check=False,
    )
    if done.returncode:
        raise CommandFailed(f"`{' '.join(argv[1:])}` ended with: {done.stderr.strip()}")


def environment(plan: Plan) -> dict[str, str]:
    """The environment QEMU runs in."""
    library = {"LD_LIBRARY_PATH": plan.qemu_library_path} if plan.qemu_library_path else {}
    return os.environ | library


def start(plan: Plan, machine: Machine, *, incoming: Path | None = None) -> None:
    """Start the machine in the background; the supervisor will bury it."""
    log = plan.path("nodes", machine.short, "qemu.log")
    with log.open("a") as output:
        subprocess.Popen(
            arguments(plan, machine, incoming=incoming),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=plan.home,
            env=environment(plan),
            start_new_session=True,
        )


def running(plan: Plan, machine: Machine) -> bool:
    """Whether its QEMU is there (asked inside the lab)."""
    try:
        pid = int(plan.path("run", f"{machine.short}.pid").read_text())
    except (OSError, ValueError):
        return False
    return Path(f"/proc/{pid}").exists()


def bad_news(plan: Plan, machine: Machine) -> str:
    """The first line of the serial log that tells of a kernel gone wrong, or nothing."""
    try:
        text = plan.path("nodes", machine.short, "serial.log").read_text(errors="replace")
    except OSError:
        return ""
    found = BAD_NEWS.search(text)
    return found.group(0).strip() if found else ""


def check_well(plan: Plan, machine: Machine) -> None:
    """The machine runs, and its kernel has not given up.

    Raises:
        CommandFailed: it has; node, first cause and log are named.
    """
    news = bad_news(plan, machine)
    log = plan.path("nodes", machine.short, "serial.log")
    if news:
        raise CommandFailed(f"Node {machine.short!r} panicked: {news}. Its serial log is {log}.")


def wait_for_ssh(plan: Plan, machine: Machine) -> None:
    """Wait until the node takes a login.

    Raises:
        CommandFailed: the node panicked or its QEMU ended meanwhile.
        DeadlinePassed: it did not come up; the message has the last line of its console.
    """
    name = machine.short

    def probe() -> tuple[bool | None, str]:
        check_well(plan, machine)
        if plan.path("run", f"{name}.pid").exists() and not running(plan, machine):
            said = plan.path("nodes", name, "qemu.log").read_text(errors="replace").strip()
            raise CommandFailed(f"The QEMU of node {name!r} ended: {said[-300:] or 'no word'}.")
        ssh = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", name, "true"]
        try:
            done = subprocess.run(ssh, capture_output=True, text=True, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            return None, "ssh hung"
        return (True, "up") if done.returncode == 0 else (None, _state(plan, name, done.stderr))

    wait_for(f"Node {name!r} at ssh", probe, BOOT_LIMIT_S, every_s=1.0)


def _state(plan: Plan, name: str, refused: str) -> str:
    serial = plan.path("nodes", name, "serial.log")
    lines = serial.read_text(errors="replace").strip().splitlines() if serial.exists() else []
    return f"ssh: {refused.strip()[-120:]}; console: {lines[-1].strip() if lines else 'silent'}"
