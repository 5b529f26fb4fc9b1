"""What is made on a lab's cluster, in which order; and that its instance's processor is halted."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from gntverify.errors import CommandFailed
from gntverify.site import load_site
from provision.lab.workload import MIRRORED, PLAIN, ensure_workload, halted, named

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
        assert timeout_s > 0
        self.commands.append(" ".join(argv))
        if node != "node1":
            assert "/etc/hosts" in self.commands[-1]
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


def test_every_node_knows_the_names_once(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    text = named(SITE).replace("/etc/hosts", str(hosts))
    told = [subprocess.check_output(["/bin/sh", "-c", text], text=True) for _ in range(2)]
    assert hosts.read_text() == "127.0.0.1 localhost\n" + told[0]
    assert told[0].split()[1::3] == [PLAIN, MIRRORED]
    assert told[1] == ""
    cluster = NewCluster()
    ensure_workload(SITE, cluster)
    assert sum("/etc/hosts" in command for command in cluster.commands) == len(SITE.nodes)


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
