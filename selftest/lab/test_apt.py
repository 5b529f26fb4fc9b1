"""The private apt: what it reads from apt's own words."""

import hashlib
from pathlib import Path

import pytest

from gntverify.errors import CommandFailed, CommandTimeout
from provision.lab.apt import (
    Source,
    backports_of,
    is_whole,
    parse_indextargets,
    parse_simulation,
    parse_stanzas,
    run,
)

INDEXTARGETS = """\
MetaKey: main/binary-amd64/Packages
URI: http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages
Component: main
Created-By: Packages
Release: bookworm
Repo-URI: http://mirror.example/debian/
Target-Of: deb

MetaKey: contrib/binary-amd64/Packages
Component: contrib
Created-By: Packages
Release: bookworm
Repo-URI: http://mirror.example/debian/
Target-Of: deb

MetaKey: main/i18n/Translation-en
Component: main
Created-By: Translations
Release: bookworm
Repo-URI: http://mirror.example/debian/
Target-Of: deb

MetaKey: main/source/Sources
Component: main
Created-By: Sources
Release: bookworm
Repo-URI: http://mirror.example/debian/
Target-Of: deb-src

MetaKey: main/binary-amd64/Packages
Component: main
Created-By: Packages
Release: bookworm-security
Repo-URI: http://mirror.example/security/
Target-Of: deb
"""

SIMULATION = """\
Inst libslirp0 (4.7.0-1 Debian:12.15/oldstable [amd64])
Inst libc6 [2.36-9+deb12u10] (2.36-9+deb12u14 Debian-Security:12/oldstable [amd64]) []
Inst qemu-system-x86:amd64 (1:10.0.2+ds-2~bpo12+1 Debian Backports:bookworm-backports [amd64])
Conf libslirp0 (4.7.0-1 Debian:12.15/oldstable [amd64])
"""


def test_sources_are_those_of_binary_packages() -> None:
    assert parse_indextargets(INDEXTARGETS) == (
        Source("http://mirror.example/debian/", "bookworm", ("main", "contrib")),
        Source("http://mirror.example/security/", "bookworm-security", ("main",)),
    )


def test_backports_come_from_the_mirror_of_the_release() -> None:
    source = backports_of(parse_indextargets(INDEXTARGETS), "bookworm")
    assert source.line() == "deb http://mirror.example/debian/ bookworm-backports main"


def test_a_simulation_names_what_would_be_installed_and_in_which_version() -> None:
    assert parse_simulation(SIMULATION) == {
        "libslirp0": "4.7.0-1",
        "libc6": "2.36-9+deb12u14",
        "qemu-system-x86": "1:10.0.2+ds-2~bpo12+1",
    }


def test_stanzas_are_found_by_name_and_version() -> None:
    text = "Package: a\nVersion: 1:2\nSize: 3\n\nPackage: b\nVersion: 4\n\n\n"
    stanzas = parse_stanzas(text)
    assert stanzas == {
        ("a", "1:2"): "Package: a\nVersion: 1:2\nSize: 3",
        ("b", "4"): "Package: b\nVersion: 4",
    }


@pytest.mark.parametrize(("content", "whole"), [(b"deb", True), (b"de", False), (b"bad", False)])
def test_a_package_file_counts_when_it_is_what_the_index_has(
    content: bytes, whole: bool, tmp_path: Path
) -> None:
    stanza = f"Package: a\nSize: 3\nSHA256: {hashlib.sha256(b'deb').hexdigest()}"
    file = tmp_path / "a.deb"
    assert not is_whole(file, stanza)
    file.write_bytes(content)
    assert is_whole(file, stanza) is whole


def test_a_failing_command_is_named_with_what_it_said() -> None:
    with pytest.raises(CommandFailed, match=r"ended with status 3: no such thing"):
        run(["sh", "-c", "echo no such thing >&2; exit 3"], 5.0)


def test_a_missing_program_is_named() -> None:
    with pytest.raises(CommandFailed, match="'gntverify-no-such-program' is not installed"):
        run(["gntverify-no-such-program"], 5.0)


def test_a_command_is_stopped_at_its_limit() -> None:
    with pytest.raises(CommandTimeout, match="was stopped"):
        run(["sleep", "60"], 0.2)
