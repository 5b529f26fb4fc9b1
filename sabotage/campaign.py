"""The campaign: round by round something is broken, judged, mended, and found green again.

A round needs one run of the suite: whether what it broke is green again is told by the run of
the next round, in which that is not broken any more; the last run has nothing broken at all.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from gntverify.errors import CommandFailed, CommandTimeout, TargetRefused
from gntverify.verdicts import Verdict
from provision.lab.reporting import Reporting
from sabotage.fault import Fault
from sabotage.marks import Expectation, Mark, Seen, judged, seen_in, strays
from sabotage.packing import Round
from sabotage.stage import Stage, undisturbed

PROBES = 60
"""Times that a condition is asked for, a second apart."""

AGAIN = 2
"""Times that the tests are run again of which something was not told."""

NOT_DONE = (CommandFailed, CommandTimeout)


@dataclass
class Entry:
    """One line of the result.

    Attributes:
        control, sabotage, node: the fault.
        seen_red: its control failed on exactly that node.
        collateral: what was declared beside it and turned too.
        green_again: nothing of it was red in the next run that had it mended; None: not known.
        seconds: of its round: break, suite and mend.
        round: which one.
        codes: codes of verify that were seen with it.
        missing: what was declared and did not turn, or why it could not be played.
        stray: what was red in its round and nobody declared.
    """

    control: str
    sabotage: str
    node: str
    seen_red: bool
    collateral: list[str]
    green_again: bool | None
    seconds: float
    round: int
    codes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)

    @property
    def proven(self) -> bool:
        """Red where declared, nothing else red, and green again."""
        return self.seen_red and bool(self.green_again) and not self.missing and not self.stray

    def as_row(self) -> dict[str, Any]:
        """The entry for JSON."""
        return asdict(self)


@dataclass
class Campaign:
    """A run over all rounds.

    Attributes:
        keep: called with all entries after each round.
        limit_s: when no further round would end within it, the last run comes.
        keep_going: go on after a round that was not as declared.
        entries: what is known so far.
        left_out: faults that were not played.
    """

    stage: Stage
    rounds: Sequence[Round]
    expected: Mapping[Fault, Expectation]
    progress: Reporting
    keep: Callable[[list[Entry]], None]
    limit_s: float
    keep_going: bool = True
    clock: Callable[[], float] = time.monotonic
    entries: list[Entry] = field(default_factory=list)
    left_out: list[Fault] = field(default_factory=list)
    _broken: list[Fault] = field(default_factory=list)
    _pending: list[tuple[Entry, set[Mark]]] = field(default_factory=list)
    _to_reset: bool = False

    def run(self) -> None:
        """Play all rounds; whatever ends it, nothing stays broken.

        Raises:
            TargetRefused: the lab is not green at the start.
            CommandFailed, CommandTimeout: the suite cannot be run.
        """
        began = self.clock()
        try:
            self._first()
            longest = self.clock() - began
            self.progress.note(self._plan(longest))
            for number, group in enumerate(self.rounds, 1):
                before = self.clock()
                if before - began + 2 * longest > self.limit_s or self._failed():
                    self.left_out = [f for rest in self.rounds[number - 1 :] for f in rest]
                    break
                self._round(number, group)
                longest = max(longest, self.clock() - before)
            self._last()
        finally:
            self._tidy()

    def _failed(self) -> bool:
        return not self.keep_going and any(
            entry.missing or entry.stray or entry.green_again is False for entry in self.entries
        )

    def _plan(self, suite_s: float) -> str:
        faults = sum(map(len, self.rounds))
        minutes = (len(self.rounds) + 1) * (suite_s + 15) / 60
        return (
            f"all is green; {faults} faults in {len(self.rounds)} rounds, about {minutes:.0f} min"
        )

    def _first(self) -> None:
        self.stage.release()
        self.stage.tend()
        seen = self._look(0)
        if seen.marks:
            raise TargetRefused(
                "The lab is not green before anything is broken, so nothing could be told: "
                + "; ".join(seen.told(seen.marks))
                + ". `python -m provision lab reset provisioned` puts it back."
            )

    def _look(self, number: int, playing: Sequence[Fault] = ()) -> Seen:
        """What the suite sees; what a slow lab did not tell is asked again, twice at most."""
        verdicts = self.stage.suite(number)
        for _ in range(AGAIN):
            seen = seen_in(verdicts)
            strange = strays(seen, (self.expected[fault] for fault in playing))
            untold = [mark for mark in strange if seen.outcomes[mark] == {"unknown"}]
            if not untold:
                break
            for line in seen.told(untold):
                self.progress.note(f"  ONCE MORE, since it was not told: {line}")
            verdicts = self._asked_again(number, verdicts, {mark.control for mark in untold})
        return seen_in(verdicts)

    def _asked_again(
        self, number: int, verdicts: Sequence[Verdict], controls: Set[str]
    ) -> list[Verdict]:
        """The verdicts; what is unknown of these controls is told by a run of their tests alone.

        What was told stays: a failure that the second look does not see is no less one.
        """
        tests = {v.test.partition("[")[0] for v in verdicts if v.control in controls}
        if not tests or not all(".py::" in test for test in tests):
            return self.stage.suite(number)  # an event, a lost host: that is all or nothing
        untold = [v for v in verdicts if v.control in controls and v.outcome == "unknown"]
        told = [v for v in verdicts if v not in untold]
        return [*told, *self.stage.suite(number, sorted(tests))]

    def _round(self, number: int, group: Round) -> None:
        self.progress.note(f"round {number}/{len(self.rounds)}")
        for fault in group:
            self.progress.note(f"  break {fault}")
        began = self.clock()
        self.stage.hold()
        self._broken = list(group)
        with undisturbed():  # a break that goes on while it is mended would win
            failed = self._on_all(self._master_first(group), breaking)
        seen, left = Seen(), frozenset[Mark]()
        try:
            seen = self._look(number, group)
            left = self._judge_pending(seen, [fault for fault in group if fault not in failed])
        except NOT_DONE as err:  # so broken that the suite will not look: told, and no proof
            self.progress.note(f"  NO RUN {err}")
            failed = dict.fromkeys(group, str(err))
            self._to_reset = True
        with undisturbed():
            self._mend()
        self._judge(number, group, failed, seen, left, self.clock() - began)
        self.keep(self.entries)
        if self._to_reset:
            self._reset("something is not green again, or was not mended")
        self.stage.release()
        self.stage.tend()

    def _judge(
        self,
        number: int,
        group: Round,
        failed: Mapping[Fault, str],
        seen: Seen,
        left: frozenset[Mark],
        seconds: float,
    ) -> None:
        """Make the entries of a round; marks in ``left`` are an earlier round's."""
        # what was broken by half may show by half
        stray = strays(seen, (self.expected[fault] for fault in group)) - left
        for line in seen.told(stray):
            self.progress.note(f"  STRAY {line}")
        for fault in group:
            expected = self.expected[fault]
            told = judged(fault, expected, seen)
            red, missing = told.red, list(told.missing)
            if fault in failed:
                red, missing = False, [failed[fault]]
            entry = Entry(
                control=fault.control,
                sabotage=fault.name,
                node=fault.node,
                seen_red=red,
                collateral=list(told.collateral),
                green_again=None,
                seconds=round(seconds, 1),
                round=number,
                codes=[mark.place.split()[0] for mark in sorted(expected.codes & seen.marks)],
                missing=missing,
                stray=[str(mark) for mark in sorted(stray)],
            )
            self.entries.append(entry)
            self._pending.append((entry, set(expected.own | expected.codes | stray)))
            self.progress.note(f"  {'red' if red else 'NOT RED'}: {fault}")
            for word in missing:
                self.progress.note(f"    MISSING {word}")
        self._show_unexpected(seen, group, failed)

    def _show_unexpected(self, seen: Seen, group: Round, failed: Mapping[Fault, str]) -> None:
        """What the controls said where a fault's own did not turn as declared."""
        for fault in group:
            main = self.expected[fault].main
            if fault not in failed and main in seen.marks and self._entry(fault).missing:
                self.progress.note(f"    {seen.told([main])[0]}")

    def _entry(self, fault: Fault) -> Entry:
        return next(
            entry
            for entry in reversed(self.entries)
            if (entry.control, entry.sabotage) == (fault.control, fault.name)
        )

    def _judge_pending(self, seen: Seen, playing: Sequence[Fault]) -> frozenset[Mark]:
        """Who of the earlier rounds is green again; the marks that are not."""
        declared = frozenset[Mark]().union(*(self.expected[fault].marks for fault in playing))
        silent = any(self.expected[f].speaks and not self.expected[f].codes for f in playing)
        left: set[Mark] = set()
        waiting = []
        for entry, marks in self._pending:
            hidden = {m for m in marks if m in declared or (silent and m.control == "code")}
            red = (marks - hidden) & seen.marks
            left |= red
            if red:
                entry.green_again = False
                for line in seen.told(red):
                    self.progress.note(f"  NOT GREEN AGAIN {line}")
            elif hidden:
                waiting.append((entry, hidden))
            else:
                entry.green_again = True
        self._pending = waiting
        self._to_reset |= bool(left)
        return frozenset(left)

    def _last(self) -> None:
        """The run with nothing broken: what is red there came with the last round, or after it."""
        self.progress.note("the last run: nothing is broken")
        seen = self._look(len(self.rounds) + 1)
        left = self._judge_pending(seen, ())
        foreign = seen.marks - left
        for line in seen.told(foreign):
            self.progress.note(f"  STRAY {line}")
        latest = max((entry.round for entry in self.entries), default=0)
        for entry in self.entries if foreign else []:
            if entry.round == latest:
                entry.green_again = False
        self.keep(self.entries)

    def _on_all(
        self, groups: Sequence[Sequence[Fault]], deed: Callable[[Fault], str]
    ) -> dict[Fault, str]:
        """Do a deed for every fault, the nodes of a group side by side; who failed, and why."""
        failed: dict[Fault, str] = {}
        for group in groups:
            by_node: dict[str, list[Fault]] = defaultdict(list)
            for fault in group:
                by_node[fault.node].append(fault)
            with ThreadPoolExecutor(max(1, len(by_node))) as pool:
                done = pool.map(lambda own: self._on_one(own, deed), by_node.values())
            for own in done:
                failed |= own
        return failed

    def _master_first(self, faults: Sequence[Fault]) -> list[list[Fault]]:
        """What is broken by Ganeti's own commands needs the other nodes whole."""
        master = self.stage.master
        return [
            [fault for fault in faults if fault.node == master],
            [fault for fault in faults if fault.node != master],
        ]

    def _on_one(self, faults: Sequence[Fault], deed: Callable[[Fault], str]) -> dict[Fault, str]:
        failed = {}
        for fault in faults:
            try:
                self.stage.shell(fault.node, deed(fault))
            except NOT_DONE as err:
                failed[fault] = str(err)
        return failed

    def _mend(self) -> None:
        """Undo what is broken, the last first; what cannot be undone asks for a reset."""
        faults = [fault for fault in reversed(self._broken) if not fault.by_reset]
        failed = self._on_all(self._master_first(faults)[::-1], mending)
        for fault, reason in failed.items():
            self.progress.note(f"  NOT MENDED {fault}: {reason}")
        if failed:
            self._to_reset = True
        if any(fault.by_reset for fault in self._broken):
            self._reset("as its faults want")
        self._broken = []

    def _reset(self, why: str) -> None:
        with undisturbed(), self.progress.step("reset the lab"):
            self.progress.note(why)
            self.stage.reset()
        self._to_reset = False

    def _tidy(self) -> None:
        """Nothing stays broken, however we came here."""
        with undisturbed():
            if self._broken:
                self.progress.note("mending what is broken before the end")
                self._mend()
            if self._to_reset:
                self._reset("the lab is not as it was")
            self.stage.release()


def breaking(fault: Fault) -> str:
    """Shell text that breaks it, and ends when it shows."""
    return f"{fault.breaks}{_waiting(fault.until)}"


def mending(fault: Fault) -> str:
    """Shell text that mends it, and ends when nothing of it shows."""
    return f"{fault.mend}{_waiting(fault.mended)}"


def _waiting(condition: str) -> str:
    """Shell text that asks for a condition until it is true, and fails when it never is."""
    if not condition:
        return ""
    return (
        f"\nstatus=$?; [ $status = 0 ] || exit $status; n=0\n"
        f"until {{ {condition}\n}} >/dev/null 2>&1; do n=$((n + 1)); "
        f"[ $n -lt {PROBES} ] || {{ echo 'its condition never came' >&2; exit 1; }}; sleep 1; done"
    )
