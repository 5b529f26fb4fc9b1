"""testinfra's idiom on our sessions: ``node.host.sysctl("net.ipv4.ip_forward") == 1``."""

from collections.abc import Mapping
from typing import Any

import testinfra.backend
from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from gntverify.errors import TargetRefused
from gntverify.transport.source import Source

NAME = "gntverify"
LIMIT_S = 30.0


class SourceBackend(BaseBackend):  # type: ignore[misc]  # testinfra ships no types
    """testinfra's backend on a :class:`~gntverify.transport.source.Source`."""

    NAME = NAME
    live: Mapping[str, Source] = {}
    """The sessions of the run, for testinfra's own ``host`` fixture."""

    def __init__(self, hostname: str, *, source: Source | None = None, **_options: Any):
        # The session has become root already when --sudo asks for it.
        super().__init__(hostname, sudo=False)
        found = source or self.live.get(hostname)
        if found is None:
            raise TargetRefused(f"Host {hostname!r} has no session in this run.")
        self.source = found

    @property
    def encoding(self) -> str:
        """What the agent decodes; asking the node would cost a Python start."""
        return "utf-8"

    def run(self, command: str, *args: str, **_kwargs: Any) -> CommandResult:
        """Run shell text on the host.

        Raises:
            CommandTimeout: it did not end within its limit.
            Unreachable: the host is lost.
        """
        text = self.get_command(command, *args)
        answer = self.source.ask(("sh", "-c", text), timeout_s=LIMIT_S)
        status = answer.status()
        return self.result(
            status,
            text.encode("utf-8", "surrogateescape"),
            answer.stdout.encode("utf-8", "surrogateescape"),
            answer.stderr.encode("utf-8", "surrogateescape"),
        )


def testinfra_host(source: Source) -> Host:
    """The host as testinfra's."""
    return Host(SourceBackend(source.name, source=source))


def register(sources: Mapping[str, Source]) -> None:
    """Make the backend known to testinfra under its name, with the sessions of the run."""
    SourceBackend.live = sources
    testinfra.backend.BACKENDS[NAME] = f"{__name__}.{SourceBackend.__name__}"
