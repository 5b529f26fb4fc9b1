import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from gntverify.errors import ParseError
from gntverify.ganeti import images
from gntverify.transport.replay import Replay

VM = "vm2.gnt.example"


def test_the_recorded_nodes_use_no_image(master: Replay) -> None:
    settings = images.read_settings(master)
    assert settings.files == {}
    assert settings.templates == ("/var/cache/ganeti-instance-image/*",)
    assert images.read_parts(master, settings).lacking([VM]) == (
        "hook grub not executable",
        "hook interfaces not executable",
        f"no networks/instances/{VM}",
    )
    assert images.read_templates(master, settings) == {}


def test_a_variant_says_more_than_the_defaults(samples: SimpleNamespace) -> None:
    have = images.parse_settings(samples.IMAGE_SETTINGS)
    assert have.variants == ("bookworm", "default", "web")
    assert have.of("bookworm")["IMAGE_DIR"] == "/srv/images"
    assert have.of("web")["IMAGE_NAME"] == "web"
    assert have.of("unknown")["CUSTOMIZE_DIR"] == "/etc/ganeti/instance-image/hooks"
    # of the variant that downloads its image, there is nothing to look for
    assert have.templates == ("/srv/images/*", "/srv/images/debian-12-*")


def test_a_setting_that_only_a_shell_could_tell_is_refused() -> None:
    for bad in ("IMAGE_DIR=$HOME/images", "IMAGE_NAME=`hostname`", "IMAGE_DIR=/a; rm x"):
        with pytest.raises(ParseError):
            images.parse_settings(f"> /etc/default/ganeti-instance-image\n| {bad}\n")


@pytest.mark.parametrize("bad", ["/a b", "/$(id)", "images", "/a'b", "/a;b"])
def test_no_directory_is_given_to_a_shell_that_could_be_more(bad: str) -> None:
    with pytest.raises(ParseError, match="no plain path"):
        images.templates_argv([bad])
    with pytest.raises(ParseError, match="no plain path"):
        images.parts_argv({**images.DEFAULTS, "CUSTOMIZE_DIR": bad})


def test_what_an_instance_lacks_is_told(samples: SimpleNamespace) -> None:
    have = images.parse_parts(samples.IMAGE_PARTS)
    assert have.lacking([VM]) == ("hook interfaces not executable",)
    assert have.lacking([VM, "vm3", "vm4", "vm5"])[1:] == (
        "no networks/subnets/vlan7 for vm3",
        "no networks/subnets/(none named) for vm4",
        "no networks/instances/vm5",
    )


def test_parts_are_found_where_they_lie(tmp_path: Path) -> None:
    for name in ("hooks", "networks/instances", "networks/subnets"):
        (tmp_path / name).mkdir(parents=True)
    for hook, mode in (("grub", 0o755), ("interfaces", 0o644)):
        (tmp_path / "hooks" / hook).touch(mode)
    (tmp_path / "networks/instances" / VM).write_text(
        'ADDRESS=192.168.1.100\nSUBNET="vlan42"\n', encoding="utf-8"
    )
    (tmp_path / "networks/subnets/vlan42").touch()
    argv = images.parts_argv(
        {"CUSTOMIZE_DIR": f"{tmp_path}/hooks", "NETWORKS_DIR": f"{tmp_path}/networks"}
    )
    ran = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)
    have = images.parse_parts(ran.stdout)
    assert have.instances == {VM: "vlan42"}
    assert have.lacking([VM]) == ("hook interfaces not executable",)


def test_templates_are_hashed_on_the_node(tmp_path: Path) -> None:
    for name, content in (("debian-12-a.dump", "one"), ("debian-12-b.dump", "two")):
        (tmp_path / name).write_text(content, encoding="utf-8")
    argv = images.templates_argv([f"{tmp_path}/debian-12-*"])
    ran = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30)
    have = images.parse_templates(ran.stdout)
    assert have[f"{tmp_path}/debian-12-a.dump"] == "3 bytes, 7692c3ad3540"
    assert len(set(have.values())) == 2
    patterns = [f"{tmp_path}/debian-12-*", f"{tmp_path}/centos-*"]
    assert images.unmatched(patterns, have) == {f"{tmp_path}/centos-*"}


def test_templates_of_a_share_have_its_name(samples: SimpleNamespace) -> None:
    have = images.parse_templates(samples.IMAGE_TEMPLATES)
    assert list(have.values()) == ["1048576 bytes, share:nas:/images", f"12 bytes, {'ab' * 6}"]
