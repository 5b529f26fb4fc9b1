"""A lab from outside: planned, brought up, ended; and the provisioned state kept for next time."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from gntverify.deadline import FACTOR_VARIABLE
from gntverify.errors import CommandFailed, SiteError
from gntverify.site import Site, load_site
from provision.lab import namespace
from provision.lab.cache import held
from provision.lab.image import Image, ensure_image
from provision.lab.keys import host_keys, known_hosts, make_keys
from provision.lab.mirror import HOST, ensure_mirror
from provision.lab.plan import Plan, checked_name, home_of, networks
from provision.lab.progress import Progress
from provision.lab.qemu import Qemu, find_qemu
from provision.lab.seed import seed_tar
from provision.lab.sentence import INTERRUPTED
from provision.lab.ssh import ssh_config
from provision.lab.states import newest, state_key

NEEDED_GIB = 8
LONGEST_HOME = 80
"""Bytes: the switch makes sockets of up to 27 more in it, and a socket's path may have 107."""


@contextmanager
def locked(name: str) -> Iterator[Progress]:
    """A block during which nobody else brings this lab up, down, or to another state."""
    progress = Progress("lab")
    with held(f"lab-{checked_name('lab', name)}", progress.note):
        yield progress


def up(name: str, site_file: Path, *, baked: bool, fresh: bool, progress: Progress) -> Plan:
    """Bring a lab up: from the cached provisioned state when one fits, else from the image.

    The caller holds the lab's lock. A lab that is up stays as it is.

    Raises:
        SiteError: the lab is up otherwise, or half; something is missing; the site is no lab's.
        CommandFailed: a node or the supervisor failed; it is named.
    """
    home = home_of(name)
    if namespace.find_init(home):
        return _present(home, site_file, baked=baked, fresh=fresh)
    check_home(home)
    namespace.check_host()
    _check_room(home.parent)
    site = load_site(site_file)
    qemu = find_qemu(progress)
    progress.note(f"QEMU {qemu.version} ({qemu.origin}), accelerator {qemu.accelerator}")
    image = ensure_image(baked=baked, qemu=qemu, progress=progress)
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o700)
    plan = _plan(home, site, site_file, image, qemu, fresh=fresh, progress=progress)
    _furnish(plan)
    init = namespace.start(home)
    if plan.source:
        progress.note("from the provisioned state in the cache (`--fresh` builds anew)")
        inside(plan, init, "resume", plan.source)
    else:
        inside(plan, init, "boot")
    plan.path("up").touch()
    return plan


def _present(home: Path, site_file: Path, *, baked: bool, fresh: bool) -> Plan:
    """The plan of a lab that is up, when it is the one that is asked for."""
    again = f"`python -m provision lab down --name {home.name}` ends it."
    if not (home / "up").exists():
        raise SiteError(f"The lab {home.name!r} is half up, because its start failed; {again}")
    plan = Plan.load(home)
    differs = [
        text
        for text, true in (
            (f"of the site file '{plan.site_file}'", str(site_file.resolve()) != plan.site_file),
            (f"{'' if plan.baked else 'not '}baked", baked != plan.baked),
            ("from the provisioned state", fresh and plan.source),
        )
        if true
    ]
    if differs:
        raise SiteError(f"The lab {home.name!r} is up, but {', '.join(differs)}; {again}")
    return plan


def init_of(plan: Plan) -> int:
    """The supervisor's process id.

    Raises:
        SiteError: the lab is not up.
    """
    init = namespace.find_init(Path(plan.home))
    if init is None:
        raise SiteError(
            f"The lab {Path(plan.home).name!r} is not up; `python -m provision lab up` starts it."
        )
    return init


def environment(plan: Plan) -> dict[str, str]:
    """What a command inside the lab has in its environment beyond the user's own."""
    return {FACTOR_VARIABLE: f"{plan.factor:g}"}


def inside(plan: Plan, init: int, deed: str, argument: str = "") -> None:
    """Do a deed of :mod:`provision.lab.inside`; its progress goes to our terminal.

    Raises:
        CommandFailed: it ended with another status than 0; it has said why.
        SystemExit: it was interrupted, and has said so.
    """
    words = [plan.home, deed, *([argument] if argument else [])]
    argv = [sys.executable, "-m", "provision.lab.inside", *words]
    status = namespace.run_inside(init, argv, environment(plan))
    if status == INTERRUPTED:
        sys.exit(status)
    if status:
        raise CommandFailed(f"the lab could not {deed}; what stopped it is told above.")


def check_home(home: Path) -> None:
    """The folder has a path that all tools of a lab can do with.

    Raises:
        SiteError: it has not; the message says how it may look.
    """
    text = str(home)
    if len(os.fsencode(text)) > LONGEST_HOME or set(text) & set(",:;%$\"'\\\n"):
        raise SiteError(
            f"The lab would live in {text!r}, which sockets and QEMU cannot cope with: a path of "
            f"at most {LONGEST_HOME} bytes, without quotes and without any of , : ; % $ and \\, "
            f"is needed. Set XDG_CACHE_HOME to another directory."
        )


def _check_room(directory: Path) -> None:
    free_gib = shutil.disk_usage(directory).free / 1024**3
    if free_gib < NEEDED_GIB:
        raise SiteError(
            f"A lab needs {NEEDED_GIB} GiB under '{directory}', and {free_gib:.1f} GiB are free; "
            f"make room or set XDG_CACHE_HOME to a larger disk."
        )


def _plan(
    home: Path,
    site: Site,
    site_file: Path,
    image: Image,
    qemu: Qemu,
    *,
    fresh: bool,
    progress: Progress,
) -> Plan:
    machines, vlan, public, private = networks(site)
    made_of = f"{image.key} {qemu.version} {qemu.accelerator}"
    key = state_key(made_of, site_file)
    source = None if fresh else newest(key)
    plan = Plan(
        home=str(home),
        site_file=str(site_file.resolve()),
        baked=image.baked,
        machines=machines,
        vlan=vlan,
        runner_public=public,
        runner_private=private,
        cluster=f"{site.cluster.address} {site.cluster.name}",
        kernel=str(image.kernel),
        initrd=str(image.initrd),
        command_line=image.command_line(),
        disks=[str(disk) for disk in image.disks],
        qemu=qemu.system(),
        qemu_img=qemu.img(),
        qemu_library_path=qemu.env.get("LD_LIBRARY_PATH", ""),
        factor=qemu.factor,
        mirror=str(ensure_mirror(progress)),
        made_of=made_of,
        state=key,
        source=str(source or ""),
    )
    plan.save()
    return plan


def _furnish(plan: Plan) -> None:
    """Keys, names, ssh configuration and the nodes' seeds."""
    keys = plan.path("keys")
    if plan.source:
        shutil.copytree(Path(plan.source, "keys"), keys)
    else:
        make_keys(keys, plan.machines)
    etc = plan.path("etc")
    etc.mkdir()
    (etc / "hosts").write_text(_hosts(plan))
    (etc / "known_hosts").write_text(known_hosts(keys, plan.machines))
    (etc / "ssh_config").write_text(ssh_config(plan))
    gateway = IPv4Address(plan.runner_public.split("/")[0])
    for machine in plan.machines:
        place = plan.path("nodes", machine.short)
        place.mkdir(parents=True)
        names = f"{machine.address} {machine.name} {machine.short}"
        seed = seed_tar(
            machine.name,
            IPv4Interface(machine.public),
            gateway,
            host_keys(keys, machine),
            (keys / "login.pub").read_text(),
            names,
        )
        (place / "seed.tar").write_bytes(seed)


def _hosts(plan: Plan) -> str:
    """The runner's ``/etc/hosts``: nodes by their public address, where ssh finds them."""
    lines = ["127.0.0.1 localhost", "::1 localhost", f"{plan.runner_public.split('/')[0]} {HOST}"]
    lines += [f"{machine.address} {machine.name} {machine.short}" for machine in plan.machines]
    return "\n".join([*lines, plan.cluster, ""])
