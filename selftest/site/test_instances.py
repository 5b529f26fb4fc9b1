from pathlib import Path

import pytest

from gntverify.errors import SiteError
from gntverify.site import Site, default_site, load_site

LAB = Path(__file__).parents[2] / "sites" / "lab.toml"


def _changed(tmp_path: Path, old: str, new: str) -> Site:
    """The lab's site with one passage of its file changed."""
    text = LAB.read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "lab.toml"
    file.write_text(text.replace(old, new), encoding="utf-8")
    return load_site(file)


def test_an_instance_has_its_own_words_above_the_clusters(tmp_path: Path) -> None:
    own = (
        '[[instances]]\nname = "vm1.gnt.example"\nhypervisor_parameters = { cpu_type = "kvm64" }\n'
    )
    site = _changed(tmp_path, '[[instances]]\nname = "vm1.gnt.example"\n', own)
    assert site.declared("vm1.gnt.example", "kvm")["cpu_type"] == "kvm64"
    assert site.declared("vm1.gnt.example", "kvm")["serial_console"] == "true"
    assert site.declared("vm2.gnt.example", "kvm")["cpu_type"] == "host"
    assert site.declared("vm3.gnt.example", "xen-pvm") == {}


def test_of_an_instance_that_is_not_named_nothing_is_said() -> None:
    unknown = load_site(LAB).instance("web_1")
    assert (unknown.redundant, unknown.links, unknown.hypervisor_parameters) == (None, None, {})


def test_without_a_site_file_nothing_is_declared_and_nothing_protected() -> None:
    site = default_site()
    assert site.declared("vm1.gnt.example", "kvm") == {}
    assert site.backup.protected == []
    assert site.backup.copy_dir is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('name = "vm2.gnt.example"', 'name = "vm1.gnt.example"', "given more than once"),
        ('nodes = ["node2.gnt.example"]', 'nodes = ["node9.gnt.example"]', "node9.gnt.example"),
        ("rpo_h = 720", "rpo_h = 0", "backup.rpo_h"),
        ('copy_dir = "/srv/nas"', 'copy_dir = "srv/nas"', "backup.copy_dir"),
        ("redundant = true", 'redundant = "yes, twice"', "redundant"),
    ],
)
def test_what_cannot_be_is_refused(old: str, new: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=told):
        _changed(tmp_path, old, new)
