"""What the deploys plan: for a new node, for one that is done, for one that must be left alone."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gntverify.errors import SiteError, TargetRefused
from gntverify.site import Site, load_site
from provision.cluster import cluster
from provision.inventory import check_site
from provision.notes import SECTIONS
from provision.notes._facts import REBOOT_MARKER, Bridge, Disks
from provision.notes._ganeti import (
    Parameters,
    parse_hypervisor_parameters,
)
from provision.notes.s01_base import refuse_other_layout
from provision.notes.s02_network import bridge_commands, refuse_other_file
from provision.notes.s03_sysctl import content_of, deviating, with_interfaces
from provision.notes.s04_locale import locale_commands, zone_commands
from provision.notes.s09_drbd import filter_commands, module_commands
from provision.notes.s12_init import INIT, UNWATCHED, init_arguments, init_command
from provision.notes.s15_hypervisor import differing, parameters_of
from provision.runbook import render
from provision.section import Change, Context

ROOM = Path(__file__).parents[2]
INFO = """\
Cluster name: clust1.gnt.example
Hypervisor parameters:
  kvm:
    cpu_type: host
    kernel_path:
    serial_console: True
    vnc_bind_address:
  fake:
    migration_mode: live
OS-specific hypervisor parameters:
  debootstrap:
    kvm:
      cpu_type: qemu64
""".splitlines()


@pytest.fixture
def site() -> Site:
    return load_site(ROOM / "sites" / "lab.toml")


def done(site: Site) -> Disks:
    devices = site.storage.physical_volumes
    return Disks(
        dict.fromkeys(devices, "LVM2_member"),
        dict.fromkeys(devices, "xenvg"),
        ("/dev/md1", "ext4", "rw,relatime,errors=remount-ro"),
        frozenset(site.storage.swaps),
    )


def test_the_runbook_is_what_the_deploys_say(site: Site) -> None:
    committed = (ROOM / "docs" / "runbook.md").read_text(encoding="utf-8")
    assert committed == render(site), "run `python -m provision runbook > docs/runbook.md`"


def test_every_step_of_a_new_cluster_is_in_the_runbook(site: Site) -> None:
    text = render(site)
    words = ("vgcreate xenvg", "ifup --force xen-br0", "systemctl reboot", "gnt-cluster init")
    for word in (
        *words,
        "stop ganeti-rapi",
        "start ganeti-confd",
        "RAPI_",
        "ganeti-watcher --rapi-ip",
    ):
        assert word in text
    assert text.count("gnt-node add") >= len(site.nodes) - 1
    assert "ln -s /usr/share/ganeti/os" not in text  # trap 15


def test_sections_have_keys_and_titles_of_their_own() -> None:
    assert len({section.key for section in SECTIONS}) == len(SECTIONS) == 15
    assert len({section.title for section in SECTIONS}) == len(SECTIONS)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"root": ("/dev/sda1", "ext4", "rw,errors=remount-ro")}, "/ is ext4 on /dev/sda1"),
        ({"root": ("/dev/md1", "ext4", "rw")}, "without errors=remount-ro"),
        ({"swaps": frozenset({"/dev/sda2"})}, "swap /dev/sdb2 is not active"),
        ({"signatures": {"/dev/sda5": "ext4"}, "groups": {}}, "/dev/sda5 is no blank partition"),
        ({"signatures": {"/dev/sda5": "missing"}, "groups": {}}, "/dev/sda5 is not there"),
        ({"groups": {"/dev/sda5": "other", "/dev/sdb5": "xenvg"}}, "volume group 'other'"),
    ],
)
def test_a_node_with_other_disks_is_left_alone(
    site: Site, change: dict[str, Any], words: str
) -> None:
    have = done(site)
    values = {name: getattr(have, name) for name in ("signatures", "groups", "root", "swaps")}
    with pytest.raises(TargetRefused, match="Base System Setup: on 'node1'") as caught:
        refuse_other_layout("node1", site.storage, Disks(**{**values, **change}))
    assert words in str(caught.value)


def test_a_node_with_the_sites_disks_is_taken(site: Site) -> None:
    refuse_other_layout("node1", site.storage, done(site))
    refuse_other_layout("node1", site.storage, Disks(root=done(site).root, swaps=done(site).swaps))


PORT, ADDRESS = frozenset({"eth0.2186"}), frozenset({"192.168.0.1/16"})


def of_bridge(site: Site, have: Bridge) -> list[str]:
    private = site.network.private
    assert private.network
    return bridge_commands(site.nodes[0], private, private.network, have)


def test_the_bridge_is_left_alone_when_right_and_made_when_missing(site: Site) -> None:
    assert of_bridge(site, Bridge(True, PORT | {"tap0"}, ADDRESS, "0", "0", member=True)) == []
    assert of_bridge(site, Bridge(member=True)) == ["ifup --force xen-br0"]
    again = ["ifdown --force xen-br0; ifup --force xen-br0"]
    assert of_bridge(site, Bridge(True, frozenset(), ADDRESS, "0", "0")) == again


def test_stp_and_delay_are_set_on_the_running_bridge(site: Site) -> None:
    have = Bridge(True, PORT | {"tap0"}, ADDRESS, "1", "1500", member=True)
    at = "/sys/class/net/xen-br0/bridge"
    assert of_bridge(site, have) == [f"echo 0 > {at}/stp_state", f"echo 0 > {at}/forward_delay"]


@pytest.mark.parametrize(
    ("have", "words"),
    [
        (Bridge(True, PORT | {"tap0"}, frozenset(), "0", "0"), r"in use \(tap0\)"),
        (Bridge(True, PORT, frozenset({"10.0.0.1/8"}), "0", "0"), r"in use \(10\.0\.0\.1/8\)"),
        (Bridge(True, PORT, frozenset(), "0", "0", member=True), "the node is in a cluster"),
        (Bridge(True, uplinks=frozenset({"xen-br0"})), "this session or the default route"),
        (Bridge(uplinks=frozenset({"eth0", "eth0.2186"})), "goes over eth0.2186"),
    ],
)
def test_a_bridge_in_use_is_not_taken_down(site: Site, have: Bridge, words: str) -> None:
    with pytest.raises(TargetRefused, match=words):
        of_bridge(site, have)


def test_a_bridge_of_a_sourced_file_is_refused() -> None:
    refuse_other_file("node1", "xen-br0", ())
    with pytest.raises(TargetRefused, match=r"defined in '/etc/network/interfaces\.d/br'"):
        refuse_other_file("node1", "xen-br0", ("interfaces.d/br",))


def test_sysctl_of_default_reaches_the_interfaces_there_are(site: Site) -> None:
    values = with_interfaces(site.parameters)
    assert values["net.ipv4.conf.*.rp_filter"] == 0
    have = {key.replace(".", "/"): str(value) for key, value in site.parameters.items()}
    assert deviating(values, have) == set()
    eth0 = "net/ipv4/conf/eth0/rp_filter"
    assert deviating(values, {**have, eth0: "2"}) == {eth0}
    assert deviating(values, {}) >= {"net/ipv4/ip_forward"}


def test_an_interface_of_sysctl_is_neither_all_nor_one_with_a_value_of_its_own() -> None:
    conf = "net/ipv4/conf"
    own = {"net.ipv4.conf.default.proxy_arp": 0, "net.ipv4.conf.eth0/2186.proxy_arp": 1}
    values = with_interfaces(own)
    assert content_of(values).endswith("-net.ipv4.conf.all.proxy_arp\n")
    have = {f"{conf}/{name}/proxy_arp": "0" for name in ("all", "default", "eth0", "eth0.2186")}
    have |= {f"{conf}/all/proxy_arp": "1", f"{conf}/eth0.2186/proxy_arp": "1"}
    assert deviating(values, have) == set()
    assert deviating(values, {**have, f"{conf}/eth0/proxy_arp": "1"}) == {f"{conf}/eth0/proxy_arp"}


def test_locale_and_zone_change_only_what_differs(site: Site) -> None:
    have = [("have", "C"), ("have", "en_US.utf8"), ("lang", "en_US.UTF-8")]
    assert locale_commands(site.time, have) == []
    assert "locale-gen" in locale_commands(site.time, have[:1])[0]
    zones = "/usr/share/zoneinfo/"
    assert zone_commands(site.time, [("zone", f"{zones}Etc/UTC")]) == []
    assert zone_commands(site.time, [("zone", f"{zones}Europe/Paris")])


def test_a_module_in_use_is_not_reloaded(site: Site) -> None:
    right = {"loaded": "yes", "minor_count": "128", "usermode_helper": "/bin/true", "minors": "2"}
    assert module_commands("node1", site.drbd, right) == []
    assert module_commands("node1", site.drbd, {}) == ["modprobe drbd"]
    few = {**right, "minor_count": "32"}
    assert module_commands("node1", site.drbd, {**few, "minors": "0"})[0] == "rmmod drbd"
    with pytest.raises(TargetRefused, match="2 of its minors are in use"):
        module_commands("node1", site.drbd, few)


def test_lvms_filter_is_set_where_there_is_none() -> None:
    rules = ["r|/dev/drbd[0-9]+|"]
    for have in ((), ('global_filter=["a|.*|"]',)):
        command = filter_commands("node1", rules, have)[0]
        assert r'&\n\tglobal_filter = [ "r|/dev/drbd[0-9]+|" ]' in command
    assert filter_commands("node1", [], ()) == []
    for right in ('"r|/dev/drbd[0-9]+|"', '["r|loop|","r|/dev/drbd[0-9]+|","a|.*|"]'):
        assert filter_commands("node1", rules, (f"global_filter={right}",)) == []


@pytest.mark.parametrize("own", ['["a|/dev/md|","r|/dev/drbd[0-9]+|"]', '"r|/dev/sr0|"'])
def test_somebodys_own_filter_is_not_rewritten(own: str) -> None:
    with pytest.raises(TargetRefused, match="on 'node1', LVM has a global_filter of its own"):
        filter_commands("node1", ["r|/dev/drbd[0-9]+|"], (f"global_filter={own}",))


def test_init_says_aloud_what_24_took_for_granted(site: Site) -> None:
    words = init_arguments(site)
    assert words[:2] == ["gnt-cluster", "init"]
    assert words[-1] == "clust1.gnt.example"
    assert "--master-netmask=16" in words
    assert "--master-netdev=xen-br0" in words
    assert "--drbd-usermode-helper=/bin/true" in words


def test_init_is_not_disturbed_by_the_watcher(site: Site) -> None:
    context = Context(site, None, "node1.gnt.example")  # type: ignore[arg-type]  # asks nobody
    command = init_command(site)
    assert command.startswith(f"{UNWATCHED} {INIT} --enabled-hypervisors=kvm")
    context.planned.append(Change("node1.gnt.example", "A step", (command,)))
    assert context.plans(INIT)


def test_what_a_dry_run_planned_is_known_by_node(site: Site) -> None:
    context = Context(site, None, "node1.gnt.example")  # type: ignore[arg-type]  # asks nobody
    assert not context.plans(REBOOT_MARKER)
    context.planned.append(Change("node1.gnt.example", "A step", (f"touch {REBOOT_MARKER}",)))
    assert context.plans(REBOOT_MARKER)
    assert context.plans(REBOOT_MARKER, "node1.gnt.example")
    assert not context.plans(REBOOT_MARKER, "node2.gnt.example")


def test_hypervisor_parameters_are_read_where_they_stand(site: Site) -> None:
    have = parse_hypervisor_parameters(INFO)
    assert have["kvm"]["cpu_type"] == "host"
    want = parameters_of(site)["kvm"]
    assert differing(want, have["kvm"]) == {}
    assert differing(want, {**have["kvm"], "cpu_type": "qemu64"}) == {"cpu_type": "host"}
    assert str(Parameters("kvm", {"a": "", "b": "1"})) == "kvm:a=,b=1"
    assert str(Parameters("kvm", {"a": "x,y", "b": "z\\"})) == r"kvm:a=x\,y,b=z\\"


def test_the_wrapper_comes_after_the_parameter_that_keeps_kvm_on() -> None:
    section = next(section for section in SECTIONS if section.key == "hypervisor")
    assert [stage.where for stage in section.stages] == ["master", "all"]


def test_a_wrong_site_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text('[network.private]\nnetwrk = "192.168.0.0/16"\n')
    result = CliRunner().invoke(cluster, ["--site", str(file)])
    assert result.exit_code == 4
    assert "netwrk" in result.output


def test_a_site_without_a_cluster_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "thin.toml"
    file.write_text('name = "thin"\n')
    result = CliRunner().invoke(cluster, ["--site", str(file)])
    assert result.exit_code == 4
    assert "nodes, cluster.name, cluster.address" in result.output


def test_a_bridge_over_the_public_interface_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "bare.toml"
    text = (ROOM / "sites" / "lab2.toml").read_text(encoding="utf-8")
    file.write_text(text.replace("vlan = 2186\n", ""))
    with pytest.raises(SiteError, match=r"network\.public\.interface is 'eth0'.*private\.vlan"):
        check_site(load_site(file), file)
    file.write_text(text.replace("vlan = 2186\n", 'interface = "eth1"\n'))
    check_site(load_site(file), file)


def test_an_unreachable_host_is_named(tmp_path: Path) -> None:
    config = tmp_path / "ssh_config"
    config.write_text("Host *\n  HostName 127.0.0.1\n  Port 1\n")
    arguments = ["--site", str(ROOM / "sites" / "lab2.toml"), "--ssh-config", str(config)]
    result = CliRunner().invoke(cluster, arguments)
    assert result.exit_code == 1
    assert "Host 'node1.gnt.example' could not be reached: ssh said" in result.output
