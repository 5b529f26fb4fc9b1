"""A node leaves the cluster, and the steps of the notes take it in again."""

from pathlib import Path

import pytest

from labtest.conftest import SITE_FILE, Lab, reason, red
from provision.lab.workload import MIRRORED, PLAIN

LEAVER = "node2.gnt.example"


@pytest.mark.long
def test_a_node_leaves_and_is_taken_in_again(drilled: Lab, tmp_path: Path) -> None:
    """`gnt-node remove`, and the build as ever: the node is a member again, and all is green."""
    drilled.snapshot("together")
    try:
        for name in (MIRRORED, PLAIN):
            drilled.on("node1", "gnt-instance", "remove", "--force", "--shutdown-timeout=0", name)
        drilled.on("node1", "gnt-node", "remove", LEAVER)
        assert LEAVER not in drilled.on("node1", "gnt-node", "list", "--no-headers", "-o", "name")
        drilled.build()
        drilled.provision("lab", "workload", "--name", drilled.name, limit_s=1200)
        status, verdicts = drilled.verify(tmp_path, f"--site={SITE_FILE}")
        assert not red(verdicts), reason(verdicts)
        assert status == 0
    finally:
        drilled.reset("together")
