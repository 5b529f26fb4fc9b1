from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from gntverify import guests
from gntverify.cluster import Cluster, Node
from gntverify.compare import difference
from gntverify.errors import CommandFailed, ParseError
from gntverify.evidence import Answer
from gntverify.facts import lvm, network
from gntverify.ganeti import daemons, instances, kvm, nodes
from gntverify.ganeti.instances import Nic
from gntverify.ganeti.ssconf import Ssconf
from gntverify.site import Site, default_site, load_site
from gntverify.transport.replay import Replay

LAB = load_site(Path(__file__).parents[2] / "sites" / "lab.toml")
SITE = LAB.model_copy(
    update={
        "instances": [
            one.model_copy(update={"hypervisor_parameters": {}}) for one in LAB.instances
        ]
    }
)
"""The lab's, but for the kernel of its probe guests: those of these samples boot their own."""
VM1 = "vm1.gnt.example"
NODE = "node1.gnt.example"
TAP = (
    '{"ifname": "tap0", "flags": ["UP", "LOWER_UP"], "mtu": 1500, "master": "xen-br0", '
    '"linkinfo": {"info_kind": "tun"}}'
)
LV = (
    '{"lv_name": "2379a162-8faf-4e0d-8dc3-34e1544d1b67.disk0_data", "vg_name": "xenvg", '
    '"lv_size": "1073741824", "lv_tags": "originstname+vm1.gnt.example", '
    '"vg_extent_size": "4194304"}'
)
META = LV.replace("disk0_data", "disk0_meta").replace("1073741824", "134217728")
GOOD: Mapping[Sequence[str], str] = {
    network.LINKS: f"[{TAP}]",
    lvm.LVS: f'{{"report": [{{"lv": [{LV}, {META}]}}]}}',
    daemons.LISTENERS: "tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n",
    tuple(kvm.WRAPPER): "program\n",
    tuple(kvm.TAPS): f"> {kvm.RUN_DIR}/nic/{VM1}/0\n| tap0\n",
    tuple(kvm.PROCESSES): (
        f"> {VM1} 3414 kvm\n| -name {VM1}\n| -m 128\n| -serial unix:/x.serial\n| -cpu host\n"
    ),
}


@pytest.fixture
def undescribed() -> Site:
    """No site file at all."""
    return default_site()


@pytest.fixture
def good(samples: SimpleNamespace, members: Callable[[str], str]) -> dict[tuple[str, ...], str]:
    """What node1 answers: vm1 runs on it, as declared."""
    answers = {tuple(argv): text for argv, text in GOOD.items()}
    return answers | {
        instances.COMMAND: samples.INSTANCES,
        instances.LIVE: samples.LIVE,
        nodes.COMMAND: members("MCR"),
    }


def _cluster(answers: Mapping[tuple[str, ...], str]) -> Cluster:
    told = [Answer("node1", argv, 0, text, "", 0.0, 0.1) for argv, text in answers.items()]
    node = Node(NODE, "node1", Replay("node1", told), Ssconf({}))
    return Cluster((node,), (), node)


def _with(
    good: Mapping[tuple[str, ...], str], command: Sequence[str], old: str, new: str
) -> Cluster:
    """The cluster in which one answer is another."""
    assert old in good[tuple(command)]
    return _cluster(dict(good) | {tuple(command): good[tuple(command)].replace(old, new)})


def _differs(tables: guests.Tables) -> str:
    want, have = tables
    return difference(want, have)


def _all(cluster: Cluster, site: Site) -> list[str]:
    here, node = cluster.primaries(NODE), cluster.master
    tables = [
        guests.consoles(here, node, site),
        guests.processors(here, node, site),
        guests.boots(here, node, site),
        guests.cards(here, node, site),
        guests.states(here, cluster.live),
        guests.volumes(node, cluster),
    ]
    return [told for told in map(_differs, tables) if told]


def test_an_instance_as_declared_differs_in_nothing(
    good: dict[tuple[str, ...], str], undescribed: Site
) -> None:
    cluster = _cluster(good)
    for site in (SITE, undescribed):
        assert _all(cluster, site) == []
    assert guests.openings(cluster.master, cluster) == []
    assert guests.lost_files(cluster.master, cluster) == {}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("-cpu host", "-cpu qemu64", "cpu qemu64 in KVM, expected cpu host in KVM"),
        ("3414 kvm", "3414 emulated", "cpu host emulated, KVM is lost"),
        ("-cpu host", "-vnc 127.0.0.1:1\n| -cpu host", "VNC on and serial console on"),
        ("-serial unix:/x.serial", "-serial none", "serial console off"),
        (
            "-m 128",
            "-drive file=/a.iso,media=cdrom",
            "CD, as it runs, is /a.iso, expected nothing",
        ),
        (
            "-m 128",
            "-kernel /boot/vmlinuz",
            "kernel, as it runs, is /boot/vmlinuz, expected empty",
        ),
    ],
)
def test_what_runs_otherwise_than_it_is_set_is_told(
    old: str, new: str, told: str, good: dict[tuple[str, ...], str], undescribed: Site
) -> None:
    cluster = _with(good, kvm.PROCESSES, old, new)
    for site in (SITE, undescribed):
        assert [told in line for line in _all(cluster, site)] == [True]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("|disk|||||||\n", "|cdrom|||||||\n", "boot_order is cdrom, expected disk"),
        ("|N|N|host|||disk", "|N|N|qemu64|||disk", f"{VM1} is cpu qemu64, expected cpu host"),
        ("|disk|||||||\n", "|disk||||127.0.0.1|||\n", f"{VM1} is VNC on"),
    ],
)
def test_only_a_site_can_declare_how_instances_are_set(
    old: str, new: str, told: str, good: dict[tuple[str, ...], str], undescribed: Site
) -> None:
    cluster = _with(good, instances.COMMAND, old, new)
    assert any(told in line for line in _all(cluster, SITE))
    assert not any(told in line for line in _all(cluster, undescribed))


def test_with_vnc_off_the_serial_console_is_wanted_by_anybody(
    good: dict[tuple[str, ...], str], undescribed: Site
) -> None:
    cluster = _with(good, instances.COMMAND, "|None|Y|N|N|", "|None|N|N|N|")
    have = _differs(guests.consoles(cluster.primaries(NODE), cluster.master, undescribed))
    assert have == (
        f"{VM1} is VNC off and serial console off, expected VNC off and serial console on"
    )


def test_an_exception_of_the_site_is_what_is_wanted(good: dict[tuple[str, ...], str]) -> None:
    parameters = {"vnc_bind_address": "127.0.0.1", "serial_console": "false"}
    own = SITE.instance(VM1).model_copy(update={"hypervisor_parameters": parameters})
    site = SITE.model_copy(update={"instances": [own]})
    assert site.declared(VM1, "kvm")["cpu_type"] == "host"
    have = _differs(guests.consoles(_cluster(good).primaries(NODE), _cluster(good).master, site))
    assert f"{VM1} is VNC off and serial console on, expected VNC on" in have


@pytest.mark.parametrize(
    "wrapper", ["script\n", "program\nlocal diversion of /usr/bin/kvm to /x\n"]
)
def test_under_a_wrapper_only_a_running_instance_tells(
    wrapper: str, good: dict[tuple[str, ...], str]
) -> None:
    told = dict(good) | {tuple(kvm.WRAPPER): wrapper}
    cluster = _cluster(told)
    here = cluster.primaries(NODE)
    assert _differs(guests.processors(here, cluster.master, SITE)) == ""
    assert guests.ways(cluster.master) == f"{VM1}: in KVM"
    idle = _cluster(told | {tuple(kvm.PROCESSES): ""})
    assert guests.ways(idle.master) == "no instance runs there"
    with pytest.raises(CommandFailed, match="no instance runs"):
        guests.processors(here, idle.master, SITE)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"master": "xen-br0"', '"master": "xen-br1"', "taps on is xen-br1, expected xen-br0"),
        ('"master": "xen-br0", ', "", "taps on is no bridge, expected xen-br0"),
        ('"tap0"', '"tap1"', "taps on is no tap, expected xen-br0"),
    ],
)
def test_a_tap_elsewhere_is_told(
    old: str, new: str, told: str, good: dict[tuple[str, ...], str]
) -> None:
    cluster = _with(good, network.LINKS, old, new)
    assert told in _differs(guests.cards(cluster.primaries(NODE), cluster.master, SITE))


def test_a_mac_is_given_once(good: dict[tuple[str, ...], str]) -> None:
    cluster = _with(good, instances.COMMAND, "aa:00:00:75:a9:2f", "aa:00:00:ea:56:6f")
    have = guests.shared_macs(cluster.primaries(NODE), cluster)
    assert have == {"aa:00:00:ea:56:6f": "vm1.gnt.example and vm2.gnt.example"}
    assert guests.shared_macs(cluster.primaries(NODE), _cluster(good)) == {}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("|Y|128|1\n", "|N|-|-\n", "stopped, expected running with 128 MiB and 1 CPU(s)"),
        ("|Y|128|1\n", "|Y|64|1\n", "running with 64 MiB and 1 CPU(s), expected running with 128"),
        ("|Y|128|1\n", "|Y|128|2\n", "2 CPU(s), expected running with 128 MiB and 1 CPU(s)"),
        ("|drbd|up|", "|drbd|down|", "running with 128 MiB and 1 CPU(s), expected stopped"),
    ],
)
def test_a_state_that_is_not_the_one_set_is_told(
    old: str, new: str, told: str, good: dict[tuple[str, ...], str]
) -> None:
    command = instances.COMMAND if old in good[instances.COMMAND] else instances.LIVE
    cluster = _with(good, command, old, new)
    assert told in _differs(guests.states(cluster.primaries(NODE), cluster.live))


def test_memory_may_lie_between_its_bounds(good: dict[tuple[str, ...], str]) -> None:
    cluster = _with(good, instances.COMMAND, "|1024|128|128|1|", "|1024|64|256|1|")
    assert _differs(guests.states(cluster.primaries(NODE), cluster.live)) == ""


def test_what_a_node_did_not_tell_is_unknown(good: dict[tuple[str, ...], str]) -> None:
    cluster = _with(good, instances.LIVE, "|Y|128|1\n", "|?|?|?\n")
    with pytest.raises(CommandFailed, match="vm1"):
        guests.states(cluster.primaries(NODE), cluster.live)


def test_what_is_in_one_list_only_is_unknown(good: dict[tuple[str, ...], str]) -> None:
    cluster = _with(good, instances.LIVE, f"{VM1}|Y|128|1\n", "")
    with pytest.raises(ParseError, match=f"{VM1} came or went"):
        guests.states(cluster.primaries(NODE), cluster.live)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("1073741824", "536870912", "512 MiB, expected 1024 MiB"),
        ("disk0_data", "disk1_data", "nothing, expected 1024 MiB"),
        ("originstname+vm1", "originstname+vm2", "nothing, expected 1024 MiB"),
        ("disk0_meta", "disk0_data", "1024 MiB, 128 MiB, expected 1024 MiB"),
    ],
)
def test_a_volume_of_another_size_is_told(
    old: str, new: str, told: str, good: dict[tuple[str, ...], str]
) -> None:
    cluster = _with(good, lvm.LVS, old, new)
    have = _differs(guests.volumes(cluster.master, cluster))
    assert sorted(told.split(", ")) == sorted(have.removeprefix(f"{VM1} disk 0 is ").split(", "))


def test_files_are_wanted_on_every_node_of_the_instance(
    good: dict[tuple[str, ...], str],
) -> None:
    path = "/boot/vmlinuz-3-kvmU"
    told = good[instances.COMMAND].replace("|host|||disk", f"|host|{path}||disk")
    stat = {tuple(kvm.stat([path])): f"absent {path}\n"}
    cluster = _cluster(dict(good) | {instances.COMMAND: told} | stat)
    assert guests.lost_files(cluster.master, cluster) == {f"{VM1} kernel_path": path}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"template": "plain", "secondaries": ()}, "plain, one copy on node1.gnt.example"),
        ({"secondaries": ("node9.gnt.example",)}, "node9.gnt.example: no node of the cluster"),
        ({"secondaries": ()}, "drbd without a secondary"),
        ({"template": "rbd", "secondaries": ()}, ""),
    ],
)
def test_what_cannot_fail_over_says_why(
    change: dict[str, object], told: str, good: dict[tuple[str, ...], str]
) -> None:
    cluster = _cluster(good)
    cluster.__dict__["_fact_instances"] = (
        {VM1: replace(cluster.instances[VM1], **change)},  # type: ignore[arg-type] # any field
        [],
    )
    assert guests.stands(VM1, cluster) == told
    assert guests.stands("vm9", cluster) == "no such instance"


@pytest.mark.parametrize(("role", "told"), [("D", "drained"), ("O", "offline"), ("R", "")])
def test_a_mirror_on_a_node_out_of_service_is_none(
    role: str, told: str, good: dict[tuple[str, ...], str]
) -> None:
    cluster = _with(good, nodes.COMMAND, "node2.gnt.example|C|", f"node2.gnt.example|{role}|")
    assert guests.stands(VM1, cluster) == (f"node2.gnt.example: {told}" if told else "")


def test_screens_and_sockets_for_strangers_are_told(good: dict[tuple[str, ...], str]) -> None:
    told = dict(good)
    told[tuple(kvm.PROCESSES)] += "| -vnc :5100\n"
    told[daemons.LISTENERS] += (
        'tcp LISTEN 0 1 0.0.0.0:11000 0.0.0.0:* users:(("kvm",pid=3414,fd=9))\n'
        'tcp LISTEN 0 1 0.0.0.0:4444 0.0.0.0:* users:(("kvm",pid=3414,fd=8))\n'
        'tcp LISTEN 0 1 127.0.0.1:4445 0.0.0.0:* users:(("kvm",pid=3414,fd=7))\n'
    )
    told[instances.COMMAND] = told[instances.COMMAND].replace(
        "|disk|||||||\n", "|disk||||192.0.2.1|/etc/vnc.pw||\n", 1
    )
    told[tuple(kvm.stat(["/etc/vnc.pw"]))] = "> 644 root /etc/vnc.pw\n"
    cluster = _cluster(told)
    assert guests.openings(cluster.master, cluster) == [
        f"{VM1}: VNC on any:11000 without password and TLS",
        f"{VM1}: tcp 0.0.0.0:4444 is open",
        f"{VM1}, from its next start: VNC on 192.0.2.1 without TLS",
        "/etc/vnc.pw is 644 root",
    ]


def test_a_card_names_its_mode_and_link() -> None:
    assert str(Nic("routed", "main", "aa:00:00:00:00:01", "")) == "routed main"
