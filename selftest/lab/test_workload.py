"""What is made on a lab's cluster, in which order; and that its instance's processor is halted."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from gntverify.errors import CommandFailed
from gntverify.site import load_site
from provision.lab.workload import MIRRORED, ensure_workload, halted

SITE = load_site(Path(__file__).parents[2] / "sites" / "lab.toml")
SOCAT = """\
#!/bin/sh
cat > "$0.asked"
echo "$@" > "$0.argv"
echo "VM status: {status}"
"""


class NewCluster:
    """A cluster that has nothing yet, takes every command, and remembers them."""

    def __init__(self, refused: str = "nothing") -> None:
        self.refused = refused
        self.commands: list[str] = []

    def __call__(
        self, node: str, argv: Sequence[str], *, timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Done, or refused where these words are in it."""
        assert (node, timeout_s > 0) == ("node1", True)
        self.commands.append(" ".join(argv))
        status = int(self.refused in self.commands[-1])
        return subprocess.CompletedProcess(argv, status, "", "no such thing\n" * status)

    def place(self, words: str) -> int:
        """The number of the one command with these words."""
        (found,) = [n for n, command in enumerate(self.commands) if words in command]
        return found


def test_nothing_runs_while_an_export_comes_in() -> None:
    cluster = NewCluster()
    assert ensure_workload(SITE, cluster)
    start = cluster.place(f"gnt-instance start {MIRRORED}")
    assert cluster.place("gnt-backup export") < start
    assert cluster.place("info status") == start + 1


def test_a_processor_that_runs_on_is_told() -> None:
    with pytest.raises(CommandFailed, match=r"'node1', `bash -c printf .* 1: no such thing$"):
        ensure_workload(SITE, NewCluster("info status"))


@pytest.mark.parametrize(("status", "code"), [("paused", 0), ("running", 1)])
def test_the_monitor_has_the_last_word(tmp_path: Path, status: str, code: int) -> None:
    socat = tmp_path / "socat"
    socat.write_text(SOCAT.format(status=status))
    socat.chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["/bin/bash", "-c", halted("vm1")], env=path, timeout=20, check=False)
    assert done.returncode == code
    assert (tmp_path / "socat.asked").read_text() == "stop\ninfo status\n"
    assert (tmp_path / "socat.argv").read_text().endswith("/ctrl/vm1.monitor\n")
