"""The namespaces a lab lives in: made, entered, ended.

Network, mounts and processes of a lab are its own (and users, when we are not root). Its first
process is the supervisor: when that ends, however it ends, the kernel ends every process of the
lab, and with the last of them its networks, mounts and sockets are gone. So there is nothing to
clean up and nothing to remember: the supervisor is found by its own command line.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from gntverify.deadline import wait_for
from gntverify.errors import CommandFailed, SiteError

SUPERVISOR = "provision.lab.supervisor"
START_LIMIT_S = 20.0
END_LIMIT_S = 10.0
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
"""Administrators' programs too, which a user's own has not."""


def find_init(home: Path) -> int | None:
    """Process id, as the host sees it, of the supervisor of the lab in ``home``."""
    return next(_inits(home), None)


def _inits(home: Path) -> Iterator[int]:
    wanted = ["-m", SUPERVISOR, str(home)]
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            argv = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if argv[1:4] == wanted and _is_init((entry / "status").read_text()):
                yield int(entry.name)
        except OSError:
            continue  # it ended while we looked


def _is_init(status: str) -> bool:
    """Whether ``/proc/PID/status`` belongs to the first process of an inner namespace."""
    return re.search(r"^NSpid:\s+\d+(\s+\d+)*\s+1$", status, re.MULTILINE) is not None


def check_host() -> None:
    """The host lets us make namespaces.

    Raises:
        SiteError: it does not; the message says what to do.
    """
    for program, package in (
        ("unshare", "util-linux"),
        ("vde_switch", "vde2"),
        ("ip", "iproute2"),
    ):
        if shutil.which(program, path=PATH) is None:
            raise SiteError(
                f"The program {program!r} is not on this host; install the package {package!r}, "
                f"or run `make setup`."
            )
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        raise SiteError(
            "/dev/net/tun is not there or not open to this user, so the lab can have no network; "
            "load the module 'tun', or run as root."
        )
    refused = _refusal("true")
    if refused:
        raise SiteError(
            f"This user may make no namespaces ({refused}); run as root, or allow user "
            f"namespaces (sysctl kernel.unprivileged_userns_clone=1)."
        )
    refused = _refusal("ip", "link", "add", "lan", "type", "bridge")
    if refused:
        raise SiteError(
            f"This host's kernel makes no bridge ({refused}), so the lab's nodes can have no "
            f"network; load the module: `modprobe bridge`, as root."
        )


def _refusal(*argv: str) -> str:
    """Why a command does not work in namespaces of its own; empty when it does."""
    tried = subprocess.run(
        [*_unshare(), *argv],
        env=os.environ | {"PATH": PATH},
        capture_output=True,
        text=True,
        timeout=START_LIMIT_S,
        check=False,
    )
    return (tried.stderr.strip() or f"status {tried.returncode}") if tried.returncode else ""


def _unshare() -> list[str]:
    users = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    kinds = ("--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    return ["unshare", *users, *kinds, "--propagation", "private"]


def start(home: Path) -> int:
    """Start the supervisor in namespaces of its own; its process id, once it is ready.

    Raises:
        CommandFailed: it ended at once; the message has the last line of its log.
        DeadlinePassed: it did not get ready.
    """
    ready, log = home / "ready", home / "supervisor.log"
    ready.unlink(missing_ok=True)
    with log.open("a") as output:
        outer = subprocess.Popen(
            [*_unshare(), sys.executable, "-m", SUPERVISOR, str(home)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=Path(__file__).parents[2],
        )

    def probe() -> tuple[int | None, str]:
        if outer.poll() is not None:
            last = (log.read_text(errors="replace").strip() or "nothing").splitlines()[-1]
            raise CommandFailed(f"The lab's supervisor ended at once; it said: {last}")
        return (find_init(home) if ready.exists() else None), "not ready yet"

    return wait_for("The lab's supervisor", probe, START_LIMIT_S, every_s=0.05)


def enter(init: int, argv: Sequence[str]) -> list[str]:
    """The command that runs ``argv`` in the namespaces of that supervisor, from where we are."""
    users = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
    kinds = ("--net", "--mount", "--pid", f"--wdns={Path.cwd()}")
    # nsenter has to outlive a Ctrl-C that its child may handle, so we start it deaf to it;
    # the child gets its hearing back.
    return ["nsenter", f"--target={init}", *users, *kinds, "env", "--default-signal=INT", *argv]


def run_inside(init: int, argv: Sequence[str], env: dict[str, str]) -> int:
    """Run a command inside with our terminal, and return its exit status."""
    old = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = subprocess.Popen(enter(init, argv), env=os.environ | env)
        status = child.wait()
    finally:
        signal.signal(signal.SIGINT, old)
    return status if status >= 0 else 128 - status


def end(home: Path) -> bool:
    """End the lab's processes, all of them; False when there was none.

    Raises:
        DeadlinePassed: the kernel still shows the supervisor.
    """
    found = list(_inits(home))
    for init in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(init, signal.SIGKILL)

    def probe() -> tuple[bool | None, str]:
        # Not by its command line: that is gone long before the last of its processes is.
        left = [init for init in found if Path(f"/proc/{init}").exists()]
        return (None, f"processes {left} still there") if left else (True, "gone")

    wait_for("The end of the lab's supervisor", probe, END_LIMIT_S, every_s=0.05)
    return bool(found)
