"""The private network of a node is lost for a minute: found meanwhile, whole again by itself."""

from pathlib import Path

import pytest

from gntverify.deadline import wait_for
from labtest.conftest import SITE_FILE, Lab, reason, red

LOSE = "systemd-run --quiet sh -c 'ip link set eth0.2186 down; sleep 60; ip link set eth0.2186 up'"
APART = "grep -o 'cs:[A-Za-z]*' /proc/drbd"
MIRRORS_S = 60.0


@pytest.mark.long
def test_mirrors_come_back_after_a_minute_without_network(drilled: Lab, tmp_path: Path) -> None:
    """All mirrors of the node, not only a drill's own (F07); the suites are green afterwards."""
    assert drilled.on("node2", APART).split() == ["cs:Connected"]
    drilled.on("node2", LOSE)

    def apart(want: bool) -> tuple[bool | None, str]:
        have = set(drilled.on("node2", APART).split())
        return ((have != {"cs:Connected"}) is want or None), " ".join(have)

    wait_for("The loss of the mirror", lambda: apart(True), MIRRORS_S)
    wait_for("The mirror's return", lambda: apart(False), 60 + MIRRORS_S)
    status, verdicts = drilled.verify(tmp_path, f"--site={SITE_FILE}")
    assert not red(verdicts), reason(verdicts)
    assert status == 0
