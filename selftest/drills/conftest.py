"""A host of its own for the drills: an sshd on loopback with a /var/lib and a /run/lock."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from gntverify.transport.session import Session
from gntverify.transport.ssh import Options
from selftest.nodes import host
from selftest.sshd import Sshd


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    directory = tmp_path_factory.mktemp("drills")
    locks = directory / "lock"
    locks.mkdir()
    with host(
        directory / "host", "node1", {}, prepare=f"mount --bind {locks} /run/lock || exit 1"
    ) as made:
        yield made


@pytest.fixture
def session(server: Sshd) -> Iterator[Session]:
    """A run's session; what it holds must end with it."""
    made = connected(server)
    yield made
    made.close()


def connected(server: Sshd) -> Session:
    made = Session("node1", Options(str(server.config), str(server.identity)))
    made.open()
    return made


@pytest.fixture
def node(session: Session) -> Any:
    return node_of(session)


def node_of(session: Any) -> Any:
    """What of a node the drills' own files need."""
    return SimpleNamespace(name="node1.gnt.example", short="node1", source=session)
