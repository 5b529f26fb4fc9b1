"""The pytest plugin of the drills: gates, the operator, and what is said at the end.

``pytest -m drill --allow-disruptive --hosts=... --site=FILE`` runs them; without the flag they
are not selected at all. See docs/drills.md.
"""

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from gntverify.cluster import Cluster
from gntverify.controls import control_of, need
from gntverify.drills.exports import Subject, subject_of, subjects
from gntverify.drills.gates import FLAG, shut
from gntverify.drills.operator import Operator
from gntverify.drills.probeguest import Guests, ProbeGuest
from gntverify.drills.record import most_due, read_records
from gntverify.drills.restore import Ladder
from gntverify.drills.session import Drills
from gntverify.errors import GntverifyError
from gntverify.ganeti.instances import MIRRORED
from gntverify.options import only_shows
from gntverify.plugin import MEASURED, RUN
from gntverify.site import Site
from gntverify.transport.source import Fresh
from gntverify.verdicts import Verdict

DRILLS = pytest.StashKey[Drills]()
SUITE = "drills"
ADVICE = "Look at what is named; `gntverify reap` undoes what the ledger holds."


def pytest_addoption(parser: pytest.Parser) -> None:
    """The flag, and what a drill is about."""
    group = parser.getgroup("gntverify")
    group.addoption(
        FLAG, action="store_true", help="let drills change the cluster (docs/drills.md)"
    )
    group.addoption(
        "--drill-instances",
        metavar="NAMES",
        help="instances that the restore drill takes, by comma (default: those of the site's "
        "that are most due)",
    )
    group.addoption(
        "--drill-minutes",
        metavar="N",
        type=float,
        default=10.0,
        help="how long the random walk goes on (default: 10; half of it more to shrink a failure)",
    )
    group.addoption(
        "--drill-seed",
        metavar="N",
        type=int,
        help="seed of the random walk (default: another one each time, told when it begins)",
    )
    group.addoption(
        "--burnin-instances",
        metavar="NUMBER",
        type=_positive,
        default=1,
        help="with how many instances burn-in plays, several of them at once (--parallel)",
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def pytest_configure(config: pytest.Config) -> None:
    """Announce the marker."""
    config.addinivalue_line("markers", "drill: changes the cluster, and undoes it")


def pytest_itemcollected(item: pytest.Item) -> None:
    """A disruptive control is a drill."""
    if _is_drill(item):
        item.add_marker("drill")


def _is_drill(item: pytest.Item) -> bool:
    found = control_of(item.function) if isinstance(item, pytest.Function) else None
    return found is not None and found.impact == "disruptive"


def kind_of(item: pytest.Item) -> str:
    """What ``allow.disruptive`` calls a drill: its file's name, ``test_restore.py`` is restore.

    All that measure are one kind, by their folder: ``perf``.
    """
    if item.path.parent.name == "perf":
        return "perf"
    return item.path.stem.removeprefix("test_")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One climb an instance."""
    run = metafunc.config.stash.get(RUN, None)
    if run and "ladder" in metafunc.fixturenames:
        names = _instances(metafunc.config) if metafunc.config.getoption(FLAG) else []
        metafunc.parametrize("ladder", names or [""], indirect=True, scope="session")


def _instances(config: pytest.Config) -> list[str]:
    """Instances that the restore drill takes: named, or those that are most due."""
    target = config.stash[RUN].target
    named = config.getoption("--drill-instances")
    if named:
        return [name.strip() for name in named.split(",") if name.strip()]
    drills = target.site.drills
    names = list(drills.instances) or list(target.site.backup.protected)
    names = names or sorted({one.instance for one in subjects(target.cluster, target.site)})
    told = read_records(_fresh(target.cluster))
    known = target.cluster.instances
    exposed = [name for name, one in known.items() if one.template not in MIRRORED]
    return most_due(names, told, exposed)[: drills.per_run]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without the flag no drill is selected, but where drills are all that was asked for."""
    if config.getoption(FLAG) or config.option.markexpr == "drill" or RUN not in config.stash:
        return
    drills = [item for item in items if _is_drill(item)]
    if drills and len(drills) < len(items):
        items[:] = [item for item in items if not _is_drill(item)]
        config.hook.pytest_deselected(items=drills)


def pytest_collection_finish(session: pytest.Session) -> None:
    """All gates are looked at before anything runs.

    Raises:
        UsageError: one is shut; the message has a line for each.
    """
    config = session.config
    run = config.stash.get(RUN, None)
    kinds = {kind_of(item) for item in session.items if _is_drill(item)}
    if run is None or not kinds or only_shows(config):
        return
    try:
        reasons = shut(run.target, kinds, flag=config.getoption(FLAG))
    except GntverifyError as err:
        reasons = [str(err)]
    if reasons:
        raise pytest.UsageError("\n".join(["No drill has begun.", *reasons]))
    config.stash[DRILLS] = Drills(run.target, _teller(config))


def _teller(config: pytest.Config) -> Any:
    """Tells progress on the terminal, whatever pytest captures."""
    capture = config.pluginmanager.getplugin("capturemanager")
    terminal = config.pluginmanager.getplugin("terminalreporter")

    def tell(words: str) -> None:
        if terminal is None or capture is None:
            return
        with capture.global_and_fixture_disabled():
            terminal.ensure_newline()
            terminal.write_line(f"drill: {words}")

    return tell


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """What is timed from now on is this drill's, and the watcher is paused for all of it."""
    drills = item.config.stash.get(DRILLS, None)
    if drills is not None:
        drills.begin()
        item.stash[MEASURED] = drills.took


@pytest.fixture(scope="session")
def operator(pytestconfig: pytest.Config) -> Operator:
    """Who works on the cluster in this run."""
    return pytestconfig.stash[DRILLS].operator


@pytest.fixture(scope="session")
def guests(operator: Operator, site: Site) -> Iterator[Guests]:
    """The probe guest of the run: made when a drill first asks for it, removed at the end."""
    made = Guests(operator, site)
    yield made
    made.end()


@pytest.fixture
def probe(guests: Guests) -> ProbeGuest:
    """A probe guest that answers from where it belongs, its mirror whole."""
    return guests.sound()


@pytest.fixture(scope="session")
def ladder(
    request: pytest.FixtureRequest, operator: Operator, cluster: Cluster, site: Site
) -> Iterator[Ladder]:
    """The restore ladder of one instance; what it restored is removed at its end."""
    instance = need(request.param, "there is no export, and the site protects no instance")
    records = [one for one in read_records(_fresh(cluster)).records if one.instance == instance]
    subject = subject_of(instance, cluster, site) or Subject.missing(instance, cluster.master)
    # what was damaged then is no measure of what is whole
    read = [one for one in records if one.digests and one.levels.get("L1") == "pass"]
    made = Ladder(operator, site, subject, read[-1] if read else None)
    yield made
    made.end()


def _fresh(cluster: Cluster) -> list[Fresh]:
    return [Fresh(node.source) for node in cluster.nodes]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """Whatever happened: undo, compare, and say what is not as it was."""
    drills, run = session.config.stash.get(DRILLS, None), session.config.stash.get(RUN, None)
    if drills and run:
        try:
            left = drills.close()
        except KeyboardInterrupt:
            left = ["Ctrl-C came again while the drills were undone, and stopped that."]
        except Exception as err:  # the report must be written all the same
            left = [f"The end of the drills broke, which is a fault of gntverify: {err!r}."]
        if left:
            run.add(_left_behind(left))
    return (yield)


def _left_behind(left: list[str]) -> Verdict:
    return Verdict(
        control="",
        node="",
        outcome="fail",
        message="after the drills: " + "; ".join(left),
        title="The drills left the cluster as it was",
        why="What a drill leaves behind is a fault that it made itself.",
        fix=ADVICE,
        severity="critical",
        notes="",
        impact="disruptive",
        test="drills::the cluster is as it was",
        seconds=0.0,
    )
