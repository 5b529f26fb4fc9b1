from types import SimpleNamespace

import pytest

from gntverify.errors import ParseError
from gntverify.facts.lvmfilter import parse_devices

GANETIS = 'filter=["r|/dev/cdrom|","r|/dev/drbd[0-9]+|"]'
DRBD = ["/dev/drbd0", "/dev/drbd9", "/dev/drbd10", "/dev/drbd127"]


def devices(filter_: str, global_filter: str = '["a|.*|"]') -> str:
    return (
        f"devices {{\n\tfilter={filter_}\n\tglobal_filter={global_filter}\n"
        "\tscan_lvs=0\n\tuse_devicesfile=0\n}\n"
    )


def test_either_filter_is_enough(samples: SimpleNamespace) -> None:
    search = parse_devices(samples.LVM_DEVICES)
    assert not search.inside
    assert search.opened([*DRBD, "/dev/sda5"]) == ["/dev/sda5"]
    assert parse_devices(devices(GANETIS.removeprefix("filter="))).opened(DRBD) == []
    assert parse_devices(devices('["a|.*|"]')).opened(DRBD) == DRBD


@pytest.mark.parametrize(
    ("filter_", "opened"),
    [
        ('["r|/dev/drbd[0-9]$|"]', ["/dev/drbd10", "/dev/drbd127"]),
        ('["a|.*|","r|/dev/drbd|"]', DRBD),
        ('["a|^/dev/sd|","r|.*|"]', []),
        ('["r/drbd/","a/.*/"]', []),
        ('["r(drbd1)"]', ["/dev/drbd0", "/dev/drbd9"]),
        ('"r|drbd|"', []),
        ("[]", DRBD),
    ],
)
def test_the_first_rule_that_matches_decides(filter_: str, opened: list[str]) -> None:
    assert parse_devices(devices(filter_)).opened(DRBD) == opened


@pytest.mark.parametrize("filter_", ['["x|drbd|"]', '["r"]', '["r|drbd"]', '["r|[|"]', "[1]", "r"])
def test_a_rule_that_is_none_is_refused(filter_: str) -> None:
    with pytest.raises(ParseError):
        parse_devices(devices(filter_))


def test_logical_volumes_may_be_looked_into(samples: SimpleNamespace) -> None:
    assert parse_devices(samples.LVM_DEVICES.replace("scan_lvs=0", "scan_lvs=1")).inside
    for bad in ("", samples.LVM_DEVICES.replace("scan_lvs=0", "scan_lvs=maybe"), "devices {\n}\n"):
        with pytest.raises(ParseError):
            parse_devices(bad)


def test_a_devices_file_is_not_judged(samples: SimpleNamespace) -> None:
    with pytest.raises(ParseError, match="lvmdevices"):
        parse_devices(samples.LVM_DEVICES.replace("use_devicesfile=0", "use_devicesfile=1"))
