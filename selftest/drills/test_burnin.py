"""Burn-in on its master: the texts that run there, with programs of ours, and its judge."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gntverify.controls import NotApplicable
from gntverify.drills import keeper
from gntverify.drills.burnin import Burnin, guest_trouble
from gntverify.drills.ledger import Entry
from gntverify.drills.pings import SCRATCH
from gntverify.errors import CommandFailed
from gntverify.evidence import Answer
from gntverify.ganeti.burnin import PROGRAM, Order
from gntverify.ganeti.jobs import QUEUE

RUN = "a1b2c3"
NAME = f"gntverify-{RUN}-600.gnt.example"
ORDER = Order(
    template="plain",
    names=(NAME,),
    spare=f"gntverify-{RUN}-601.gnt.example",
    nodes=("node1.gnt.example", "node2.gnt.example"),
    os="gntverify-probe+default",
    hypervisor="kvm:kernel_path=/k",
    reason=f"gntverify:{RUN}:burnin-plain",
    release="3.0.2",
    left_out=frozenset({"memory", "grow"}),
)
Sh = Callable[..., subprocess.CompletedProcess[str]]
SYSTEMD_RUN = """#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift
setsid "$@" >/dev/null 2>&1 </dev/null &
echo $! > {place}/pid
"""
SYSTEMCTL = """#!/bin/sh
case $1 in
    is-active) grep -q "^State:.[RSD]" "/proc/$(cat {place}/pid)/status" 2>/dev/null ;;
    stop) kill -s KILL -- "-$(cat {place}/pid)"; sleep 0.2 ;;
esac
"""
GNT_INSTANCE = """#!/bin/sh
case $1 in
    list) cat {place}/instances ;;
    *) echo "$@" >> {place}/log ;;
esac
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A master of ours: its programs, its configuration, its queue."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    scripts = {"systemd-run": SYSTEMD_RUN, "systemctl": SYSTEMCTL, "gnt-instance": GNT_INSTANCE}
    for name, text in scripts.items():
        (bin_ / name).write_text(text.format(place=tmp_path))
        (bin_ / name).chmod(0o755)
    (tmp_path / "queue" / "archive").mkdir(parents=True)
    (tmp_path / "config.data").write_text(json.dumps({"instances": {}, "disks": {}}))
    (tmp_path / "instances").write_text("")
    return tmp_path


@pytest.fixture
def sh(place: Path) -> Iterator[Sh]:
    """Runs a text as the master would."""

    def run(text: str, *args: str) -> subprocess.CompletedProcess[str]:
        for old, new in (
            (QUEUE, f"{place}/queue"),
            ("/var/lib/ganeti/config.data", f"{place}/config.data"),
            ("/var/lib/gntverify", f"{place}/gntverify"),
        ):
            text = text.replace(old, new)
            args = tuple(arg.replace(old, new) for arg in args)
        return subprocess.run(
            ["/bin/sh", "-c", text, "sh", *args],
            env={"PATH": f"{place}/bin:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    yield run
    pid = place / "pid"
    if pid.exists():
        subprocess.run(
            ["/bin/kill", "-s", "KILL", "--", f"-{pid.read_text().strip()}"], check=False
        )


def rows(path: Path) -> list[list[Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def patiently(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_keeper_writes_down_what_is_said(tmp_path: Path) -> None:
    said = tmp_path / "said"
    tool = ["sh", "-c", "echo '- Creating instances'; echo no >&2; exit 3"]
    argv = [sys.executable, "-c", keeper.KEEPER, str(os.getpid()), str(said), *tool]
    subprocess.run(argv, check=True, timeout=20)
    kinds = {(kind, text) for _, kind, text in rows(said)}
    assert kinds == {("out", "- Creating instances"), ("err", "no"), ("status", "3")}
    assert rows(said)[-1][1] == "status"


def test_the_service_manager_has_nothing_to_expand() -> None:
    """It replaces $NAME in what a unit executes, of a transient one too (systemd.service(5))."""
    assert not [word for word in (keeper.KEEPER, *ORDER.argv()) if "$" in word]


def test_burnin_ends_with_the_agent(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with subprocess.Popen(["/bin/sleep", "60"]) as agent:
        argv = [sys.executable, "-c", keeper.KEEPER, str(agent.pid), str(said), "sleep", "50"]
        with subprocess.Popen(argv) as child:
            agent.kill()
            agent.wait(timeout=5)
            assert child.wait(timeout=10) == 0
    assert rows(said) == [[pytest.approx(time.time(), abs=20), "status", "-9"]]


def test_what_is_started_is_heard_and_stopped(place: Path, sh: Sh) -> None:
    tool = place / "burnin"
    tool.write_text("#!/bin/sh\necho '- Creating instances'; exec sleep 60\n")
    tool.chmod(0o755)
    where = f"{SCRATCH}/unit"
    done = sh(keeper.START, "unit", where, "60", keeper.KEEPER, str(tool), "vm")
    assert done.returncode == 0, done.stderr
    said = place / "gntverify" / "scratch" / "unit" / "said"
    patiently(lambda: said.stat().st_size > 0)
    state, _, rest = sh(keeper.HEAR, f"{where}/said", "0", "unit").stdout.partition("\n")
    assert (state, json.loads(rest)[1:]) == ("runs", ["out", "- Creating instances"])
    for _ in range(2):  # it may be undone twice
        assert sh(keeper.stopping("unit", where)).returncode == 0
    assert not said.parent.parent.exists()


def test_what_still_runs_is_not_called_stopped(place: Path, sh: Sh) -> None:
    (place / "pid").write_text(str(os.getpid()))
    (place / "bin" / "systemctl").write_text("#!/bin/sh\n[ $1 = is-active ]\n")
    done = sh(keeper.stopping("unit", f"{SCRATCH}/unit"))
    (place / "pid").unlink()
    assert (done.returncode, done.stderr) == (1, "unit still runs\n")


def test_a_missing_burnin_is_told(sh: Sh) -> None:
    done = sh(keeper.START, "unit", f"{SCRATCH}/unit", "60", "", "/no/burnin")
    assert done.returncode == 1
    assert "there is no /no/burnin" in done.stderr


def added_disk(place: Path, status: str = "success") -> None:
    """Burn-in has added a disk of this name to its instance."""
    op = {
        "input": {
            "OP_ID": "OP_INSTANCE_SET_PARAMS",
            "instance_name": NAME,
            "disks": [["add", {"size": 1024, "name": "ABCDEFGH"}]],
            "reason": [["gnt:user", ORDER.reason, 1]],
        },
        "status": status,
    }
    (place / "queue" / "job-7").write_text(json.dumps({"id": 7, "ops": [op]}))


def test_an_instance_goes_with_its_detached_disk(place: Path, sh: Sh) -> None:
    added_disk(place)
    disks = {"u-1": {"name": "ABCDEFGH"}, "u-2": {"name": "OTHERONE"}, "u-3": {}}
    config = {"instances": {"i": {"disks": ["u-3"]}}, "disks": disks}
    (place / "config.data").write_text(json.dumps(config))
    (place / "instances").write_text(f"vm1|x|plain\n{NAME}|{ORDER.os}|plain\n")
    assert sh(keeper.removing(ORDER, NAME, 5.0)).returncode == 0
    assert (place / "log").read_text().splitlines() == [
        f"modify --disk attach:uuid=u-1 {NAME}",
        f"remove --force --shutdown-timeout=0 --ignore-failures {NAME}",
    ]


@pytest.mark.parametrize("there", ["", f"{NAME}|other|plain\n", f"x{NAME}|{ORDER.os}|plain\n"])
def test_what_burnin_did_not_make_is_left_alone(place: Path, sh: Sh, there: str) -> None:
    (place / "instances").write_text(there)
    assert sh(keeper.removing(ORDER, NAME, 5.0)).returncode == 0
    assert not (place / "log").exists()


def test_a_list_that_fails_is_no_empty_list(place: Path, sh: Sh) -> None:
    (place / "bin" / "gnt-instance").write_text("#!/bin/sh\nexit 1\n")
    assert sh(keeper.removing(ORDER, NAME, 5.0)).returncode != 0


def test_a_detached_disk_that_cannot_be_removed_is_told(place: Path, sh: Sh) -> None:
    added_disk(place)
    config = {"instances": {}, "disks": {"u-1": {"name": "ABCDEFGH"}}}
    (place / "config.data").write_text(json.dumps(config))
    done = sh(keeper.removing(ORDER, NAME, 5.0))
    assert (done.returncode, done.stderr) == (1, f"a disk of {NAME} is left: u-1\n")


def test_removal_waits_for_the_jobs_of_burnin(place: Path, sh: Sh) -> None:
    added_disk(place, "running")
    argv = [
        "timeout", "2", "sh", "-c",
        keeper.removing(ORDER, NAME, 5.0).replace(QUEUE, f"{place}/queue"),
    ]  # fmt: skip
    environment = {"PATH": f"{place}/bin:/usr/bin:/bin"}
    assert subprocess.run(argv, env=environment, check=False).returncode == 124
    assert not (place / "log").exists()


def test_exports_are_forgotten_by_name_only() -> None:
    path = f"/var/lib/ganeti/export/{NAME}"
    assert keeper.forgetting((NAME,)) == f"rm -rf -- {path} {path}.new"


class Scripted:  # its methods are the operator's
    """An operator whose burn-in says what a test wants, a piece each time."""

    def __init__(self, pieces: list[str], jobs: str = "[]") -> None:
        self.run = RUN
        self.took: dict[str, float] = {}
        self.told: list[str] = []
        self.there: Mapping[str, Any] = {}
        self.started: tuple[str, ...] = ()
        self.written: list[Entry] = []
        self.pieces, self.jobs = pieces, jobs
        self.master = SimpleNamespace(name="node1.gnt.example", short="node1", source=self)
        self.cluster = SimpleNamespace(nodes=[self.master])
        self.ledger = SimpleNamespace(undo=self.enter, stop=self.enter, entries=self.written)

    def enter(self, name: str, node: str, text: str) -> Entry:
        """As the ledger."""
        self.written.append(Entry(RUN, len(self.written) + 1, "undo", name, node, text, 0.0))
        return self.written[-1]

    def note(self, words: str, seconds: float) -> None:
        """Remember it, and tell."""
        self.took[words] = seconds
        self.tell(f"{words}: {seconds:.1f} s")

    def tell(self, words: str) -> None:
        """Remember it."""
        self.told.append(words)

    def instances(self) -> Mapping[str, Any]:
        """Those there are."""
        return self.there

    @contextmanager
    def step(self, words: str) -> Iterator[None]:
        """Remember it."""
        self.told.append(words)
        yield

    def on(self, node: Any, text: str, *args: str, limit_s: float = 0) -> str:
        """What the text would print."""
        del node, limit_s
        if text == keeper.HEAR:
            return self.pieces.pop(0)
        if text == keeper.START:
            assert [entry.name for entry in self.written][-1] == "burn-in runs"
            self.started = args
            return ""
        if text.startswith(("date", "for p in")):
            return "1000.5" if text.startswith("date") else ""
        raise AssertionError(text)

    def ask(self, argv: list[str], *, timeout_s: float, fresh: bool) -> Answer:
        """The jobs."""
        del timeout_s
        assert fresh
        return Answer("node1", tuple(argv), 0, self.jobs, "", 0.0, 0.1, "")


def said(*lines: str, at: float = 1001.0, status: int | None = None) -> str:
    made = [[at + n, "out", line] for n, line in enumerate(lines)]
    made += [[at + len(lines), "status", str(status)]] if status is not None else []
    state = "runs" if status is None else "ended"
    return f"{state}\n" + "".join(json.dumps(row) + "\n" for row in made)


def begun(operator: Scripted) -> Burnin:
    made = Burnin(operator, ORDER)  # type: ignore[arg-type]  # it stands in for an operator
    made.start()
    return made


def test_phases_are_judged_while_burnin_goes_on() -> None:
    operator = Scripted([
        said("- Testing global parameters", "- Creating instances"),
        said("- Stopping and starting instances", at=1010.0),
    ])  # fmt: skip
    made = begun(operator)
    assert operator.started[4:6] == (PROGRAM, f"--reason={ORDER.reason}")
    assert made.trouble("create") == ""
    assert operator.told[-2:] == ["burn-in, plain: create: 8.0 s", "burn-in, plain: startstop …"]
    assert operator.took["burn-in, plain: create"] == 8.0
    with pytest.raises(NotApplicable, match="leaves it out"):
        made.trouble("memory")
    with pytest.raises(NotApplicable, match="template plain"):
        made.trouble("migrate")


def test_a_restore_that_died_is_red_though_burnin_passed() -> None:
    """Trap 16: the job succeeds, its log has the warning, burn-in goes on."""
    log = [[[1002, 0], " - WARNING: Some disks for instance vm were not imported successfully"]]
    ops = [{"name": "OP_INSTANCE_CREATE", "status": "success", "result": None, "log": log}]
    jobs = json.dumps([{"id": 44, "received": 1002.1, "ops": ops}])
    lines = said("- Creating instances", "- Exporting and re-importing instances", at=1000.0)
    operator = Scripted([lines, said("- Reinstalling instances", at=1060.0)], jobs)
    assert "job 44 warned: WARNING: Some disks" in begun(operator).trouble("importexport")


def test_what_follows_on_a_failure_is_unknown() -> None:
    operator = Scripted([
        said("- Creating instances", "- Moving instances", "- Error detected: opcode buffer "
             "follows:", "", status=1),
    ])  # fmt: skip
    made = begun(operator)
    assert made.trouble("move") == "burn-in ended in it: nothing more"
    for later in ("reboot", "guests", "remove"):
        with pytest.raises(CommandFailed, match="ended in its phase 'move'"):
            made.trouble(later)


def test_a_burnin_that_vanished_is_told() -> None:
    operator = Scripted([said("- Creating instances"), "ended\n"])
    assert "it was killed" in begun(operator).trouble("create")


def test_names_that_exist_are_refused_before_anything() -> None:
    operator = Scripted([])
    operator.there = {NAME: object()}
    with pytest.raises(CommandFailed, match="would erase"):
        begun(operator)
    assert not operator.written


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        (f"boot\nREADY gntverify-{RUN}-600 7 ok\n", ""),
        (f"READY {NAME} 7 ok\n", ""),
        ("READY other 7 ok\n", "says: READY other 7 ok"),
        ("BROKEN the disk cannot be mounted\n", "says: BROKEN the disk"),
        ("Kernel panic\n", "does not come up"),
        ("", "console: nothing"),
    ],
)
def test_a_guest_is_whole_and_has_its_name(text: str, trouble: str) -> None:
    said = guest_trouble(NAME, text)
    assert trouble in said
    assert bool(said) == bool(trouble)
