"""The end of the lab that all live tests share: killed, it leaves nothing."""

import contextlib
import os
import signal
from pathlib import Path

from gntverify.deadline import wait_for
from labtest.conftest import Lab
from provision.lab.namespace import find_init
from provision.lab.plan import home_of


def test_a_killed_lab_leaves_nothing(built: Lab) -> None:
    """Kill -9 of the lab's first process ends every machine, network and mount of it."""
    init = find_init(home_of(built.name))
    assert init is not None
    namespace = str(Path(f"/proc/{init}/ns/net").readlink())
    assert len(living_in(namespace)) > 4
    os.kill(init, signal.SIGKILL)
    wait_for("The end of the lab", lambda: _gone(namespace), 10)
    built.down()
    assert not home_of(built.name).exists()


def living_in(namespace: str) -> set[str]:
    """Process ids in a network namespace."""
    found = set()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and str((entry / "ns" / "net").readlink()) == namespace:
                found.add(entry.name)
    return found


def _gone(namespace: str) -> tuple[bool | None, str]:
    left = living_in(namespace)
    return (None, f"processes {sorted(left)}") if left else (True, "gone")
