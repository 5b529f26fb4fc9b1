from types import SimpleNamespace

import pytest

from gntverify.errors import ParseError
from gntverify.ganeti.modes import Mode
from gntverify.ganeti.packaged import Packaged, parse_packaged, read_packaged
from gntverify.transport.replay import Replay


def _put(samples: SimpleNamespace, line: str, instead: str) -> Packaged:
    assert line in samples.PACKAGED
    return parse_packaged(samples.PACKAGED.replace(line, instead))


def test_the_recorded_nodes_are_as_packaged(master: Replay, other: Replay) -> None:
    for node in (master, other):
        have = read_packaged(node)
        assert have.wrong == {}
        assert "ganeti-3.0" in have.packages
        assert any(path.endswith("/kvm-ifup") for path in have.modes)


def test_who_can_write_is_told(samples: SimpleNamespace) -> None:
    have = parse_packaged(samples.PACKAGED)
    assert have.packages == ("ganeti", "ganeti-3.0")
    assert have.wrong == {"/etc/default/ganeti": "is 666 nobody:root"}
    assert have.mode("/etc/default/ganeti") == "666 nobody:root"
    assert have.mode("/usr/share/ganeti/x.py") == "a file 644 or directory 755 root:root"


@pytest.mark.parametrize("mode", ["775 root:root", "757 root:root", "755 nobody:root"])
def test_only_root_may_write(mode: str) -> None:
    path = "/usr/lib/ganeti/with a blank"
    have = Packaged(("ganeti",), {path: Mode(*mode.split())}, frozenset(), frozenset())
    assert have.wrong == {path: f"is {mode}"}


@pytest.mark.parametrize("mode", ["4755 root:root", "750 root:gnt-daemons", "0 root:root"])
def test_what_only_root_writes_is_right_by_itself(mode: str) -> None:
    have = Packaged(("ganeti",), {"/x": Mode(*mode.split())}, frozenset(), frozenset())
    assert have.wrong == {}


def test_a_program_is_the_packages(samples: SimpleNamespace) -> None:
    edited = "verify ??5??????   /usr/sbin/gnt-node\n"
    missing = "verify missing     /usr/lib/ganeti/daemon-util\n"
    have = _put(samples, "end\n", f"{edited}{missing}end\n")
    assert have.edited == {"/usr/sbin/gnt-node"}
    assert have.missing == {"/usr/lib/ganeti/daemon-util"}
    assert have.wrong["/usr/sbin/gnt-node"] == "is not the package's any more"
    assert have.wrong["/usr/lib/ganeti/daemon-util"] == "is missing"


def test_without_packages_there_is_nothing_to_tell() -> None:
    assert parse_packaged("end\n") == Packaged((), {}, frozenset(), frozenset())


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("end\n", ""),
        ("package ganeti\n", "verify dpkg: error: cannot read\n"),
        ("755 root:root /", "755 root /"),
    ],
)
def test_what_is_not_understood_is_no_answer(
    samples: SimpleNamespace, line: str, instead: str
) -> None:
    with pytest.raises(ParseError):
        _put(samples, line, instead)
