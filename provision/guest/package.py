"""The Debian package of the probe guest: its OS definition, its tools, its guest's program.

Its version holds a digest of all that is in it, so that a node with that version has these files.
"""

import hashlib
import os
import tempfile
from pathlib import Path

from gntverify.site.model import PROBE
from provision.lab.apt import run

NAME = PROBE
OWN = Path(__file__).parent
PLACES = {
    "os": f"usr/share/ganeti/os/{NAME}",
    "share": f"usr/share/{NAME}",
    "debian": "DEBIAN",
}
"""Folder here, and where its files go in the package."""
SERIES = 1
MADE_AT = 1767225600
"""2026-01-01, in seconds since 1970: the age of every file of the package."""
BUILD_LIMIT_S = 60.0


def version() -> str:
    """The package's version; the same for the same files, on every machine."""
    digest = hashlib.sha256(_control("").encode())
    for folder in PLACES:
        for path in _files(folder):
            content = path.read_bytes()
            digest.update(f"{folder}/{path.name} {len(content)}\n".encode() + content)
    return f"{SERIES}+{digest.hexdigest()[:12]}"


def build(directory: Path) -> Path:
    """The package file in ``directory``, made now; its bytes depend on nothing but its files.

    Raises:
        CommandFailed: dpkg-deb is not there, or refused.
        CommandTimeout: it did not end in time.
    """
    wanted = version()
    with tempfile.TemporaryDirectory(dir=directory) as work:
        tree = Path(work, "tree")
        for folder, place in PLACES.items():
            for path in _files(folder):
                _put(path.read_bytes(), tree / place / path.name)
        _put(_control(wanted).encode(), tree / PLACES["debian"] / "control")
        (tree / PLACES["share"] / "work").mkdir()  # where the scripts mount what is theirs alone
        for path in (tree, *tree.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)
            os.utime(path, (MADE_AT, MADE_AT))
        made = Path(work, f"{NAME}_{wanted}_all.deb")
        argv = ["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", str(tree), str(made)]
        run(argv, BUILD_LIMIT_S, env={**os.environ, "SOURCE_DATE_EPOCH": str(MADE_AT)})
        return made.replace(directory / made.name)


def _files(folder: str) -> list[Path]:
    """The files of a folder of this package."""
    return sorted(path for path in (OWN / folder).iterdir() if path.is_file())


def _put(content: bytes, place: Path) -> None:
    """A file that may be run if it names who runs it; nobody's umask counts."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    place.chmod(0o755 if content.startswith(b"#!") else 0o644)


def _control(wanted: str) -> str:
    return f"""\
Package: {NAME}
Version: {wanted}
Architecture: all
Maintainer: gntverify <gntverify@localhost>
Depends: bash, busybox, e2fsprogs, iproute2, kmod, util-linux
Section: admin
Priority: optional
Description: OS definition of a small guest that tells whether its data is whole
 Guests of Ganeti that are up in seconds, count their heartbeats on their own
 disk, and can be checked after a failover, a restore or a crash.
"""
