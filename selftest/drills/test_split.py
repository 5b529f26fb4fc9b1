"""The shell texts that touch a guest's process and its mirror, with programs of ours."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gntverify.drills import failover, split
from gntverify.errors import CommandFailed
from gntverify.facts.drbd import Minor
from gntverify.ganeti.kvm import RUN_DIR

Sh = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def sh(tmp_path: Path) -> Sh:
    """Runs a text as a node would, with a tc of ours that logs, and remembers what there is."""
    tc = tmp_path / "bin" / "tc"
    tc.parent.mkdir()
    there = tmp_path / "there"
    tc.write_text(f"""#!/bin/sh
echo "$@" >> {tmp_path}/log
case "$1 $2" in
    "qdisc add") touch {there} ;;
    "qdisc del") rm -f {there} {there}.mark ;;
    "qdisc show") [ ! -e {there} ] || echo "qdisc clsact ffff: parent ffff:fff1" ;;
    "filter add") echo "filter protocol ip pref $9 u32 chain 0" >> {there}.mark ;;
    "filter show") cat {there}.mark ;;
esac
""")
    tc.chmod(0o755)

    def run(text: str, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", "-c", text.replace(RUN_DIR, str(tmp_path)), "sh", *args],
            env={"PATH": f"{tc.parent}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )

    return run


def test_only_the_mirrors_port_is_dropped_and_comes_back(sh: Sh, tmp_path: Path) -> None:
    done = sh(split._CUT, "xen-br0", "1", split.mended("xen-br0", "4711"), "4711", "11005")
    assert done.returncode == 0, done.stderr
    added = [one for one in (tmp_path / "log").read_text().splitlines() if "filter add" in one]
    drop = (
        "protocol ip pref 4711 u32 match ip protocol 6 0xff match ip {} 11005 0xffff action drop"
    )
    assert added == [
        f"filter add dev xen-br0 {way} {drop.format(end)}" for way, end in split.PLACES
    ]
    end = time.monotonic() + 10
    while (tmp_path / "there").exists():
        assert time.monotonic() < end, "it does not come back by itself"
        time.sleep(0.1)


def test_filters_of_others_are_let_be(sh: Sh, tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    (tmp_path / "there.mark").write_text("filter protocol ip pref 1 u32 chain 0\n")
    mend = split.mended("xen-br0", "4711")
    done = sh(split._CUT, "xen-br0", "1", mend, "4711", "11005")
    assert done.returncode == 1
    assert "filters of its own" in done.stderr
    assert sh(mend).returncode == 0
    assert (tmp_path / "there").exists()


def test_filters_that_cannot_be_added_leave_nothing(sh: Sh, tmp_path: Path) -> None:
    tc = tmp_path / "bin" / "tc"
    tc.write_text(tc.read_text().replace('"filter add")', '"filter add") exit 2 ;; never)'))
    done = sh(split._CUT, "xen-br0", "1", split.mended("xen-br0", "4711"), "4711", "11005")
    assert done.returncode == 1
    assert not (tmp_path / "there").exists()


def test_mending_twice_is_no_trouble(sh: Sh, tmp_path: Path) -> None:
    mend = split.mended("xen-br0", "4711")
    sh(split._CUT, "xen-br0", "60", "true", "4711", "11005")
    assert [sh(mend).returncode, sh(mend).returncode] == [0, 0]
    assert not (tmp_path / "there").exists()


@pytest.fixture
def process(tmp_path: Path) -> subprocess.Popen[bytes]:
    """A process that passes for the guest ``vm1``."""
    argv = [sys.executable, "-c", "import time; time.sleep(60)", "-name", "vm1", "-m", "128"]
    made = subprocess.Popen(argv)
    (tmp_path / "pid").mkdir()
    for name in ("vm1", "vm2"):
        (tmp_path / "pid" / name).write_text(f"{made.pid}\n")
    return made


def test_the_guests_process_is_killed(sh: Sh, process: subprocess.Popen[bytes]) -> None:
    done = sh(failover._KILL, "vm1")
    assert done.returncode == 0, done.stderr
    assert process.wait(timeout=5) == -9


def test_a_process_of_another_is_let_be(sh: Sh, process: subprocess.Popen[bytes]) -> None:
    done = sh(failover._KILL, "vm2")
    assert done.returncode == 1
    assert "is not that of vm2" in done.stderr
    assert process.poll() is None
    process.kill()
    process.wait()


def test_a_guest_without_a_process_is_told(sh: Sh) -> None:
    assert sh(failover._KILL, "vm1").returncode != 0


@pytest.fixture
def drbdsetup(sh: Sh, tmp_path: Path) -> Path:
    """A drbdsetup of ours beside the tc; what it is asked is in ``asked``."""
    program = tmp_path / "bin" / "drbdsetup"
    program.write_text(f"""#!/bin/sh
echo "$@" >> {tmp_path}/asked
[ "$1" = primary ] || [ "$(grep -c secondary {tmp_path}/asked)" -gt 2 ]
""")
    program.chmod(0o755)
    return program


def _estranged(tmp_path: Path) -> str:
    return split._ESTRANGE.replace("/dev/drbd", f"{tmp_path}/drbd").replace("oflag=direct ", "")


def test_a_copy_is_written_and_let_go(sh: Sh, drbdsetup: Path, tmp_path: Path) -> None:
    """Twice somebody still has a look at it."""
    (tmp_path / "drbd4").write_bytes(bytes(2 << 20))
    done = sh(_estranged(tmp_path), "4")
    assert done.returncode == 0, done.stderr
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked == ["primary 4", "secondary 4", "secondary 4", "secondary 4"]
    have = (tmp_path / "drbd4").read_bytes()
    assert len(have) == 2 << 20
    assert any(have[: 1 << 20])
    assert not any(have[1 << 20 :])


def test_a_copy_that_cannot_be_written_is_told(sh: Sh, drbdsetup: Path, tmp_path: Path) -> None:
    (tmp_path / "drbd4").mkdir()
    assert sh(_estranged(tmp_path), "4").returncode == 1
    assert (tmp_path / "asked").read_text().splitlines()[-1] == "secondary 4"


def test_a_copy_that_cannot_be_promoted_is_not_written(
    sh: Sh, drbdsetup: Path, tmp_path: Path
) -> None:
    drbdsetup.write_text("#!/bin/sh\nexit 17\n")
    (tmp_path / "drbd4").write_bytes(bytes(2 << 20))
    assert sh(_estranged(tmp_path), "4").returncode != 0
    assert not any((tmp_path / "drbd4").read_bytes())


def _guest(connection: str, told: str) -> Any:
    """A guest whose mirror is like that, on nodes whose kernels tell so much."""
    minor = Minor(4, connection, "UpToDate", "DUnknown")
    operator = SimpleNamespace(node=lambda name: name, on=lambda *_: told)
    return SimpleNamespace(name="vm1", operator=operator, minors=lambda: {"node2 minor 4": minor})


@pytest.fixture
def one_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guest has one, and nothing is waited for."""
    monkeypatch.setattr(split, "APART_S", 0.1)
    monkeypatch.setattr(split, "_quarrels", lambda guest: int(guest.operator.on()))


@pytest.mark.usefixtures("one_mirror")
@pytest.mark.parametrize("connection", ["StandAlone", "WFConnection"])
def test_copies_that_met_and_stay_apart_are_seen(connection: str) -> None:
    assert split.joined_though(_guest(connection, "3"), 2) == ""


@pytest.mark.usefixtures("one_mirror")
@pytest.mark.parametrize("told", ["2", "3"])
@pytest.mark.parametrize("connection", ["Connected", "SyncTarget"])
def test_copies_that_join_are_told(connection: str, told: str) -> None:
    """Whether the kernel called it a split brain that it solved, or saw none."""
    assert "joined copies that differ" in split.joined_though(_guest(connection, told), 2)


@pytest.mark.usefixtures("one_mirror")
@pytest.mark.parametrize("connection", ["StandAlone", "WFConnection"])
def test_copies_that_never_met_prove_nothing(connection: str) -> None:
    with pytest.raises(CommandFailed, match="did nothing"):
        split.joined_though(_guest(connection, "2"), 2)


def test_a_kernel_tells_of_the_minor_and_of_no_other(sh: Sh, tmp_path: Path) -> None:
    dmesg = tmp_path / "bin" / "dmesg"
    dmesg.write_text("""#!/bin/sh
echo "[ 12.3] block drbd4: Split-Brain detected but unresolved, dropping connection!"
echo "[ 12.4] block drbd41: Split-Brain detected but unresolved, dropping connection!"
""")
    dmesg.chmod(0o755)
    assert [sh(split._TOLD, minor).stdout.strip() for minor in ("4", "41", "1")] == ["1", "1", "0"]
    assert sh(split._TOLD, "1").returncode == 0
