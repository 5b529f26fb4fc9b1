"""The seed: an archive that makes one node."""

import io
import tarfile
from ipaddress import IPv4Address, IPv4Interface

from provision.lab.seed import fw_cfg_argument, machine_id, seed_tar

KEYS = {"ssh_host_rsa_key": b"private", "ssh_host_rsa_key.pub": b"public"}


def seed(hostname: str = "node1.gnt.example") -> bytes:
    return seed_tar(
        hostname,
        IPv4Interface("192.0.2.1/24"),
        IPv4Address("192.0.2.254"),
        KEYS,
        "ssh-ed25519 AAAA runner\n",
        "192.168.0.1 node1.gnt.example node1",
        extra={"etc/motd": b"hello\n"},
    )


def members(content: bytes) -> dict[str, tuple[int, bytes]]:
    found: dict[str, tuple[int, bytes]] = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            found[member.name] = (member.mode, file.read())
    return found


def test_names_and_network_are_the_nodes() -> None:
    files = members(seed())
    assert files["etc/hostname"][1] == b"node1.gnt.example\n"
    assert files["etc/network/interfaces"][1].decode().splitlines() == [
        "auto lo",
        "iface lo inet loopback",
        "",
        "auto eth0",
        "iface eth0 inet static",
        "    address 192.0.2.1",
        "    netmask 255.255.255.0",
        "    gateway 192.0.2.254",
    ]
    hosts = files["etc/hosts"][1].decode().splitlines()
    assert "192.168.0.1 node1.gnt.example node1" in hosts
    assert "192.0.2.254\tmirror.gnt.example" in hosts


def test_packages_and_time_come_from_the_runner() -> None:
    files = members(seed())
    assert b"http://mirror.gnt.example:8080/ bookworm main" in files["etc/apt/sources.list"][1]
    chrony = files["etc/chrony/chrony.conf"][1].decode().splitlines()
    assert "makestep 1 -1" in chrony
    assert [line for line in chrony if line.startswith("server 192.0.2.254 ")]


def test_secrets_are_readable_by_root_only() -> None:
    modes = {name: mode for name, (mode, _) in members(seed()).items()}
    assert modes["etc/ssh/ssh_host_rsa_key"] == 0o600
    assert modes["root/.ssh/authorized_keys"] == 0o600
    assert modes["etc/ssh/ssh_host_rsa_key.pub"] == 0o644
    assert modes["etc/motd"] == 0o644


def test_all_belongs_to_root() -> None:
    with tarfile.open(fileobj=io.BytesIO(seed())) as archive:
        owners = {(member.uid, member.gid) for member in archive}
    assert owners == {(0, 0)}


def test_the_same_node_always_gets_the_same_seed() -> None:
    assert seed() == seed()


def test_machine_ids_differ_between_nodes_and_between_labs() -> None:
    ids = {
        machine_id("node1", {"key": b"lab a"}),
        machine_id("node2", {"key": b"lab a"}),
        machine_id("node1", {"key": b"lab b"}),
    }
    assert len(ids) == 3
    assert {len(value) for value in ids} == {32}


def test_the_seed_comes_through_the_firmware_configuration() -> None:
    assert fw_cfg_argument("/x/seed") == ["-fw_cfg", "name=opt/gntverify/seed,file=/x/seed"]
