"""What a restored guest is asked from beside it, and what it answers instead of what it should."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address

from gntverify.deadline import wait_for
from gntverify.drills import console, link
from gntverify.drills.operator import Operator
from gntverify.errors import CommandFailed, DeadlinePassed
from gntverify.site.drills import Probe

ANSWER_S = 60.0
EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest on the drill's link.

    Attributes:
        name: of the instance.
        instance: whose copy it is.
        address: where it answers, if anybody knows.
    """

    operator: Operator
    link: link.Link
    name: str
    instance: str
    address: IPv4Address | None

    def silent(self, probes: Iterable[Probe]) -> list[str]:
        """Probes that were not answered as they should be, each with what came instead.

        Raises:
            CommandFailed, CommandTimeout, ParseError: one could not be tried.
        """
        return [wrong for probe in probes if (wrong := self._wrong(probe))]

    def _wrong(self, probe: Probe) -> str:
        """A service that comes up some time after the login is waited for."""
        if probe.kind == "console":
            typed = f"{probe.send}\r"
            seen = console.watch(self.link.node, self.name, probe.want, ANSWER_S, typed)
            return "" if seen.found else f"console: {seen.last!r}, expected {probe.want!r}"
        last = ""

        def ask() -> tuple[bool | None, str]:
            nonlocal last
            last = self._asked(probe)
            return (None if last else True), last

        with suppress(DeadlinePassed):
            wait_for(f"An answer of {self.name!r}", ask, ANSWER_S, every_s=EVERY_S)
        return last

    def _asked(self, probe: Probe) -> str:
        where = {"http": f"http {probe.path}", "tcp": f"tcp {probe.port}"}.get(
            probe.kind, probe.kind
        )
        if self.address is None:
            raise CommandFailed(
                f"Nobody knows the address of the guest of {self.instance!r}; name it in the site "
                "file (drills.guests, address)."
            )
        asked = (probe.kind, str(probe.port), probe.path)
        said, error = link.ask(self.operator, self.link, self.address, asked)
        if error:
            return f"{where}: {error}"
        if re.search(probe.want, said):
            return ""
        return f"{where}: {said[:80]!r}, expected {probe.want!r}"
