from typing import Any

import pytest

from gntverify.deadline import wait_for
from gntverify.drills import lock
from gntverify.errors import TargetRefused
from selftest.drills.conftest import connected, node_of
from selftest.sshd import Sshd


def test_one_run_at_a_time(node: Any, server: Sshd) -> None:
    lock.take([node], "first")
    other = connected(server)
    try:
        assert "run first of" in lock.holder([node_of(other)])
        with pytest.raises(TargetRefused, match="run first of"):
            lock.take([node_of(other)], "second")
        lock.free([node])
        assert lock.holder([node_of(other)]) == ""
        lock.take([node_of(other)], "second")
        assert "run second of" in lock.holder([node])
        lock.free([node_of(other)])
    finally:
        other.close()


def test_a_run_that_is_gone_holds_nothing(node: Any, server: Sshd) -> None:
    killed = connected(server)
    lock.take([node_of(killed)], "killed")
    assert "run killed" in lock.holder([node])
    killed.close()

    def probe() -> tuple[bool | None, str]:
        held = lock.holder([node])
        return (None if held else True), held

    wait_for("The lock of a run that is gone", probe, 10)
