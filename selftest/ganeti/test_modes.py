from types import SimpleNamespace

import pytest

from gntverify.errors import ParseError
from gntverify.ganeti import modes
from gntverify.transport.replay import Replay


def test_the_recorded_nodes_are_as_ensure_dirs_makes_them(master: Replay, other: Replay) -> None:
    for node in (master, other):
        have = modes.read_modes(node)
        assert modes.wrong(have) == {}
        assert str(have["/var/lib/ganeti/server.pem"]) == "440 gnt-masterd:gnt-masterd"
        assert "/var/lib/ganeti/ssconf_node_list" in have


def test_the_table_is_whole() -> None:
    assert len({one.path for one in modes.WANTED}) == len(modes.WANTED)
    for one in modes.WANTED:
        assert one.path.startswith("/var/")
        assert all(len(mode) == 3 for mode in one.modes)
        assert not any(mode[2] in "2367" for mode in one.modes), f"{one.path}: open to the world"


def _changed(samples: SimpleNamespace, line: str, instead: str) -> dict[str, str]:
    assert line in samples.MODES
    return modes.wrong(modes.parse_modes(samples.MODES.replace(line, instead)))


def test_what_may_be_missing_is_no_trouble(samples: SimpleNamespace) -> None:
    assert modes.wrong(modes.parse_modes(samples.MODES)) == {}
    assert "cannot statx '/var/lib/ganeti/client.pem'" in samples.MODES


def test_logs_may_be_as_logrotate_makes_them(samples: SimpleNamespace) -> None:
    log = "root:gnt-masterd /var/log/ganeti/node-daemon.log"
    assert _changed(samples, f"600 {log}", f"640 {log}") == {}
    assert _changed(samples, f"600 {log}", f"644 {log}") == {
        "/var/log/ganeti/node-daemon.log": "is 644 root:gnt-masterd, "
        "expected 600|640 root:gnt-masterd"
    }


def test_the_lock_of_the_queue_may_be_as_luxid_makes_it(samples: SimpleNamespace) -> None:
    lock = "/var/lib/ganeti/queue/lock"
    line = f"640 gnt-masterd:gnt-daemons {lock}"
    assert _changed(samples, line, f"600 gnt-masterd:gnt-luxid {lock}") == {}
    assert _changed(samples, line, f"666 gnt-masterd:gnt-luxid {lock}") == {
        lock: "is 666 gnt-masterd:gnt-luxid, expected 600|640"
    }


def test_whose_log_it_is_may_be_open(samples: SimpleNamespace) -> None:
    log = "/var/log/ganeti/wconf-daemon.log"
    line = f"600 gnt-masterd:gnt-confd {log}"
    assert _changed(samples, line, f"600 root:root {log}") == {}
    assert _changed(samples, line, f"666 root:root {log}") == {
        log: "is 666 root:root, expected 600|640"
    }


def test_a_directory_must_be_there(samples: SimpleNamespace) -> None:
    path = "/var/run/ganeti/crypto"
    gone = f"stat: cannot stat '{path}': No such file or directory"
    assert _changed(samples, f"700 root:gnt-masterd {path}", gone) == {
        path: "is missing, expected 700 root:gnt-masterd"
    }


def test_every_file_of_a_pattern_is_looked_at(samples: SimpleNamespace) -> None:
    path = "/var/lib/ganeti/ssconf_master_node"
    assert list(_changed(samples, f"444 root:root {path}", f"4444 root:root {path}")) == [path]


@pytest.mark.parametrize(
    "instead",
    [
        "",
        "stat: cannot statx '/var/lib/ganeti/queue/lock': Permission denied\n",
        "640 gnt-masterd /var/lib/ganeti/queue/lock\n",
        "rw- gnt-masterd:gnt-daemons /var/lib/ganeti/queue/lock\n",
    ],
)
def test_a_path_without_a_word_is_refused(instead: str, samples: SimpleNamespace) -> None:
    line = "640 gnt-masterd:gnt-daemons /var/lib/ganeti/queue/lock\n"
    assert line in samples.MODES
    with pytest.raises(ParseError):
        modes.parse_modes(samples.MODES.replace(line, instead))
