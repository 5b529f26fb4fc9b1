"""Which node may crash, and the shell text that takes it back, with a gnt-node of ours."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gntverify.controls import NotApplicable
from gntverify.drills import crash
from gntverify.drills.crash import bystanders, expendable, online
from gntverify.ganeti.instances import Live

NODES = {name: SimpleNamespace(name=name, short=name) for name in ("a", "b", "c")}


def one(primary: str, *secondaries: str) -> Any:
    return SimpleNamespace(primary=primary, secondaries=secondaries)


def operator(instances: dict[str, Any], **running: bool | None) -> Any:
    live = {name: Live(state, None, None) for name, state in running.items()}
    source = SimpleNamespace(name="a")
    return SimpleNamespace(
        instances=lambda: instances, live=lambda: live, master=SimpleNamespace(source=source)
    )


def test_who_runs_or_may_run_or_has_a_copy_is_a_bystander() -> None:
    instances = {
        "own": one("c"),
        "copied": one("a", "c"),
        "runs": one("c"),
        "stopped": one("c"),
        "silent": one("c"),
        "unheard": one("c"),
        "elsewhere": one("b"),
    }
    made = operator(instances, runs=True, stopped=False, silent=None, elsewhere=True)
    found = bystanders(made, cast("Any", NODES["c"]), "own")
    assert found == ["copied", "runs", "silent", "unheard"]


@pytest.mark.parametrize(
    ("instances", "want"),
    [
        ({"own": one("b", "c")}, "b"),
        ({"own": one("b", "c"), "other": one("b")}, "c"),
        ({"own": one("a", "c")}, "c"),
        ({"own": one("b", "c"), "other": one("b", "c")}, ""),
    ],
)
def test_the_node_that_is_lost_has_nothing_of_others(
    monkeypatch: pytest.MonkeyPatch, instances: dict[str, Any], want: str
) -> None:
    roles = {"a": "M", "b": "R", "c": "R"}
    states = {n: SimpleNamespace(role=r, master_capable=True) for n, r in roles.items()}
    monkeypatch.setattr(crash, "read_nodes", lambda _: states)
    made = operator(instances, other=True)
    own = instances["own"]
    guest = SimpleNamespace(
        operator=made, name="own", primary=NODES[own.primary], secondary=NODES[own.secondaries[0]]
    )
    if want:
        assert expendable(cast("Any", guest)).name == want
    else:
        with pytest.raises(NotApplicable, match="b has other; c has other"):
            expendable(cast("Any", guest))


def sh(tmp_path: Path, text: str, role: str, failures: int = 0) -> tuple[int, list[str], str]:
    """Status, what was done, and the role then, of a node whose daemon is late."""
    (tmp_path / "role").write_text(role)
    (tmp_path / "failures").write_text("x" * failures)
    (tmp_path / "log").write_text("")
    program = tmp_path / "gnt-node"
    program.write_text(
        f"""#!/bin/sh
cd {tmp_path} || exit
[ "$1" != list ] || exec cat role
if [ -s failures ]; then truncate -s -1 failures; exit 1; fi
[ "$2" = --force ] || exit 1  # it asks, and nobody answers
echo "$3" >> log
case $3 in --offline=no) echo R > role;; --master-candidate=yes) echo C > role;; esac
"""
    )
    program.chmod(0o755)
    (tmp_path / "sleep").write_text("#!/bin/sh\n")
    (tmp_path / "sleep").chmod(0o755)
    done = subprocess.run(
        ["/bin/sh", "-c", text],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    log = (tmp_path / "log").read_text().split()
    return done.returncode, log, (tmp_path / "role").read_text().strip()


BOTH = ["--offline=no", "--master-candidate=yes"]


@pytest.mark.parametrize(
    ("candidate", "role", "failures", "want"),
    [
        (True, "O", 0, (0, BOTH, "C")),
        (True, "O", 3, (0, BOTH, "C")),
        (True, "R", 0, (0, BOTH[1:], "C")),
        (True, "C", 0, (0, [], "C")),
        (False, "O", 0, (0, BOTH[:1], "R")),
        (False, "R", 0, (0, [], "R")),
        (False, "O", 99, (1, [], "O")),
    ],
)
def test_a_node_is_taken_back_as_what_it_was(
    tmp_path: Path, candidate: bool, role: str, failures: int, want: tuple[int, list[str], str]
) -> None:
    assert sh(tmp_path, online("c", candidate=candidate), role, failures) == want
