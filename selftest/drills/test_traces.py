"""What of a cluster's configuration is compared before and after drills."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gntverify.drills.traces import _CONFIG, difference, parse_config


def _config(**change: Any) -> dict[str, Any]:
    vm = {"name": "vm1", "disks": ["d1"], "ctime": 1795817583.28176, "serial_no": 3, "mtime": 5}
    return {
        "version": 3000000,
        "ctime": 1.0,
        "serial_no": 9,
        "cluster": {"highest_used_port": 11001, "tcpudp_port_pool": [], "tags": []},
        "instances": {"u": vm | change},
        "disks": {"d1": {"size": 1024}},
    }


def _traces(config: dict[str, Any], folder: Path) -> Any:
    file = folder / "config.data"
    file.write_text(json.dumps(config))
    text = _CONFIG.replace("/var/lib/ganeti/config.data", str(file))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, check=True)
    return parse_config(done.stdout.decode())


def test_objects_are_named_as_people_name_them(tmp_path: Path) -> None:
    assert set(_traces(_config(), tmp_path)) == {"cluster tags", "instances vm1", "disks d1"}


@pytest.mark.parametrize(
    "change",
    [{"serial_no": 4}, {"mtime": 7}, {"ctime": 1795817583.2817597}],
    ids=lambda change: next(iter(change)),
)
def test_what_ganeti_changes_by_itself_is_no_difference(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    """A new master writes the same time of creation with other digits."""
    before, after = _traces(_config(), tmp_path), _traces(_config(**change), tmp_path)
    assert difference(before, after) == []


def test_what_else_changed_is_named(tmp_path: Path) -> None:
    before = _traces(_config(), tmp_path)
    assert difference(before, _traces(_config(hvparams={"cpu_type": "host"}), tmp_path)) == [
        "instances vm1 has changed"
    ]
    gone = _config()
    gone["instances"] = {"v": {"name": "vm2"}}
    assert difference(before, _traces(gone, tmp_path)) == [
        "instances vm2 was not there before",
        "instances vm1 is gone",
    ]
