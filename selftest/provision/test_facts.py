"""What the deploys ask of a node, run by this machine's shell on files made for it."""

import subprocess
from pathlib import Path

import pytest

from provision.notes._facts import (
    BridgeFacts,
    DiskFacts,
    Dpkg,
    DpkgFacts,
    FileText,
    KernelParameters,
    RebootAsked,
)
from provision.notes._ganeti import DaemonFacts, HypervisorParameters, MembershipFacts
from provision.notes.s02_network import sourced_stanzas
from provision.notes.s04_locale import DEFAULT, LOOK
from provision.notes.s10_os import doubles, owner_states, version_of

BRIDGE = "auto xen-br0\niface xen-br0 inet static\n"


def sh(text: str, path: Path | None = None, **variables: str) -> list[str]:
    """The lines that it prints; it ends well, or the test fails."""
    env = {"PATH": f"{path}:/usr/bin:/bin:/usr/sbin:/sbin", **variables}
    argv = ["/bin/sh", "-c", text]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True, env=env)
    return done.stdout.splitlines()


def program(directory: Path, name: str, text: str) -> None:
    file = directory / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


@pytest.mark.parametrize(
    "text",
    [
        BridgeFacts().command("no-such-br0"),
        DaemonFacts().command(),
        DiskFacts().command([], []),
        FileText().command("/no/such/file", most=3),
        HypervisorParameters().command(),
        KernelParameters().command(["net.ipv4.conf.*.rp_filter"]),
        MembershipFacts().command(),
        RebootAsked().command(),
        owner_states("/no/such/file"),
        sourced_stanzas("xen-br0", "/no/such/interfaces"),
        doubles("/no/such/directory", "/no/such/other"),
        LOOK.replace(DEFAULT, "/no/such/file"),
    ],
)
def test_a_question_to_a_node_with_nothing_ends_well(text: str) -> None:
    sh(text)


def test_a_missing_locale_file_does_not_end_the_question(tmp_path: Path) -> None:
    file = tmp_path / "locale"
    look = LOOK.replace(DEFAULT, str(file))
    assert "lang" in sh(look, LANG="xx_XX")
    file.write_text("LANG=de_DE.UTF-8\n")
    assert "lang de_DE.UTF-8" in sh(look)
    assert any(line.startswith("zone /") for line in sh(look))


def test_only_the_beginning_of_a_program_is_read(tmp_path: Path) -> None:
    file = tmp_path / "kvm"
    file.write_bytes(b"#!/bin/sh\n" + b"x" * 20_000)
    assert sh(FileText().command(str(file), most=12)) == ["#!/bin/sh", "xx"]


def test_devices_have_the_sites_names(tmp_path: Path) -> None:
    (tmp_path / "sda5").touch()
    alias = tmp_path / "by-id"
    alias.symlink_to("sda5")
    program(tmp_path, "pvs", f"echo '  {tmp_path}/sda5 xenvg '; echo '  [unknown] xenvg'")
    output = sh(DiskFacts().command([str(alias)], [str(tmp_path / "swap")]), tmp_path)
    have = DiskFacts().process([*output, f"swap {tmp_path}/swap"])
    assert have.groups[str(alias)] == "xenvg"
    assert str(tmp_path / "swap") in have.swaps
    assert have.signatures == {str(alias): "missing"}
    real = ["named /dev/disk/by-id/x /dev/sda2", "swap /dev/sda2", "swap /dev/sdb2"]
    assert DiskFacts().process(real).swaps == {"/dev/disk/by-id/x", "/dev/sdb2"}


def test_the_uplinks_are_those_of_the_routes_and_of_the_session(tmp_path: Path) -> None:
    routes = "default via 192.0.2.254 dev eth0 onlink"
    program(
        tmp_path, "ip", f'case "$*" in *"-4 route"*) echo {routes};; *get*) echo $3 dev x1;; esac'
    )
    text = BridgeFacts().command("no-such-br0")
    have = BridgeFacts().process(sh(text, tmp_path, SSH_CONNECTION="10.0.0.9 4711 10.0.0.1 22"))
    assert not have.exists
    assert have.uplinks == {"eth0", "x1"}
    assert BridgeFacts().process(sh(text, tmp_path)).uplinks == {"eth0"}


@pytest.mark.parametrize(
    "source",
    ["source interfaces.d/*", "source {place}/interfaces.d/b*", "source-directory interfaces.d"],
)
def test_a_bridge_in_a_sourced_file_is_found(tmp_path: Path, source: str) -> None:
    (tmp_path / "interfaces.d").mkdir()
    (tmp_path / "interfaces.d" / "br").write_text(BRIDGE)
    (tmp_path / "interfaces.d" / "other").write_text("iface xen-br0 inet6 auto\n")
    main = tmp_path / "interfaces"
    main.write_text(f"{source.format(place=tmp_path)}\n{BRIDGE}")
    (found,) = sh(sourced_stanzas("xen-br0", str(main)))
    assert tmp_path / found == tmp_path / "interfaces.d" / "br"
    assert sh(sourced_stanzas("br1", str(main))) == []
    main.write_text(f"# {source}\n{BRIDGE}")
    assert sh(sourced_stanzas("xen-br0", str(main))) == []


@pytest.mark.parametrize(
    ("state", "want"),
    [
        ("ii ", Dpkg(frozenset({"a", "ganeti"}))),
        ("hi ", Dpkg(frozenset({"a", "ganeti"}))),
        ("rc ", Dpkg(frozenset({"a"}))),
        ("iU ", Dpkg(frozenset({"a"}), interrupted=True)),
        ("iF ", Dpkg(frozenset({"a"}), interrupted=True)),
        ("iW ", Dpkg(frozenset({"a"}), interrupted=True)),
    ],
)
def test_packages_that_dpkg_left_halfway_are_seen(state: str, want: Dpkg) -> None:
    assert DpkgFacts().process(["ii  a", f"{state} ganeti"]) == want
    assert DpkgFacts().process(["ii  a", f"{state} ganeti", "update 0001"]).interrupted


def test_an_os_definition_counts_by_the_state_of_its_package(tmp_path: Path) -> None:
    program(
        tmp_path,
        "dpkg-query",
        'case "$1" in -S) echo "image, other: $2";; -W) shift 3; printf "iF \\n%s\\n" "$*";; esac',
    )
    assert sh(owner_states("/usr/share/ganeti/os/image"), tmp_path) == ["iF ", "image other"]
    program(tmp_path, "dpkg-query", '[ "$1" = -W ] && echo "ii "; exit 1')
    assert sh(owner_states("/usr/share/ganeti/os/image"), tmp_path) == []


@pytest.mark.parametrize(
    ("state", "want"),
    [("ii  1+a", ["1+a"]), ("hi  1+a", ["1+a"]), ("iF  1+a", []), ("rc  1+a", [])],
)
def test_a_version_counts_where_its_package_is_installed(
    tmp_path: Path, state: str, want: list[str]
) -> None:
    program(tmp_path, "dpkg-query", f"echo '{state}'")
    assert sh(version_of("gntverify-probe"), tmp_path) == want


def test_only_a_link_of_the_same_name_is_a_double(tmp_path: Path) -> None:
    packaged, own = tmp_path / "packaged", tmp_path / "own"
    for place in (packaged / "debootstrap", own / "mine"):
        place.mkdir(parents=True)
    (own / "debootstrap").symlink_to(packaged / "debootstrap")
    (own / "bookworm").symlink_to(packaged / "debootstrap")
    assert sh(doubles(str(own), str(packaged))) == [str(own / "debootstrap")]
