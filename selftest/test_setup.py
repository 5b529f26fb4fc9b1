from pathlib import Path

import pytest

from gntverify.errors import ParseError
from gntverify.ganeti.info import Info, parse_info
from gntverify.setup import declared, told
from gntverify.site import Site, load_site

LAB = load_site(Path(__file__).parents[1] / "sites" / "lab.toml")
INFO = """\
Cluster name: clust1.gnt.example
Default hypervisor: kvm
Enabled hypervisors: kvm
Hypervisor parameters:
  kvm:
    cpu_type: host
    kernel_path:
    serial_console: True
    vnc_bind_address:
Cluster parameters:
  candidate pool size: 10
  master netdev: xen-br0
  master netmask: 16
  lvm volume group: xenvg
  drbd usermode helper: /bin/true
  enabled disk templates: plain, drbd
Default nic parameters:
  default:
    link: xen-br0
    mode: bridged
"""


def _told(site: Site, text: str = INFO) -> dict[str, str]:
    return dict(told(parse_info(text), declared(site)))


def _with_cluster(**changes: object) -> Site:
    return LAB.model_copy(update={"cluster": LAB.cluster.model_copy(update=changes)})


def test_the_lab_is_what_its_site_declares() -> None:
    assert _told(LAB) == declared(LAB)
    assert declared(LAB)["kvm serial_console"] == "true"
    assert declared(LAB)["disk templates"] == "drbd, plain"


@pytest.mark.parametrize(
    ("find", "put", "setting"),
    [
        ("templates: plain, drbd", "templates: plain, drbd, file", "disk templates"),
        ("Enabled hypervisors: kvm", "Enabled hypervisors: kvm, lxc", "hypervisors"),
        ("link: xen-br0", "link: br1", "NICs"),
        ("serial_console: True", "serial_console: False", "kvm serial_console"),
        ("vnc_bind_address:", "vnc_bind_address: 0.0.0.0", "kvm vnc_bind_address"),
        ("xenvg", "vg0", "volume group"),
    ],
)
def test_one_that_differs_is_the_only_one(find: str, put: str, setting: str) -> None:
    want, have = declared(LAB), _told(LAB, INFO.replace(find, put))
    assert [name for name in want if want[name] != have[name]] == [setting]


def test_what_instances_cannot_use_is_not_judged() -> None:
    plain = declared(_with_cluster(disk_templates=["plain"]))
    assert "DRBD helper" not in plain
    assert plain["volume group"] == "xenvg"
    assert "volume group" not in declared(_with_cluster(disk_templates=["file"]))


def test_only_enabled_hypervisors_are_judged() -> None:
    parameters = {"kvm": {"cpu_type": "host"}, "lxc": {"cpu_mask": ""}}
    want = declared(_with_cluster(hypervisor_parameters=parameters))
    assert [name for name in want if name.startswith(("kvm ", "lxc "))] == ["kvm cpu_type"]


def test_what_the_cluster_does_not_tell_is_unknown() -> None:
    with pytest.raises(ParseError, match="kvm / no_such"):
        _told(_with_cluster(hypervisor_parameters={"kvm": {"no_such": "1"}}))
    with pytest.raises(ParseError):
        told(Info({("Cluster name",): "c"}), declared(LAB))
