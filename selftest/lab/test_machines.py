"""The lab's machines, without running one: plan, switch, arguments, clock, bad news."""

import struct
from pathlib import Path

import pytest

from gntverify.errors import SiteError
from gntverify.site import default_site, load_site
from provision.lab import namespace, node
from provision.lab.clockserver import UNIX_TO_NTP_S, reply
from provision.lab.keys import host_keys, known_hosts, make_keys
from provision.lab.plan import Machine, Plan, home_of, networks
from provision.lab.snapshot import place, snapshots
from provision.lab.supervisor import switch_commands
from selftest.lab.conftest import SITE


def test_the_site_makes_the_machines() -> None:
    machines, vlan, public, private = networks(load_site(SITE))
    assert [(m.short, m.address, m.port) for m in machines] == [
        ("node1", "192.0.2.1", 1),
        ("node2", "192.0.2.2", 2),
        ("node3", "192.0.2.3", 3),
    ]
    assert (vlan, public, private) == (2186, "192.0.2.254/24", "192.168.2.254/16")


def test_a_site_without_networks_is_no_lab() -> None:
    with pytest.raises(SiteError, match="is no lab: it needs network"):
        networks(default_site())


def test_a_plan_comes_back_whole(plan: Plan) -> None:
    plan.save()
    assert Plan.load(Path(plan.home)) == plan


def test_no_lab_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="There is no lab named 'nowhere'"):
        Plan.load(tmp_path / "nowhere")


def test_a_lab_of_another_version_is_one_sentence(plan: Plan) -> None:
    plan.save()
    file = plan.path("plan.json")
    file.write_text(file.read_text().replace('"source"', '"restored"'))
    with pytest.raises(SiteError, match=r"another version of this program; .* lab down --name"):
        Plan.load(Path(plan.home))


@pytest.mark.parametrize("name", ["", "..", ".x", "a/b", "/home/me", "-x", "a b", "a\n", "a" * 32])
def test_a_name_that_is_no_folders_is_refused(name: str, plan: Plan) -> None:
    with pytest.raises(SiteError, match="is no name for a lab"):
        home_of(name)
    with pytest.raises(SiteError, match="is no name for a snapshot"):
        place(plan, name)


def test_a_usual_name_is_a_folder_in_its_place(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert home_of("Lab-2_x") == tmp_path / "gntverify/labs/Lab-2_x"
    assert home_of("lab").parent.stat().st_mode & 0o077 == 0
    assert place(plan, "clean") == plan.path("snapshots", "clean")


def test_an_unknown_node_is_told_with_the_known_ones(plan: Plan) -> None:
    assert plan.machine("node2.gnt.example").short == "node2"
    with pytest.raises(SiteError, match=r"no node 'node9'; it has node1, node2, node3"):
        plan.machine("node9")


def test_the_switch_tags_the_nodes_and_not_the_runner(plan: Plan) -> None:
    commands = switch_commands(plan)
    assert commands[0] == "vlan/create 2186"
    assert "vlan/addport 2186 1" in commands  # the nodes' frames keep their tag
    assert commands[-1] == "port/setvlan 3 2186"


def test_a_machine_waits_paused_for_its_saved_state(plan: Plan) -> None:
    fresh = node.arguments(plan, plan.machines[0])
    resumed = node.arguments(plan, plan.machines[0], incoming=Path("/s/state"))
    assert resumed[: len(fresh)] == fresh
    assert resumed[len(fresh) :] == ["-S", "-incoming", "file:/s/state"]
    assert "tap,id=net0,ifname=port1,script=no,downscript=no" in fresh


def test_machines_have_addresses_of_their_own(plan: Plan) -> None:
    macs = {node.mac(plan, machine) for machine in plan.machines}
    assert len(macs) == 3
    assert all(mac.startswith("52:54:00:") for mac in macs)


@pytest.mark.parametrize(
    ("console", "news"),
    [
        ("[ 1.0] all well\nlogin: ", ""),
        ("[ 9.1] Kernel panic - not syncing: Fatal\n", "Kernel panic - not syncing: Fatal"),
        (
            "[ 9.1] BUG: kernel NULL pointer\n[ 9.2] Kernel panic - x",
            "[ 9.1] BUG: kernel NULL pointer",
        ),
        ("DEBUG: fine\n", ""),
        ("[ 9.1] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!\n", ""),
        ("[ 9.1] BUG: workqueue lockup - pool cpus=0\n", ""),
    ],
)
def test_a_panic_is_read_from_the_console(plan: Plan, console: str, news: str) -> None:
    log = plan.path("nodes", "node1", "serial.log")
    log.parent.mkdir(parents=True)
    log.write_text(console)
    assert node.bad_news(plan, plan.machines[0]) == news


def test_keys_are_pinned_under_every_name(tmp_path: Path) -> None:
    machine = Machine("node1.gnt.example", "192.0.2.1/24", "192.168.0.1", 1)
    make_keys(tmp_path / "keys", [machine])
    lines = known_hosts(tmp_path / "keys", [machine]).splitlines()
    assert len(lines) == 2
    assert all(
        line.startswith("node1,node1.gnt.example,192.0.2.1,192.168.0.1 ssh-") for line in lines
    )
    assert set(host_keys(tmp_path / "keys", machine)) == {
        "ssh_host_ed25519_key",
        "ssh_host_ed25519_key.pub",
        "ssh_host_rsa_key",
        "ssh_host_rsa_key.pub",
    }
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0


def test_the_clock_answers_a_client() -> None:
    request = struct.pack(">B39sQ", 4 << 3 | 3, b"", 0x1122334455667788)
    answer = reply(request, 1000.5)
    assert len(answer) == 48
    assert answer[0] == 4 << 3 | 4
    assert struct.unpack(">Q", answer[24:32])[0] == 0x1122334455667788
    assert struct.unpack(">II", answer[40:48]) == (1000 + UNIX_TO_NTP_S, 1 << 31)


@pytest.mark.parametrize("request_", [b"", b"\x23" * 47, b"\x24" + bytes(47)])
def test_the_clock_is_silent_to_anything_else(request_: bytes) -> None:
    with pytest.raises(ValueError, match="no SNTP request"):
        reply(request_, 0.0)


def test_a_host_without_bridges_is_told_what_to_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ip = tmp_path / "ip"
    ip.write_text("#!/bin/sh\necho RTNETLINK answers: Operation not supported >&2\nexit 2\n")
    ip.chmod(0o755)
    monkeypatch.setattr(namespace, "PATH", f"{tmp_path}:{namespace.PATH}")
    with pytest.raises(SiteError, match=r"Operation not supported.*`modprobe bridge`"):
        namespace.check_host()


def test_the_supervisor_is_known_by_being_first_in_its_namespace() -> None:
    assert namespace._is_init("Name:\tpython\nNSpid:\t4711\t1\n")
    assert not namespace._is_init("Name:\tpython\nNSpid:\t4711\n")
    assert not namespace._is_init("Name:\tpython\nNSpid:\t4711\t12\n")


def test_no_supervisor_is_found_for_a_lab_that_is_not_up(tmp_path: Path) -> None:
    assert namespace.find_init(tmp_path) is None
    assert namespace.end(tmp_path) is False


def test_a_command_enters_every_namespace() -> None:
    argv = namespace.enter(42, ["ssh", "node1"])
    assert argv[:2] == ["nsenter", "--target=42"]
    assert {"--net", "--mount", "--pid"} <= set(argv)
    assert argv[-2:] == ["ssh", "node1"]


def test_a_lab_without_snapshots_has_none(plan: Plan) -> None:
    assert snapshots(plan) == []


def test_what_an_interrupted_snapshot_left_is_none(plan: Plan) -> None:
    plan.path("snapshots", "clean").mkdir(parents=True)
    plan.path("snapshots", ".half.new").mkdir()
    assert snapshots(plan) == ["clean"]
