"""Installing the Operating System Support Packages."""

import hashlib
import io
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from shlex import quote

from pyinfra.api.command import FileUploadCommand
from pyinfra.context import host

from gntverify.errors import SiteError
from gntverify.site.image import DIRECTORY, Image
from gntverify.site.model import BUILT_IN, Node, OperatingSystem
from provision.guest import package as probe
from provision.notes._facts import INSTALLED, DpkgFacts, Lines
from provision.notes._operations import (
    INSTALL,
    INSTALL_S,
    REPAIR,
    commands,
    deploy,
    limit,
    operation,
    packages,
    text_file,
)
from provision.notes.s06_packages import PACKAGE, os_packages
from provision.notes.s07_ganeti import OS_DIRECTORY
from provision.section import Context, Section, Stage

TITLE = "Installing the Operating System Support Packages"
PACKAGED = "/usr/share/ganeti/os"
APT_HELPER = "/usr/lib/apt/apt-helper"


@operation
def package_file(system: OperatingSystem) -> Iterator[str | FileUploadCommand]:
    """The OS definition of a .deb file, from the runner's disk or from a URL, is installed.

    Raises:
        SiteError: the file is not on the runner.
    """
    states = host.get_fact(Lines, text=owner_states(f"{PACKAGED}/{system.name}"))
    if any(state.strip() in INSTALLED for state in states):
        return
    if host.get_fact(DpkgFacts).interrupted:
        yield REPAIR
    digest = hashlib.sha256(system.source.encode()).hexdigest()[:16]
    place = f"/var/cache/apt/{system.name}-{digest}.deb"
    if system.source.startswith(("http://", "https://")):
        yield f"{APT_HELPER} download-file {quote(system.source)} {place}"
    else:
        if not Path(system.source).is_file():
            raise SiteError(
                f"os.{system.name}: {system.source!r} is no file on this machine, and no "
                f"'package:NAME' or URL either."
            )
        yield FileUploadCommand(system.source, place)
    yield f"{INSTALL} --no-install-recommends {place}"
    yield f"rm {place}"


@operation
def runnable(paths: Iterable[str]) -> Iterator[str]:
    """These files may be executed."""
    for path in host.get_fact(Lines, text=failing("-x", paths)):
        yield f"chmod +x {quote(path)}"


@operation
def directories(paths: Iterable[str]) -> Iterator[str]:
    """These directories are there."""
    for path in host.get_fact(Lines, text=failing("-d", paths)):
        yield f"mkdir -p {quote(path)}"


class Built(io.BytesIO):
    """A package file made here; its name is how anybody makes it."""

    def __repr__(self) -> str:
        """What a reader of the plan can do."""
        return "what `python -m provision guest build` makes"


@operation
def probe_package() -> Iterator[str | FileUploadCommand]:
    """The project's own package is installed, in the version that its files here make."""
    if probe.version() in host.get_fact(Lines, text=version_of(probe.NAME)):
        return
    if host.get_fact(DpkgFacts).interrupted:
        yield REPAIR
    with tempfile.TemporaryDirectory() as directory:
        made = Built(probe.build(Path(directory)).read_bytes())
    place = f"/var/cache/apt/{probe.NAME}.deb"
    yield FileUploadCommand(made, place)
    yield f"{INSTALL} --no-install-recommends --allow-downgrades {place}"
    yield f"rm {place}"


def version_of(package: str) -> str:
    """Shell text: the version of a package that is installed and configured, else nothing."""
    return (
        f"dpkg-query -W -f '${{db:Status-Abbrev}} ${{Version}}\\n' {quote(package)} 2>/dev/null"
        " | sed -n 's/^[ih]i  *//p'"
    )


def owner_states(path: str) -> str:
    """Shell text: the state of each package that a path comes from, nothing if from none."""
    return (
        f"p=$(dpkg-query -S {quote(path)} 2>/dev/null | sed 's/: .*//; s/,//g'); "
        "[ -z \"$p\" ] || dpkg-query -W -f '${db:Status-Abbrev}\\n' $p"
    )


def failing(test: str, paths: Iterable[str]) -> str:
    """Shell text: those of the paths for which a test of the shell fails."""
    return "; ".join(f"[ {test} {quote(path)} ] || echo {quote(path)}" for path in paths) or "true"


def image_files(image: Image) -> None:
    """What ganeti-instance-image reads is what the site says."""
    places = sorted({path.rpartition("/")[0] for path in image.files})
    directories(places, name="The directories of image's network files are there")
    for path, content in image.files.items():
        text_file(path, content, name=f"{path} is the site's")
    runnable(
        [f"{DIRECTORY}/hooks/{hook}" for hook in image.hooks],
        name="The hooks of image are executable",
    )


def doubles(directory: str, packaged: str) -> str:
    """Shell text: links in a directory to a packaged definition of the same name.

    A link of another name is an alias, which Ganeti takes for a definition of its own.
    """
    return (
        f"for l in {directory}/*; do [ ! -L $l ] || case $(readlink -f $l) in "
        f"{packaged}/${{l##*/}}) echo $l;; esac; done"
    )


@deploy(TITLE)
def definitions(context: Context, _node: Node) -> None:
    site = context.site
    packages(
        os_packages(site),
        recommends=site.packages.recommends,
        name="Packaged OS definitions are installed",
        _timeout=limit(INSTALL_S),
    )
    for system in site.os:
        if system.source == BUILT_IN:
            probe_package(name=f"OS definition {system.name} is installed", _timeout=limit(300))
        elif not system.source.startswith(PACKAGE):
            package_file(
                system, name=f"OS definition {system.name} is installed", _timeout=limit(300)
            )
    if site.image:
        image_files(site.image)
    links = host.get_fact(Lines, text=doubles(OS_DIRECTORY, PACKAGED))
    commands(
        *(f"rm {quote(link)}" for link in links),
        name="No OS definition is in Ganeti's search path twice",
    )


SECTION = Section(
    key="os",
    title=TITLE,
    said="""\
`wget http://code.osuosl.org/…/ganeti-instance-image_0.5.1-1_all.deb`, `dpkg -i …`, \
`apt-get install ganeti-instance-debootstrap`, and links to both in `/srv/ganeti/os`.""",
    today="""\
Definitions that Debian packages come from there, others (ganeti-instance-image) from the path \
or URL that the site names. No links; links of this kind are removed, aliases stay. \
Settings, hooks, subnets and addresses of `image` are those of the site's `[image]`.""",
    differs="""\
Ganeti 3.0 searches `/usr/share/ganeti/os` itself; with the notes' links beside it, it finds \
each definition twice and takes it for invalid (ENODEOS, "multiple entries"). \
ganeti-instance-image is packaged nowhere that can be relied on.""",
    stages=(Stage("all", definitions),),
)
