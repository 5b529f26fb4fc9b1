"""The pytest plugin: ``pytest --hosts=node1,node2`` judges a cluster.

It does nothing unless hosts are given or controls are collected. Options, fixtures, exit statuses
and the folder it writes are described in docs/exit-codes.md and docs/report.md.
"""

from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from gntverify import evidence, scan
from gntverify.cluster import Cluster, Node
from gntverify.controls import Control, control_of
from gntverify.errors import GntverifyError, Unreachable
from gntverify.judge import verdict_of, want_and_have
from gntverify.options import NO_HOSTS, begin, only_shows, refuse_misread
from gntverify.run import CALM, REFUSED, Run
from gntverify.site import Site
from gntverify.verdicts import Verdict

pytest_plugins = ("gntverify.drilling", "gntverify.measuring")

SUITES = ("node", "cluster", "security", "perf", "drills")
EVENTS = ("hosts::", "waivers::", "drills::")
"""How the ids of verdicts begin that are no test's."""
RUN = pytest.StashKey[Run]()
KEYS = pytest.StashKey[Iterable[str]]()
MEASURED = pytest.StashKey[Mapping[str, float]]()
"""Of a drill: what it has timed by now."""


class Hooks:
    """Hooks that this plugin calls."""

    @pytest.hookspec(firstresult=True)
    def pytest_gntverify_report(self, run_dir: Path) -> Path | None:
        """Render the report of a finished run; the path of what a person should open."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Announce our hooks."""
    pluginmanager.add_hookspecs(Hooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options beside testinfra's --hosts, --ssh-config, --ssh-identity-file and --sudo."""
    group = parser.getgroup("gntverify", "verification of a Ganeti cluster")
    group.addoption(
        "--site", metavar="FILE", help="site file: what is expected of the cluster (TOML)"
    )
    group.addoption(
        "--replay", metavar="DIR", help="judge recorded answers (`gntverify record`), no host"
    )
    group.addoption(
        "--out", metavar="DIR", help="folder for the run's own folder (default: reports/out)"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Reach the target before anything is collected: nodes are parameters."""
    config.addinivalue_line("markers", "control(control): a control; see gntverify.controls")
    if config.option.help:
        return
    hosts, recording = config.option.hosts, config.getoption("--replay")
    if not (hosts or recording):
        if config.getoption("--site"):
            raise pytest.UsageError(NO_HOSTS)
        return
    refuse_misread(config)
    if hosts and recording:
        raise pytest.UsageError("--hosts and --replay exclude each other; give one.")
    try:
        run = begin(config, hosts, recording)
    except GntverifyError as err:
        raise pytest.UsageError(str(err)) from None
    config.stash[RUN] = run
    if only_shows(config):
        return
    try:
        run.open()
    except OSError as err:
        run.target.close()
        raise pytest.UsageError(f"{run.directory} cannot be made: {err.strerror}.") from None
    if getattr(config.option, "htmlpath", "") is None:
        config.option.htmlpath = str(run.directory / "pytest.html")
        config.option.self_contained_html = True
    if getattr(config.option, "xmlpath", "") is None:
        config.option.xmlpath = str(run.directory / "junit.xml")


# -- collection ------------------------------------------------------------------------------


def pytest_itemcollected(item: pytest.Item) -> None:
    """Remember every control there is, whatever is selected of them."""
    run, found = item.config.stash.get(RUN, None), _control(item)
    if run and found:
        run.collected[item.nodeid] = found.id


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test a node that answers, for every control that looks at a node."""
    run = metafunc.config.stash.get(RUN, None)
    if run is None or control_of(metafunc.function) is None:
        return
    if "node" in metafunc.fixturenames:
        nodes = run.target.cluster.nodes
        metafunc.parametrize("node", nodes, ids=[node.short for node in nodes], scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Suite by suite, control by control, node by node; the order never depends on file names."""
    run = config.stash.get(RUN, None)
    if run is None:
        if any(_control(item) for item in items):
            raise pytest.UsageError(NO_HOSTS)
        return
    items.sort(key=_place)
    run.selected = {item.nodeid for item in items if _control(item)}
    run.everything = config.args_source is not config.ArgsSource.ARGS
    outside = any("outside" in getattr(item, "fixturenames", ()) for item in items)
    if outside and not only_shows(config):
        run.target.outside.start()


def _place(item: pytest.Item) -> tuple[int, str, str]:
    found = _control(item)
    suite = item.path.parent.name
    rank = SUITES.index(suite) if suite in SUITES else len(SUITES)
    climbs = getattr(item, "callspec", None)  # one ladder is climbed to its end
    subject = climbs.params.get("ladder", "") if climbs else ""
    return rank, subject or "", found.id if found else ""


def _control(item: pytest.Item) -> Control | None:
    return control_of(item.function) if isinstance(item, pytest.Function) else None


# -- fixtures --------------------------------------------------------------------------------


def _run(config: pytest.Config) -> Run:
    return config.stash[RUN]


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Cluster:
    """The cluster behind ``--hosts``."""
    return _run(pytestconfig).target.cluster


@pytest.fixture(scope="session")
def site(pytestconfig: pytest.Config) -> Site:
    """What is expected: the site file, or the profile and what the cluster says of itself."""
    return _run(pytestconfig).target.site


@pytest.fixture(scope="session")
def outside(pytestconfig: pytest.Config) -> scan.Outside:
    """What nmap sees from the machine where pytest runs."""
    return _run(pytestconfig).target.outside


# -- judging ---------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Trace which answers a control looks at."""
    with evidence.tracing() as keys:
        item.stash[KEYS] = keys
        return (yield)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A host that was lost has had its event; its controls are not asked one by one."""
    run = item.config.stash.get(RUN, None)
    node = _node(item)
    if run and node and node.alias in run.target.unreachable:
        run.spared.add(item.nodeid)
        pytest.skip(f"{node.alias} was lost in the middle of the run")


def _node(item: pytest.Item) -> Node | None:
    callspec = getattr(item, "callspec", None)
    node = callspec.params.get("node") if callspec else None
    return node if isinstance(node, Node) else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """From exception to verdict: the only place where it happens."""
    report = yield
    found, run, node = _control(item), item.config.stash.get(RUN, None), _node(item)
    if found is None or run is None:
        return report
    raised = call.excinfo.value if call.excinfo else None
    if raised is None and call.when != "call":
        return report
    lost = node is not None and node.alias in run.target.unreachable
    if not (lost and isinstance(raised, pytest.skip.Exception)):
        _judge(item, found, run, raised, report)
    return report


def _judge(
    item: pytest.Item,
    found: Control,
    run: Run,
    raised: BaseException | None,
    report: pytest.TestReport,
) -> None:
    node = _node(item)
    outcome, message = verdict_of(raised)
    where = node.name if node else ""
    outcome, message, ticket = run.waivers.applied(found.id, where, outcome, message)
    if isinstance(raised, Unreachable):
        run.spared.add(item.nodeid)
        run.lost(raised)
    if not (isinstance(raised, Unreachable) and node):
        want, have = want_and_have(getattr(item, "function", None), raised)
        verdict = Verdict(
            **_declared(found),
            node=where,
            outcome=outcome,
            message=message,
            test=item.nodeid,
            seconds=round(report.duration, 4),
            evidence=list(item.stash[KEYS]),
            want=want,
            have=have,
            ticket=ticket,
            measured={k: round(v, 1) for k, v in item.stash.get(MEASURED, {}).items()},
        )
        run.add(verdict)
    if outcome == "unknown" and not isinstance(raised, GntverifyError | pytest.skip.Exception):
        run.internal_error = True
        return  # with its traceback: this one is ours
    if outcome in ("not-applicable", "waived"):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), 0, message)
    elif raised is not None:
        report.outcome = "failed"
        report.longrepr = (
            f"{found.id} {node.short if node else run.target.cluster.name}: {message}"
        )
    if outcome == "unknown":
        report.when = "setup"  # which junit.xml and pytest.html call an error, not a failure
    report.user_properties.append(("verdict", outcome))


def _declared(found: Control) -> dict[str, str]:
    """What a verdict has from its control."""
    fields = ("title", "why", "fix", "severity", "notes", "impact")
    return {"control": found.id} | {name: getattr(found, name) for name in fields}


def pytest_report_teststatus(report: Any) -> tuple[str, str, Any] | None:
    """An unknown is neither passed nor failed, on the terminal too."""
    verdict = dict(getattr(report, "user_properties", ())).get("verdict", "")
    if report.nodeid.startswith(EVENTS):
        return (verdict if report.failed else ""), "", ""  # told among the verdicts
    if verdict == "unknown" and report.when in ("setup", "call"):
        return "unknown", "U", ("UNKNOWN", {"yellow": True})
    if verdict == "not-applicable" and report.when == "call":
        return "not applicable", "n", ("NOT APPLICABLE", {})
    if verdict == "waived" and report.when == "call":
        return "waived", "w", ("WAIVED", {"yellow": True})
    return None


# -- telling ---------------------------------------------------------------------------------


def pytest_report_header(config: pytest.Config) -> list[str]:
    """What is judged, and against what."""
    run = config.stash.get(RUN, None)
    if run is None:
        return []
    target = run.target
    lines = [
        f"cluster: {target.cluster.name}, master {target.cluster.master.name}, "
        f"site {target.site.name} (profile {target.site.profile})"
    ]
    lines += [f"unreachable: {problem}" for problem in target.unreachable.values()]
    if target.cluster.absent:
        lines.append(f"not judged, because not in --hosts: {', '.join(target.cluster.absent)}")
    return lines + run.waivers.expiring()


@pytest.hookimpl(optionalhook=True, trylast=True)
def pytest_metadata(metadata: dict[str, Any], config: pytest.Config) -> None:
    """pytest-html shows this table; an environment variable of a CI server has no place in it."""
    if RUN in config.stash:
        metadata.clear()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """The run's own exit status, and everything that is written at the end, however it came."""
    run = session.config.stash.get(RUN, None)
    if run is None or only_shows(session.config):
        return
    judged = any(verdict.control for verdict in run.verdicts)
    if exitstatus == pytest.ExitCode.INTERRUPTED and session.testsfailed and not judged:
        run.internal_error = True  # no Ctrl-C: suites that cannot be collected end with 2 as well
        exitstatus = pytest.ExitCode.INTERNAL_ERROR
    run.settle_waivers()
    for event in [verdict for verdict in run.verdicts if verdict.test.startswith(EVENTS)]:
        _report_event(session.config, event)
    session.exitstatus = run.finish(int(exitstatus))
    try:
        run.report = session.config.hook.pytest_gntverify_report(run_dir=run.directory)
    except Exception:  # whatever a report breaks of, it must not look like a failed control
        session.config.notify_exception(pytest.ExceptionInfo.from_current())
        run.internal_error = True
        session.exitstatus = run.finish(int(exitstatus))


def _report_event(config: pytest.Config, event: Verdict) -> None:
    """A host that is not there, a waiver that excuses nothing: in junit.xml and pytest.html too.

    What is unknown is an error there, what is wrong a failure.
    """
    kind, _, name = event.test.partition("::")
    told = "setup" if event.outcome == "unknown" else "call"
    for when in (told, "teardown"):
        report = pytest.TestReport(
            nodeid=event.test,
            location=(kind, 0, name),
            keywords={},
            outcome="failed" if when == told else "passed",
            longrepr=event.message if when == told else None,
            when=cast("Any", when),
            user_properties=[("verdict", event.outcome)],
        )
        config.hook.pytest_runtest_logreport(report=report)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Counts, what is not calm with its fix, and where the report lies."""
    run = config.stash.get(RUN, None)
    if run is None or only_shows(config):
        return
    write = terminalreporter.write_line
    terminalreporter.section("verdicts")
    for verdict in run.verdicts:
        if verdict.outcome not in CALM:
            where = verdict.node or run.target.cluster.name
            message = verdict.message.removeprefix(f"{where}: ")
            subject = verdict.control or verdict.test.partition("s::")[0]
            write(f"{verdict.outcome.upper()} {subject} {where}: {message}")
            write(f"    fix: {verdict.fix}")
    for sentence in run.waivers.expiring():
        write(f"NOTE {sentence}")
    controls = {verdict.control for verdict in run.verdicts if verdict.control}
    counts = ", ".join(f"{number} {outcome}" for outcome, number in sorted(run.counts.items()))
    write(f"{len(controls)} controls, {len(run.verdicts)} verdicts: {counts or 'none'}")
    write(f"report: {run.report or run.directory}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of the hosts."""
    run = config.stash.get(RUN, None)
    if run is not None:
        run.target.close()


assert REFUSED == pytest.ExitCode.USAGE_ERROR  # noqa: S101 - what UsageError ends with
