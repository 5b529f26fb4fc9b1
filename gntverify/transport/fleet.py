"""All hosts of a run: opened at once, asked ahead at once, closed together."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from gntverify.errors import Unreachable
from gntverify.transport.session import Session
from gntverify.transport.ssh import Options

MOST_AT_ONCE = 32

Learned = Mapping[str, Sequence[tuple[Sequence[str], float]]]


class Fleet:
    """The hosts of ``--hosts``.

    Attributes:
        sources: sessions of the hosts that answer, by name, in the order given.
        unreachable: why the others do not, by name.
    """

    def __init__(self, hosts: Sequence[str], options: Options) -> None:
        self._all = {host: Session(host, options) for host in hosts}
        self.sources: dict[str, Session] = {}
        self.unreachable: dict[str, Unreachable] = {}

    def open(self) -> None:
        """Connect to every host; those that do not answer are told in ``unreachable``."""
        with ThreadPoolExecutor(min(MOST_AT_ONCE, len(self._all))) as pool:
            problems = dict(zip(self._all, pool.map(_opened, self._all.values()), strict=True))
        for host, problem in problems.items():
            if problem is None:
                self.sources[host] = self._all[host]
            else:
                self.unreachable[host] = problem

    def prefetch(self, learned: Learned) -> None:
        """Ask every host now what it was asked on an earlier run; wait for nothing.

        A host that was not there then is asked what all the others were.
        """
        common = _common(learned)
        for host, source in self.sources.items():
            for argv, limit_s in learned.get(host, common):
                source.begin(argv, limit_s)

    def asked(self) -> dict[str, list[tuple[list[str], float]]]:
        """What every host was asked, to be learned."""
        return {
            host: [(list(argv), limit_s) for argv, limit_s in source.asked.items()]
            for host, source in self.sources.items()
        }

    def close(self) -> None:
        """End all sessions."""
        for session in self._all.values():
            session.close()


def _opened(session: Session) -> Unreachable | None:
    try:
        session.open()
    except Unreachable as err:
        return err
    return None


def _common(learned: Learned) -> list[tuple[Sequence[str], float]]:
    sets = [{(tuple(argv), limit_s) for argv, limit_s in asked} for asked in learned.values()]
    return [(argv, limit_s) for argv, limit_s in sorted(set.intersection(*sets))] if sets else []
