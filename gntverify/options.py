"""What pytest's command line asks for: which hosts, how they are reached, what of the suites."""

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest

from gntverify.run import Run
from gntverify.target import live, recorded
from gntverify.transport.backend import NAME as BACKEND
from gntverify.transport.ssh import Options

NO_HOSTS = (
    "no hosts were given; name the nodes to verify, the master among them: --hosts=node1,node2"
)
"""What a run without hosts is told: testinfra would judge this very machine."""

FILES = ("--site", "--replay", "--out", "--ssh-config", "--ssh-identity-file")
"""Options whose value is a file or a folder."""


def refuse_misread(config: pytest.Config) -> None:
    """Refuse a command line in which pytest took a file of ours for a place of tests.

    It does so with the word after an option that it does not know yet, looks for its settings
    there, and without them collects what it should not.

    Raises:
        UsageError: it found no settings, and one of our options stands apart from its value.
    """
    for option, value in pairwise(map(str, config.invocation_params.args)):
        if option in FILES and config.inipath is None:
            raise pytest.UsageError(
                f"pytest took {value!r} for a place of tests, and found no settings of its own "
                f"there. Write {option}={value}, with an equals sign."
            )


def only_shows(config: pytest.Config) -> bool:
    """Whether pytest was asked what it would do, and does nothing."""
    return any(getattr(config.option, name, False) for name in ("collectonly", "setupplan"))


def _hosts(given: str) -> list[str]:
    hosts = [host.strip() for host in given.split(",") if host.strip()]
    if not hosts:
        raise pytest.UsageError(NO_HOSTS)
    urls = [host for host in hosts if "://" in host]
    if urls:
        raise pytest.UsageError(f"--hosts names {urls[0]!r}; write [USER@]NAME[:PORT].")
    doubles = sorted({host for host in hosts if hosts.count(host) > 1})
    if doubles:
        raise pytest.UsageError(f"--hosts names {', '.join(doubles)} more than once.")
    return hosts


def _options(config: pytest.Config) -> Options:
    if config.option.connection not in (None, BACKEND):
        raise pytest.UsageError(
            f"--connection={config.option.connection} is testinfra's; controls are asked over "
            f"gntverify's own sessions only. Leave it out."
        )
    config.option.connection = BACKEND
    return Options(
        config.option.ssh_config, config.option.ssh_identity_file, bool(config.option.sudo)
    )


def begin(config: pytest.Config, hosts: str | None, recording: str | None) -> Run:
    """Reach what the command line names; the run that is to be made of it.

    Raises:
        UsageError: the options contradict each other.
        SiteError, TargetRefused: see :func:`gntverify.target.live`.
    """
    given = config.getoption("--site")
    site_file = Path(given) if given else None
    if recording:
        target = recorded(Path(recording), site_file)
    else:
        asked = [config.option.keyword, config.option.markexpr, *config.args]
        target = live(
            _hosts(hosts or ""),
            _options(config),
            site_file,
            selection=json.dumps(asked),
            ahead=not only_shows(config),
        )
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    out = Path(config.getoption("--out") or config.rootpath / "reports" / "out")
    return Run(target, _unused(out / f"{stamp}-{target.site.name}"), selection=_selection(config))


def _selection(config: pytest.Config) -> str:
    """What the command line takes of the suites, as it stands there; empty for all of them."""
    words = {"-k": config.option.keyword, "-m": config.option.markexpr}
    named = config.args if config.args_source is config.ArgsSource.ARGS else []
    return " ".join([*(f"{flag} {word}" for flag, word in words.items() if word), *named])


def _unused(path: Path) -> Path:
    """The path, or with a number when another run of the same second has it."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.name}-{number}")
    return free
