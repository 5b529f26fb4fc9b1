"""What a site says of ganeti-instance-image, and the files that it becomes."""

from typing import Any

import pytest
from pydantic import ValidationError

from gntverify.site.image import Image

RIPE = {"network": "178.33.145.128/26", "gateway": "178.33.145.190"}
NOTES = {
    "settings": {"SWAP": "no", "IMAGE_NAME": "debian-6.0"},
    "subnets": {"ripe": RIPE},
    "instances": {"vm117.ceondo.net": {"address": "178.33.145.157", "subnet": "ripe"}},
}


def test_the_files_are_those_of_the_notes() -> None:
    made = Image.model_validate(NOTES)
    assert made.hooks == ["grub", "interfaces"]
    assert made.files == {
        "/etc/default/ganeti-instance-image": 'SWAP="no"\nIMAGE_NAME="debian-6.0"\n',
        "/etc/ganeti/instance-image/networks/subnets/ripe": (
            "GATEWAY=178.33.145.190\n"
            "NETMASK=255.255.255.192\n"
            "NETWORK=178.33.145.128\n"
            "BROADCAST=178.33.145.191\n"
        ),
        "/etc/ganeti/instance-image/networks/instances/vm117.ceondo.net": (
            "ADDRESS=178.33.145.157\nSUBNET=ripe\n"
        ),
    }


def test_settings_that_nobody_names_are_let_be() -> None:
    assert Image().files == {}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"subnets": {}}, "'ripe', which is not there"),
        ({"subnets": {"ripe": {**RIPE, "network": "178.33.145.0/25"}}}, "outside of"),
        ({"subnets": {"ripe": {**RIPE, "gateway": "10.0.0.1"}}}, "the gateway 10.0.0.1"),
        ({"settings": {"A": '"; reboot; "'}}, "pattern"),
        ({"settings": {"a b": "x"}}, "pattern"),
        ({"subnets": {"../x": RIPE}}, "pattern"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Image.model_validate(NOTES | change)
