"""What `make accept` does, in which order; and that its drills can be left out."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gntverify.site import load_site
from provision import accept
from provision.accept import Step, built_by, steps_for

SITE_FILE = Path(__file__).parents[2] / "sites" / "lab.toml"
TITLES = [step.title for step in steps_for(load_site(SITE_FILE), SITE_FILE, "lab")]


def test_the_drills_come_last_and_no_cached_state_has_seen_them() -> None:
    steps = steps_for(load_site(SITE_FILE), SITE_FILE, "lab")
    assert TITLES[-1] == accept.DRILLS
    assert accept.DRILLS not in [step.title for step in built_by(steps)]
    assert "--allow-disruptive" in steps[-1].argv


def test_these_drills_are_played() -> None:
    """Nobody would miss a file that was dropped."""
    words = [
        word for step in steps_for(load_site(SITE_FILE), SITE_FILE, "lab") for word in step.argv
    ]
    assert [word for word in words if word.startswith("tests/")] == [
        "tests/drills/test_restore.py",
        "tests/drills/test_lifecycle.py",
        "tests/drills/test_failover.py",
        "tests/drills/test_burnin.py::test_burn_in_passes_with_plain_disks",
    ]


@pytest.mark.parametrize(("words", "count"), [((), len(TITLES)), (("--no-drills",), -1)])
def test_they_can_be_left_out(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], count: int
) -> None:
    played: list[str] = []

    def run(step: Step, place: str) -> tuple[int, float]:
        assert place
        played.append(step.title)
        return 0, 1.0

    monkeypatch.setattr(accept, "_run", run)
    done = CliRunner().invoke(accept.accept, ["--site", str(SITE_FILE), *words])
    assert done.exit_code == 0, done.output
    assert played == TITLES[:count]
