"""The QEMU that runs the nodes: which one, from where, and with which accelerator.

Nested guests must survive a soft reboot, and under software emulation they do so from QEMU 9 on:
with 7.2 the node's own kernel panics. A host with an older QEMU, or none, gets a private copy of
the backported one, unpacked under the cache and never installed.

``/dev/kvm`` proves nothing: there are machines where it opens and a stock kernel never comes up.
So the accelerator is chosen by booting one.
"""

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gntverify.deadline import scaled
from gntverify.errors import CommandFailed, CommandTimeout, SiteError
from provision.lab.apt import PrivateApt, backports_of, host_sources, run
from provision.lab.cache import cache_dir, held
from provision.lab.confined import mortal
from provision.lab.mirror import kernel_package
from provision.lab.packages import SUITE
from provision.lab.reporting import Reporting

LEAST_MAJOR = 9
PROGRAM = "qemu-system-x86_64"
PACKAGES = ("qemu-system-x86", "qemu-utils")
FIRMWARE = ("share/qemu", "share/seabios", "lib/ipxe/qemu")
VERSION_LIMIT_S = 20.0
TRIAL_LIMIT_S = 30.0

CPU = {"kvm": "host", "tcg": "EPYC"}
"""SVM must be in it, for KVM inside the nodes. Under emulation a leaner model than ``max`` saves
a third of each fork and exec."""

FACTOR = {"kvm": 1.0, "tcg": 6.0}
"""How much slower than on hardware things may be before a limit counts as passed."""


@dataclass(frozen=True)
class Qemu:
    """One QEMU, and how to call it."""

    version: str
    origin: str
    accelerator: str
    factor: float
    prefix: Path
    env: dict[str, str] = field(default_factory=dict, hash=False)

    def system(self) -> list[str]:
        """Start of the argument list of a machine: program, accelerator and processor."""
        accel = "tcg,thread=multi,tb-size=512" if self.accelerator == "tcg" else self.accelerator
        return [
            str(self.prefix / "bin" / PROGRAM),
            *(word for place in FIRMWARE for word in ("-L", str(self.prefix / place))),
            *("-accel", accel, "-cpu", CPU[self.accelerator]),
        ]

    def img(self) -> list[str]:
        """Start of the argument list of a disk image command."""
        return [str(self.prefix / "bin/qemu-img")]


def parse_version(text: str) -> tuple[int, ...]:
    """The version that ``qemu-system-x86_64 --version`` prints, as numbers.

    Raises:
        CommandFailed: no version in it.
    """
    match = re.search(r"version (\d+)\.(\d+)\.(\d+)", text)
    if match is None:
        raise CommandFailed(f"QEMU was asked for its version and answered {text[:80]!r}.")
    return tuple(int(part) for part in match.groups())


def find_qemu(progress: Reporting) -> Qemu:
    """The QEMU to run the lab with, and the accelerator that really works here.

    Raises:
        SiteError: no QEMU could be had at all.
    """
    prefix, origin = _find_program(progress)
    env = _environment(prefix)
    version = ".".join(map(str, _version(prefix, env)))
    accelerator = _accelerator(prefix, env, version, progress)
    return Qemu(version, origin, accelerator, FACTOR[accelerator], prefix, env)


def _environment(prefix: Path) -> dict[str, str]:
    env = dict(os.environ)
    if prefix != Path("/usr"):
        libraries = [f"{prefix}/lib/x86_64-linux-gnu", f"{prefix.parent}/lib/x86_64-linux-gnu"]
        env["LD_LIBRARY_PATH"] = ":".join(libraries)
    return env


def _version(prefix: Path, env: dict[str, str]) -> tuple[int, ...]:
    return parse_version(
        run([str(prefix / "bin" / PROGRAM), "--version"], VERSION_LIMIT_S, env=env)
    )


def _find_program(progress: Reporting) -> tuple[Path, str]:
    """Prefix and origin of the host's own QEMU if it is new enough, of a private copy if not."""
    host_has = shutil.which(PROGRAM) == f"/usr/bin/{PROGRAM}"
    if host_has and _version(Path("/usr"), dict(os.environ))[0] >= LEAST_MAJOR:
        return Path("/usr"), "the host's own"
    try:
        return _private_copy(progress), f"{SUITE}-backports, private copy"
    except (CommandFailed, CommandTimeout, SiteError) as error:
        if not host_has:
            raise SiteError(
                f"There is no QEMU on this host and none could be fetched from the backports of "
                f"Debian '{SUITE}': {error} Install 'qemu-system-x86'."
            ) from error
        progress.note(
            f"No QEMU {LEAST_MAJOR} or newer could be fetched ({error}); the host's older one "
            f"runs the lab: a soft reboot of a nested guest may crash its node."
        )
        return Path("/usr"), "the host's own, too old for soft reboots of nested guests"


def _private_copy(progress: Reporting) -> Path:
    """Prefix (``…/usr``) of the backported QEMU unpacked in the cache; made when not there."""
    home = cache_dir("qemu")
    current = home / "current"
    with held("qemu", progress.note):
        if current.exists():
            prefix = current.resolve() / "usr"
            try:
                _version(prefix, _environment(prefix))
            except CommandFailed as error:
                progress.note(f"The cached QEMU does not run any more ({error}); fetching anew.")
            else:
                return prefix
        with progress.step("fetch QEMU from backports"):
            return _unpack(home) / "usr"


def _unpack(home: Path) -> Path:
    sources = host_sources(SUITE)
    apt = PrivateApt(
        home / "apt", (*sources, backports_of(sources, SUITE)), Path("/var/lib/dpkg/status")
    )
    apt.prepare()
    apt.update()
    debs = apt.download(apt.closure(PACKAGES, release=f"{SUITE}-backports"))
    version = next((deb.version for deb in debs if deb.name == PACKAGES[0]), None)
    if version is None:
        raise SiteError(f"Debian '{SUITE}-backports' offers no '{PACKAGES[0]}'.")
    root = home / version.replace(":", "_")
    shutil.rmtree(root, ignore_errors=True)
    for deb in debs:
        run(["dpkg-deb", "-x", str(deb.path), str(root)], 60.0)
    link = home / "new"
    link.unlink(missing_ok=True)
    link.symlink_to(root.name)
    link.replace(home / "current")
    return root


def _machine(version: str) -> str:
    """What the outcome of the trial depends on."""
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    identity = Path("/etc/machine-id")
    parts = [
        version,
        platform.release(),
        cpu.group(1) if cpu else platform.machine(),
        identity.read_text().strip() if identity.exists() else "",
        "kvm" if os.access("/dev/kvm", os.R_OK | os.W_OK) else "no kvm",
        "nested" if _nests() else "not nested",
    ]
    return " / ".join(parts)


def _nests() -> bool:
    """Whether a KVM module of this host lets its guests have guests."""
    parameters = Path("/sys/module").glob("kvm_*/parameters/nested")
    return any(path.read_text().strip() in {"Y", "1"} for path in parameters)


def _accelerator(prefix: Path, env: dict[str, str], version: str, progress: Reporting) -> str:
    """``kvm`` when a stock kernel comes up under it and guests can nest, else ``tcg``."""
    memory = cache_dir() / "accelerator.json"
    machine = _machine(version)
    with held("accelerator", progress.note):
        known = _remembered(memory)
        if known.get("machine") == machine and known.get("accelerator") in FACTOR:
            return str(known["accelerator"])
        try:
            accelerator, why = _trial(prefix, env, progress)
        except CommandTimeout as err:
            progress.note(f"Accelerator: tcg this time, because {err}")
            return "tcg"  # and not for good: the host may just have been busy
        progress.note(f"Accelerator: {accelerator}, because {why}.")
        verdict = {"machine": machine, "accelerator": accelerator, "why": why}
        new = memory.with_suffix(".new")
        new.write_text(json.dumps(verdict, indent=1))
        new.replace(memory)
        return accelerator


def _remembered(memory: Path) -> dict[str, str]:
    """The verdict of an earlier trial; nothing when there is none, or only a part of one."""
    try:
        return dict(json.loads(memory.read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def _trial(prefix: Path, env: dict[str, str], progress: Reporting) -> tuple[str, str]:
    """The accelerator, and why.

    Raises:
        CommandTimeout: the kernel neither came up nor gave up.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg", "/dev/kvm is not there or not open to this user"
    if not _nests():
        return "tcg", "no KVM module of this host lets guests nest"
    with progress.step("try a stock kernel under KVM"):
        kernel = extract_kernel(cache_dir("qemu", "trial"), progress)
        return _boots(prefix, env, kernel)


def extract_kernel(target: Path, progress: Reporting) -> Path:
    """Debian's stock kernel, taken out of its package."""
    run(["dpkg-deb", "-x", str(kernel_package(progress)), str(target)], 60.0)
    return next((target / "boot").glob("vmlinuz-*"))


@contextmanager
def _ended(argv: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A QEMU that is gone when the block is left."""
    process = subprocess.Popen(
        [*mortal(), *argv],
        env=env,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(timeout=scaled(10.0))


def _boots(prefix: Path, env: dict[str, str], kernel: Path) -> tuple[str, str]:
    """Whether the kernel gets as far as missing its root: then processor and timers work.

    Raises:
        CommandTimeout: it neither did nor gave up.
    """
    argv = [
        *Qemu("", "", "kvm", 1.0, prefix).system(),
        *("-machine", "q35", "-m", "512", "-nographic", "-no-reboot", "-nodefaults"),
        *("-serial", "stdio", "-kernel", str(kernel), "-append", "console=ttyS0 panic=-1"),
    ]
    with _ended(argv, env) as process:
        try:
            said = process.communicate(timeout=scaled(TRIAL_LIMIT_S))[0]
        except subprocess.TimeoutExpired:
            raise CommandTimeout(
                f"under KVM a stock kernel did not come up in {scaled(TRIAL_LIMIT_S):.0f} s."
            ) from None
    if "Unable to mount root" in said:
        return "kvm", "a stock kernel came up under it"
    last = said.strip().splitlines()[-1:] or ["nothing"]
    return "tcg", f"under KVM a stock kernel ended with: {last[0]}"
