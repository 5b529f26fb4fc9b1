"""What the site's ``allow.disruptive`` calls a drill."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gntverify.drilling import kind_of


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("tests/drills/test_restore.py", "restore"),
        ("tests/drills/test_random.py", "random"),
        ("tests/perf/test_nodes.py", "perf"),
        ("tests/perf/test_guests.py", "perf"),
    ],
)
def test_a_drill_is_called_by_its_file_and_what_measures_by_its_folder(
    path: str, kind: str
) -> None:
    item = cast("Any", SimpleNamespace(path=Path("/somewhere") / path))
    assert kind_of(item) == kind
