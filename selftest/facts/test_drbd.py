from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import ParseError
from gntverify.facts import drbd

STATES = ["Connected", "StandAlone", "SyncSource", "WFConnection", "VerifyS"]
DISKS = ["UpToDate", "Inconsistent", "Diskless", "DUnknown"]


def test_minors_tell_connection_disks_and_resync(samples: SimpleNamespace) -> None:
    proc = drbd.parse_proc(samples.DRBD)
    assert proc.version == "8.4.11"
    assert [(m.number, m.connection, m.disk, m.peer_disk) for m in proc.minors] == [
        (0, "Connected", "UpToDate", "UpToDate"),
        (1, "SyncTarget", "Inconsistent", "UpToDate"),
        (4, "StandAlone", "UpToDate", "DUnknown"),
    ]
    sync = proc.minors[1]
    assert (sync.percent, sync.finish_s, sync.stalled, sync.syncing) == (15.0, 3753, True, True)
    assert proc.minors[0].finish_s is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version: 9.1.7 (api:2/proto:110-121)\nTransports (api:18): tcp (9.1.7)\n",
        "version: 8.4.11 (api:1/proto:86-101)\n 0: cs:Connected\n",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        drbd.parse_proc(text)


@given(
    st.lists(
        st.tuples(st.sampled_from(STATES), st.sampled_from(DISKS), st.sampled_from(DISKS)),
        max_size=8,
    )
)
def test_every_minor_written_is_read(minors: list[tuple[str, str, str]]) -> None:
    text = "version: 8.4.11 (api:1/proto:86-101)\nsrcversion: 1CAEB8F\n" + "".join(
        f"{number:2}: cs:{state} ro:Primary/Unknown ds:{own}/{peer} C r-----\n    ns:0 nr:0\n"
        for number, (state, own, peer) in enumerate(minors)
    )
    found = drbd.parse_proc(text).minors
    assert [(m.connection, m.disk, m.peer_disk) for m in found] == minors


def test_the_module_tells_its_parameters() -> None:
    base = "/sys/module/drbd"
    files = {f"{base}/version": "8.4.11\n", f"{base}/parameters/minor_count": "128\n"}
    module = drbd.parse_module(files)
    assert module is not None
    assert module.number("minor_count") == 128
    with pytest.raises(ParseError):
        module.parameter("usermode_helper")
    assert drbd.parse_module({}) is None
    with pytest.raises(ParseError):
        drbd.parse_module({f"{base}/parameters/minor_count": "128\n"})


def test_modprobe_options_follow_names_and_directories() -> None:
    files = {
        "/lib/modprobe.d/b.conf": "options drbd minor_count=32\n",
        "/etc/modprobe.d/b.conf": (
            'options drbd minor_count=128 \\\n  usermode_helper="/bin/true"\n'
        ),
        "/etc/modprobe.d/a.conf": "# options drbd minor_count=1\noptions drbdx minor_count=2\n",
    }
    want = {"minor_count": "128", "usermode_helper": "/bin/true"}
    assert drbd.parse_modprobe(files) == want
    assert drbd.parse_modprobe({}) == {}
    with pytest.raises(ParseError):
        drbd.parse_modprobe({"/etc/modprobe.d/a.conf": "options drbd\n"})
    with pytest.raises(ParseError, match="none of the directories"):
        drbd.parse_modprobe({"/etc/modules": "drbd minor_count=128\n"})
