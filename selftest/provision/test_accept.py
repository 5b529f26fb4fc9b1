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

    def run(step: Step, place: str, taken: list[object]) -> int:
        assert place
        assert not taken
        played.append(step.title)
        return 0

    monkeypatch.setattr(accept, "_run", run)
    done = CliRunner().invoke(accept.accept, ["--site", str(SITE_FILE), *words])
    assert done.exit_code == 0, done.output
    assert played == TITLES[:count]


@pytest.mark.parametrize(
    ("statuses", "died", "expected", "ends"),
    [
        ({"a restore": 1}, "", TITLES[:4], 1),
        ({"a restore": 2}, "", TITLES[:4], 2),
        ({"the suite": 1}, "", TITLES, 1),
        ({"the suite": 2}, "", TITLES[:6], 2),
        ({"the drills": 1}, "", TITLES, 1),
        ({"the drills": 1}, "node1 panicked.", [*TITLES, "the reset", "the drills"], 0),
        ({"the drills": 2}, "node1 panicked.", TITLES, 2),
    ],
)
def test_a_step_that_fails_ends_what_stands_on_it(
    monkeypatch: pytest.MonkeyPatch,
    statuses: dict[str, int],
    died: str,
    expected: list[str],
    ends: int,
) -> None:
    """Drills that a dying node of the lab has ended are played once more, and that is said."""
    played: list[str] = []

    def run(step: Step, place: str, taken: list[object]) -> int:
        played.append(step.title)
        taken.append((step.title, 1.0, 0))
        return statuses.get(step.title, 0) if place != "again" else 0

    monkeypatch.setattr(accept, "_run", run)
    monkeypatch.setattr(accept, "fallen", lambda _: died)
    done = CliRunner().invoke(accept.accept, ["--site", str(SITE_FILE)])
    assert (played, done.exit_code) == (expected, ends), done.output
    assert ("once more" in done.output) == (expected[-2:] == ["the reset", "the drills"])
