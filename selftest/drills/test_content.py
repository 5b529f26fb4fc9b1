import hashlib
from pathlib import Path
from typing import Any

import pytest

from gntverify.drills import content
from gntverify.drills.content import device_of, parse_sums
from gntverify.errors import CommandFailed
from gntverify.evidence import Answer


class Says:
    """A node's source that has one answer."""

    def __init__(self, rc: int, out: str, err: str = "") -> None:
        self.source = self
        self.answer = Answer("node1", ("check-disk",), rc, out, err, 0.0, 0.1)

    def ask(self, *_: Any, **__: Any) -> Answer:
        """That answer."""
        return self.answer


def test_the_first_disk_is_the_one() -> None:
    told = "node3:disk/0:/dev/xenvg/a.disk0\nnode3:disk/1:/dev/xenvg/b.disk1\n"
    assert device_of(told) == "/dev/xenvg/a.disk0"
    with pytest.raises(CommandFailed, match="no device"):
        device_of("Failure: nothing")


def test_a_check_that_cannot_tell_is_no_verdict() -> None:
    whole: Any = Says(0, "canary 7 1795585750 ok\n")
    broken: Any = Says(1, "canary 7 1795585750 broken: data/03 differs\n")
    untold: Any = Says(2, "", "there is no such device")
    assert content.canary(whole, "/dev/x") == []
    assert content.canary(broken, "/dev/x") == ["canary 7 1795585750 broken: data/03 differs"]
    with pytest.raises(CommandFailed, match="no such device"):
        content.canary(untold, "/dev/x")


def test_sums_are_by_path(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    assert parse_sums(f"{digest}  ./etc/hostname\ngone  /etc/fstab\n") == {"/etc/hostname": digest}
    assert parse_sums("") == {}
