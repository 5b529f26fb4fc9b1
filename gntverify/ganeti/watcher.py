"""The watcher: that cron starts it, that nobody paused it, when it last came to its end."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gntverify.facts.shape import number, refuse
from gntverify.ganeti.ssconf import DATA_DIR

if TYPE_CHECKING:
    from gntverify.transport.source import Source

# A run that fails does not write its state file (ganeti/watcher, _GroupWatcher), so the file's
# time is that of the last good run; the log's would be that of the last try. Only cron lines
# that name the watcher are printed: others may hold what is nobody's business. Files whose name
# has a dot or the like in it are passed over, as cron does (cron(8)).
COMMAND = [
    "sh",
    "-c",
    'date +"now %s"; '
    f'for f in {DATA_DIR}/watcher.*.data; do [ ! -e "$f" ] || '
    'stat -c "ran %Y" "$f" || exit; done; '
    f'f={DATA_DIR}/watcher.pause; [ ! -e $f ] || echo "pause $(cat $f)"; '
    'echo "cron $(systemctl is-active cron.service)"; '
    "for f in /etc/crontab /etc/cron.d/*; do case ${f##*/} in *[!A-Za-z0-9_-]*) ;; "
    "*) grep -hs ganeti-watcher \"$f\" | sed 's/^/line /';; esac; done",
]
# systemctl(1); it prints nothing at all when systemd does not answer it
_STATES = {"active", "reloading", "inactive", "failed", "activating", "deactivating", "unknown"}
_RAPI_IP = re.compile(r"--rapi-ip[= ]\s*(\S+)")
LOCALHOST = "127.0.0.1"
"""Where it asks RAPI when nothing else is said (``--rapi-ip``)."""
_ACTIVE = re.compile(r"\s*(@\w+|[^\s#]+(\s+\S+){4})\s+\S+\s+.*ganeti-watcher\b.*")


@dataclass(frozen=True, slots=True)
class Watcher:
    """The watcher on one node.

    Attributes:
        lines: lines of cron that start it; comments are none.
        cron: state of cron's service, ``active`` when all is well.
        pause_s: how long it is still paused, 0 when it is not.
        age_s: seconds since it last came to its end; None when it never did. Only on the
            master does it get that far.
        free_s: seconds since a pause of it ended; None when none is on record. Until then it
            could not run.
    """

    lines: tuple[str, ...]
    cron: str
    pause_s: float
    age_s: float | None
    free_s: float | None

    @property
    def asks(self) -> frozenset[str]:
        """The addresses on which it looks for RAPI; without an answer it starts it anew."""
        found = [_RAPI_IP.findall(line) for line in self.lines]
        return frozenset(given[-1] if given else LOCALHOST for given in found)

    @property
    def trouble(self) -> str:
        """Why it does not run by itself; empty when it does."""
        reasons = {
            "no line of /etc/cron.d or /etc/crontab starts it": not self.lines,
            f"cron is {self.cron}": self.cron != "active",
            f"it is paused for another {self.pause_s / 60:.0f} min": self.pause_s > 0,
        }
        return ", ".join(reason for reason, holds in reasons.items() if holds)


def parse_watcher(text: str) -> Watcher:
    """What :data:`COMMAND` printed.

    Raises:
        ParseError: a line is not understood.
    """
    values: dict[str, list[str]] = {"now": [], "ran": [], "pause": [], "cron": [], "line": []}
    for row in text.splitlines():
        key, _, value = row.partition(" ")
        if key not in values:
            raise refuse("stat and grep", row)
        values[key].append(value)
    if len(values["now"]) != 1 or len(values["cron"]) != 1:
        raise refuse("date and systemctl", text)
    if values["cron"][0] not in _STATES:
        raise refuse("systemctl is-active cron.service", values["cron"][0])
    now = number("date", values["now"][0])
    ends = [_whole(end) for end in values["pause"]]
    runs = [number("stat", run) for run in values["ran"]]
    return Watcher(
        lines=tuple(line for line in values["line"] if _ACTIVE.fullmatch(line)),
        cron=values["cron"][0],
        pause_s=max([0.0, *(end - now for end in ends)]),
        # the oldest of the groups: each group has a run of its own
        age_s=float(now - min(runs)) if runs else None,
        free_s=min((float(now - end) for end in ends if end <= now), default=None),
    )


def _whole(text: str) -> int:
    return number("watcher.pause", text.strip().partition(".")[0])


def read_watcher(source: "Source") -> Watcher:
    """The node's watcher."""
    return parse_watcher(source.ask(COMMAND).text())
