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


def test_a_log_may_be_of_the_group_of_the_daemon_that_made_it(samples: SimpleNamespace) -> None:
    path = "/var/log/ganeti/luxi-daemon.log"
    line = f"600 gnt-masterd:gnt-masterd {path}"
    assert _changed(samples, line, f"600 gnt-masterd:gnt-luxid {path}") == {}
    assert _changed(samples, line, f"600 gnt-masterd:gnt-rapi {path}") == {
        path: "is 600 gnt-masterd:gnt-rapi, expected 600|640 gnt-masterd:gnt-masterd"
    }


@pytest.mark.parametrize(
    ("path", "as_told", "may_be"),
    [
        ("/var/log/ganeti/wconf-daemon.log", "600 gnt-masterd:gnt-confd", "600 root:root"),
        # as luxid makes it
        ("/var/lib/ganeti/queue/lock", "640 gnt-masterd:gnt-daemons", "600 gnt-masterd:gnt-luxid"),
    ],
)
def test_whose_it_is_may_be_open(
    samples: SimpleNamespace, path: str, as_told: str, may_be: str
) -> None:
    line = f"{as_told} {path}"
    assert _changed(samples, line, f"{may_be} {path}") == {}
    assert _changed(samples, line, f"666 root:root {path}") == {
        path: "is 666 root:root, expected 600|640"
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
