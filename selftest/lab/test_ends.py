"""How a machine's end is noticed, and what becomes of a snapshot that fails; without QEMU."""

import asyncio
import ctypes
import json
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gntverify.deadline import wait_for
from gntverify.errors import CommandFailed, DeadlinePassed, SiteError
from provision.lab import monitor, node, snapshot
from provision.lab.plan import Plan
from provision.lab.reporting import Reporting
from provision.lab.watch import watched

PR_SET_CHILD_SUBREAPER = 36


@pytest.fixture
def sleepers(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plan]:
    """A lab whose QEMU only sleeps, with consoles and disks; all of it ends with the test."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # we bury, as a lab's first process does
    monkeypatch.chdir(plan.home)
    made = replace(plan, qemu=["sh", "-c", "sleep 60; true", "qemu"])
    for machine in made.machines:
        place = made.path("nodes", machine.short)
        place.mkdir(parents=True)
        for disk in node.DISKS:
            (place / f"{disk}.qcow2").write_text("what was written last")
        node.start(made, machine)
    yield made
    snapshot.end_machines(made)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0)


def test_an_end_that_nobody_wanted_is_told_with_qemus_own_words(plan: Plan) -> None:
    made = replace(plan, qemu=["sh", "-c", "echo no memory >&2; exit 1", "qemu"])
    machine = made.machines[0]
    made.path("nodes", machine.short).mkdir(parents=True)
    node.start(made, machine)
    found = wait_for("the end", lambda: (node.trouble(made, machine) or None, "none"), 5)
    want = "The QEMU of node 'node1' ended with status 1; the last it said: no memory."
    assert found == want
    assert not node.running(made, machine)
    with pytest.raises(CommandFailed, match="'node1' ended with status 1"):
        node.check_all(made)


def test_a_wanted_end_is_none_to_be_told(sleepers: Plan) -> None:
    assert all(node.running(sleepers, machine) for machine in sleepers.machines)
    snapshot.end_machines(sleepers)
    assert not any(node.running(sleepers, machine) for machine in sleepers.machines)
    node.check_all(sleepers)


def test_a_started_machine_has_no_old_panic(sleepers: Plan) -> None:
    machine = sleepers.machines[0]
    log = sleepers.path("nodes", machine.short, "serial.log")
    log.write_text("Kernel panic - not syncing: Fatal\n")
    assert "panicked: Kernel panic" in node.trouble(sleepers, machine)
    snapshot.end_machines(sleepers)
    node.start(sleepers, machine)
    assert node.trouble(sleepers, machine) == ""
    assert log.with_suffix(".log.1").exists()


def test_a_command_in_the_lab_hears_of_an_end(
    plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    place = plan.path("nodes", "node2")
    place.mkdir(parents=True)
    with watched(plan):
        (place / "qemu.log").write_text("Killed\n")
        (place / node.ENDED).write_text("137\n")
    said = capsys.readouterr().err
    assert said.startswith("lab: The QEMU of node 'node2' ended with status 137; ")
    assert said.count("Killed") == 1


class FakeQemu(threading.Thread):
    """Answers QMP for every node: ``answers`` by command, else an empty one."""

    def __init__(self, plan: Plan, answers: dict[str, Any], mute: str = "") -> None:
        super().__init__(daemon=True)
        self.plan, self.answers, self.mute = plan, answers, mute
        self.asked: list[str] = []
        self.ready, self.loop = threading.Event(), asyncio.new_event_loop()
        plan.path("run").mkdir()
        self.start()
        assert self.ready.wait(5)

    def run(self) -> None:
        """Serve for ever."""
        self.loop.run_until_complete(self.serve())
        self.loop.run_forever()

    async def serve(self) -> None:
        """Every node's socket."""
        for machine in self.plan.machines:
            await asyncio.start_unix_server(self.talk, f"run/{machine.short}.qmp")
        self.ready.set()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        version = {"qemu": {"major": 10, "minor": 0, "micro": 2}, "package": ""}
        self.say(writer, {"QMP": {"version": version, "capabilities": []}})
        while text := await reader.read(4096):  # one question at a time, without a line's end
            asked = json.loads(text)
            self.asked.append(asked["execute"])
            if asked["execute"] != self.mute:
                answer = self.answers.get(asked["execute"], {})
                self.say(writer, {"return": answer, "id": asked.get("id")})
        writer.close()

    @staticmethod
    def say(writer: asyncio.StreamWriter, message: object) -> None:
        """One message."""
        writer.write(json.dumps(message).encode() + b"\n")


def test_a_snapshot_that_fails_lets_all_machines_go_on(sleepers: Plan, quiet: Reporting) -> None:
    qemu = FakeQemu(sleepers, {"query-migrate": {"status": "failed", "error-desc": "disk full"}})
    with pytest.raises(CommandFailed, match="could not be moved: disk full"):
        snapshot.take(sleepers, "clean", quiet)
    assert qemu.asked.count("stop") == qemu.asked.count("cont") == len(sleepers.machines)
    assert list(sleepers.path("snapshots").iterdir()) == []
    assert all(node.running(sleepers, machine) for machine in sleepers.machines)


def test_what_an_interrupted_snapshot_left_is_not_the_only_copy(
    sleepers: Plan, quiet: Reporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(plan: Plan, source: Path, progress: Reporting) -> None:
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        raise CommandFailed("a node did not start")

    FakeQemu(sleepers, {"query-migrate": {"status": "completed"}})
    monkeypatch.setattr(snapshot, "resume", interrupted)
    with pytest.raises(CommandFailed, match="did not start"):
        snapshot.take(sleepers, "clean", quiet)
    for place in (sleepers.path("snapshots", "clean"), sleepers.path("nodes")):
        assert (place / "node3/sdb.qcow2").read_text() == "what was written last"
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN


def test_a_lab_that_is_not_whole_is_not_touched(sleepers: Plan, quiet: Reporting) -> None:
    node.kill(sleepers, sleepers.machines[1])
    wait_for("the end", lambda: (not node.running(sleepers, sleepers.machines[1]) or None, ""), 5)
    with pytest.raises(SiteError, match="not whole: node2 does not run"):
        snapshot.take(sleepers, "clean", quiet)
    assert not sleepers.path("snapshots").exists()


def test_a_monitor_that_does_not_answer_is_named(
    sleepers: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(monitor, "ASK_LIMIT_S", 0.1)
    FakeQemu(sleepers, {}, mute="stop")
    with pytest.raises(DeadlinePassed, match="did not answer to `stop` within 0 s"):
        monitor.on_all(sleepers, snapshot._pause)


def test_a_machine_that_ends_is_named_by_who_awaits_another(sleepers: Plan) -> None:
    FakeQemu(sleepers, {"query-migrate": {"status": "active"}})
    place = sleepers.path("nodes", "node3")
    (place / "qemu.log").write_text("Killed")
    (place / node.ENDED).write_text("137\n")

    with pytest.raises(CommandFailed, match="'node3' ended with status 137"):
        monitor.on_all(sleepers, lambda one: one.settled("completed"))
