"""The lab's own package mirror: everything the notes' ``apt-get`` steps need, fetched once.

It is a Debian repository of one suite, unsigned, for ``deb [trusted=yes] … bookworm main``. The
package files come from the host's own mirror through a private apt, which checks them against
Debian's signatures; the plain image is made from the same files.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from gntverify.errors import SiteError
from provision.lab.apt import Deb, PrivateApt, host_sources
from provision.lab.cache import cache_dir, held
from provision.lab.packages import GUESTS, NODE, SUITE
from provision.lab.reporting import Reporting

HOST = "mirror.gnt.example"
PORT = 8080
FORMAT = 3
"""Raised when the layout of the mirror changes."""


def source_line() -> str:
    """The line of a node's ``sources.list``."""
    return f"deb [trusted=yes] http://{HOST}:{PORT}/ {SUITE} main"


def mirror_key() -> str:
    """What the mirror is made of: suite, package lists and layout."""
    text = json.dumps([FORMAT, SUITE, sorted(NODE), GUESTS])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def ensure_mirror(progress: Reporting) -> Path:
    """The directory to be served as ``http://mirror.gnt.example:8080/``.

    Raises:
        SiteError: the host's apt knows no source for the release.
        CommandFailed: packages could not be had; the message carries apt's own words.
    """
    home = cache_dir("mirror") / mirror_key()
    with held("mirror", progress.note):
        if not (home / "dists" / SUITE / "Release").exists():
            with progress.step("fetch the packages of the lab's mirror"):
                _fetch(home)
    return home


def versions(mirror: Path) -> str:
    """The mirror's index: one stanza a package, the version of each in it."""
    return (mirror / "dists" / SUITE / "main/binary-amd64/Packages").read_text()


def kernel_package(progress: Reporting) -> Path:
    """The package file of the kernel that the nodes run.

    Raises:
        SiteError: the mirror has none.
    """
    mirror = ensure_mirror(progress)
    found = sorted(mirror.glob("pool/linux-image-[0-9]*.deb"))
    if not found:
        raise SiteError(f"The mirror at '{mirror}' has no kernel; remove it and try again.")
    return found[-1]


def _fetch(home: Path) -> None:
    apt = PrivateApt(cache_dir("mirror", "apt"), host_sources(SUITE))
    apt.prepare()
    apt.update()
    wanted = apt.closure([*NODE, *_base(apt.available())])
    wanted |= apt.closure(GUESTS)  # by themselves: a node has usrmerge, and can have one of both
    debs = apt.download(wanted)
    new = home.with_name(f"{home.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    (new / "pool").mkdir(parents=True)
    for deb in debs:
        _link(deb.path, new / place(deb))
    write_index(new, debs)
    shutil.rmtree(home, ignore_errors=True)
    new.rename(home)


def _base(index: str) -> tuple[str, ...]:
    """Packages no Debian is without: essential ones, those of priority required, apt itself."""
    found = ["apt"]
    for stanza in index.split("\n\n"):
        if re.search(r"^(Essential: yes|Priority: required)$", stanza, re.MULTILINE):
            name = re.search(r"^Package: (\S+)$", stanza, re.MULTILINE)
            if name:
                found.append(name.group(1))
    return tuple(dict.fromkeys(found))


def _link(source: Path, target: Path) -> None:
    """A second name where the file system allows it, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def place(deb: Deb) -> str:
    """Where the mirror has it: without the epoch, as Debian's pool.

    apt writes ``1:`` as ``1%3a``, and debootstrap asks for that as it is, which means ``1:``.
    """
    return "pool/" + re.sub(r"_[0-9]+%3a", "_", deb.path.name)


def index(debs: Iterable[Deb]) -> str:
    """The ``Packages`` file: Debian's own stanzas, with the place of the file in this mirror."""
    stanzas = (
        re.sub(r"^Filename: .*$", f"Filename: {place(deb)}", deb.stanza, flags=re.MULTILINE)
        for deb in sorted(debs, key=lambda deb: deb.name)
    )
    return "".join(f"{stanza.strip()}\n\n" for stanza in stanzas)


def write_index(mirror: Path, debs: Iterable[Deb]) -> None:
    """Write ``Packages`` and ``Release`` of the one suite."""
    directory = mirror / "dists" / SUITE
    (directory / "main/binary-amd64").mkdir(parents=True)
    text = index(debs).encode()
    files = {
        "main/binary-amd64/Packages": text,
        "main/binary-amd64/Packages.gz": gzip.compress(text, mtime=0),
    }
    for name, content in files.items():
        (directory / name).write_bytes(content)
    (directory / "Release").write_text(release(files))


def release(files: dict[str, bytes]) -> str:
    """The ``Release`` file of the suite over these index files."""
    head = {
        "Origin": "gntverify",
        "Label": "gntverify",
        "Suite": SUITE,
        "Codename": SUITE,
        "Date": "Thu, 01 Jan 2026 00:00:00 UTC",
        "Architectures": "amd64",
        "Components": "main",
    }
    sums = "".join(
        f" {hashlib.sha256(content).hexdigest()} {len(content)} {name}\n"
        for name, content in files.items()
    )
    return "".join(f"{key}: {value}\n" for key, value in head.items()) + f"SHA256:\n{sums}"
