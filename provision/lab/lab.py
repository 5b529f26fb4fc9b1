"""A lab from outside: planned, brought up, ended; and the provisioned state kept for next time."""

import hashlib
import os
import shutil
import sys
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

from gntverify.deadline import FACTOR_VARIABLE
from gntverify.errors import CommandFailed, SiteError
from gntverify.site import Site, load_site
from provision.lab import namespace
from provision.lab.cache import cache_dir, cache_lock
from provision.lab.image import Image, ensure_image
from provision.lab.keys import host_keys, known_hosts, make_keys
from provision.lab.mirror import HOST, ensure_mirror
from provision.lab.plan import Plan, home_of, networks
from provision.lab.progress import Progress
from provision.lab.qemu import Qemu, find_qemu
from provision.lab.seed import seed_tar

PROVISIONED = "provisioned"
NEEDED_GIB = 8
STEPS = Path(__file__).parents[1]


def state_key(image: Image, qemu: Qemu, site_file: Path) -> str:
    """Hash of all a provisioned state is made of: image, QEMU, site, and the notes' steps."""
    digest = hashlib.sha256(f"{image.key} {qemu.version} {qemu.accelerator}".encode())
    steps = [*sorted((STEPS / "notes").glob("*.py")), *sorted((STEPS / "lab").glob("*.py"))]
    profiles = sorted((STEPS.parent / "gntverify/site").rglob("*.toml"))
    for path in (site_file, *sorted(STEPS.glob("*.py")), *steps, *profiles):
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def up(name: str, site_file: Path, *, baked: bool, fresh: bool, progress: Progress) -> Plan:
    """Bring a lab up: from the cached provisioned state when one fits, else from the image.

    Raises:
        SiteError: the lab is up already, something is missing, or the site is none for a lab.
        CommandFailed: a node or the supervisor failed; it is named.
    """
    home = home_of(name)
    if namespace.find_init(home):
        raise SiteError(
            f"There is a lab named {name!r} up already, or half up; `lab down` ends it."
        )
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
    if plan.restored:
        progress.note("from the provisioned state in the cache (`--fresh` builds anew)")
        inside(plan, init, "resume", str(state_dir(plan)))
    else:
        inside(plan, init, "boot")
    return plan


def state_dir(plan: Plan) -> Path:
    """Where the provisioned state of this plan lies, or would lie."""
    return cache_dir("states") / plan.state


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


def inside(plan: Plan, init: int, deed: str, name: str = "") -> None:
    """Do a deed of :mod:`provision.lab.inside`; its progress goes to our terminal.

    Raises:
        CommandFailed: it ended with another status than 0; it has said why.
    """
    argv = [
        sys.executable,
        "-m",
        "provision.lab.inside",
        plan.home,
        deed,
        *([name] if name else []),
    ]
    status = namespace.run_inside(init, argv, environment(plan))
    if status:
        raise CommandFailed(f"the lab could not {deed}; what stopped it is told above.")


def publish(plan: Plan, progress: Progress) -> None:
    """Keep the snapshot ``provisioned`` for the labs to come."""
    target = state_dir(plan)
    with cache_lock("states"):
        if target.exists():
            return
        with progress.step("keep the provisioned state"):
            partial = target.with_name(f"{target.name}.new")
            shutil.rmtree(partial, ignore_errors=True)
            # Frozen files on the same disk: a second name costs nothing.
            shutil.copytree(plan.path("snapshots", PROVISIONED), partial, copy_function=os.link)
            shutil.copytree(plan.path("keys"), partial / "keys")
            partial.rename(target)


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
    key = state_key(image, qemu, site_file)
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
        state=key,
        restored=not fresh and (cache_dir("states") / key).exists(),
    )
    plan.save()
    return plan


def _furnish(plan: Plan) -> None:
    """Keys, names, ssh configuration and the nodes' seeds."""
    keys = plan.path("keys")
    if plan.restored:
        shutil.copytree(state_dir(plan) / "keys", keys)
    else:
        make_keys(keys, plan.machines)
    etc = plan.path("etc")
    etc.mkdir()
    (etc / "hosts").write_text(_hosts(plan))
    (etc / "known_hosts").write_text(known_hosts(keys, plan.machines))
    (etc / "ssh_config").write_text(_ssh_config(plan))
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


def _ssh_config(plan: Plan) -> str:
    """The lab's hosts, with pinned keys; then whatever the host's own configuration says."""
    names = " ".join(f"{machine.short} {machine.name}" for machine in plan.machines)
    blocks = [f"Host {m.short} {m.name}\n    HostName {m.address}" for m in plan.machines]
    common = f"""Host {names}
    User root
    IdentityFile {plan.path("keys", "login")}
    IdentitiesOnly yes
    UserKnownHostsFile {plan.path("etc", "known_hosts")}
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    ServerAliveInterval 30
"""
    system = Path("/etc/ssh/ssh_config")
    own = system.read_text() if system.exists() else ""
    return "\n".join([*blocks, common, own])
