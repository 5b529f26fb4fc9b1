"""No input makes a parser do anything but parse or refuse."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.errors import ParseError
from gntverify.ganeti import (
    burnin,
    daemons,
    defaults,
    exports,
    files,
    images,
    info,
    instances,
    jobs,
    kvm,
    machines,
    memory,
    mirrors,
    modes,
    nodes,
    oses,
    packaged,
    qemu,
    queue,
    security,
    ssconf,
    tls,
    verify,
    versions,
    watcher,
)
from selftest.hostile import RELAXED, damaged, parses_or_refuses

PATHS = ["/etc/ganeti/vnc.pw", "/boot/vmlinuz-3-kvmU"]
TARGETS = ["node2.gnt.example", "node3.gnt.example"]


def _binds(text: str) -> str:
    return defaults.parse_defaults(text).bind("noded")


def _templates(text: str) -> object:
    return images.parse_settings(text).templates


def _live(text: str) -> object:
    found = kvm.parse_processes(text)
    return [(one.displays, one.cdroms, one.has_serial_console) for one in found.values()]


def _judged(text: str) -> object:
    found = exports.parse_shelf(text)
    return found and [(one.trouble, one.needs_mib) for one in found.exports.values()]


def _addresses(text: str) -> object:
    found = ssconf.parse_ssconf(text)
    return found and (found.node_list, found.primary_ips, found.user_shutdown)


def _played(text: str) -> object:
    return burnin.progress(burnin.parse_lines(text))


def _started(text: str) -> object:
    found = qemu.parse_machine(text, "vm1.gnt.example")
    return found and (found.memory_mib, found.cpus, found.macs, found.disks, found.vnc)


PARSERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "processes": (daemons.parse_processes, "PROCESSES"),
    "started": (daemons.parse_started, "STARTED"),
    "listeners": (daemons.parse_listeners, "LISTENERS"),
    "defaults": (_binds, "DEFAULTS"),
    "copies": (files.parse_copies, "COPIES"),
    "greeting": (tls.parse_greeting, "GREETING"),
    "image settings": (_templates, "IMAGE_SETTINGS"),
    "image parts": (images.parse_parts, "IMAGE_PARTS"),
    "image templates": (images.parse_templates, "IMAGE_TEMPLATES"),
    "info": (info.parse_info, "INFO"),
    "machines": (machines.parse_machines, "MACHINES"),
    "rooms": (memory.parse_rooms, "ROOMS"),
    "jobs": (queue.parse_jobs, "JOBS"),
    "job": (lambda text: jobs.parse_job(1, text), "JOB"),
    "submitted": (jobs.parse_submitted, "SUBMITTED"),
    "mirrors": (mirrors.parse_mirrors, "MIRRORS"),
    "burn-in": (_played, "BURNIN"),
    "jobs of burn-in": (burnin.parse_jobs, "BURNIN_JOBS"),
    "command line": (_started, "COMMAND_LINE"),
    "cards": (qemu.parse_cards, "CARDS"),
    "drained": (queue.parse_drained, "DRAINED"),
    "instances": (instances.parse_instances, "INSTANCES"),
    "live": (instances.parse_live, "LIVE"),
    "modes": (modes.parse_modes, "MODES"),
    "packaged": (packaged.parse_packaged, "PACKAGED"),
    "shelf": (_judged, "SHELF"),
    "processes of kvm": (_live, "PROCESSES_OF_KVM"),
    "taps": (kvm.parse_taps, "TAPS"),
    "wrapper": (kvm.parse_wrapper, "WRAPPER"),
    "stat": (lambda text: kvm.parse_stat(text, PATHS), "STAT"),
    "nodes": (nodes.parse_nodes, "NODES"),
    "groups": (nodes.parse_groups, "GROUPS"),
    "oses": (oses.parse_oses, "OSES"),
    "dates": (security.parse_dates, "DATES"),
    "users": (security.parse_users, "USERS"),
    "digest": (security.parse_digest, "DIGEST"),
    "hash": (security.parse_hash, "HASH"),
    "logins": (lambda text: security.parse_logins(text, TARGETS), "LOGINS"),
    "statuses": (tls.parse_statuses, "STATUSES"),
    "ssconf": (_addresses, "SSCONF"),
    "verify": (verify.parse_report, "VERIFY"),
    "versions": (versions.parse_versions, "VERSIONS"),
    "watcher": (watcher.parse_watcher, "WATCHER"),
}
MAY_BE_EMPTY = {
    "burn-in",
    "cards",
    "command line",
    "defaults",
    "image parts",
    "image settings",
    "image templates",
    "instances",
    "live",
    "oses",
    "processes of kvm",
    "ssconf",
    "taps",
}  # what that means is tested in its place


@pytest.mark.parametrize("name", sorted(PARSERS.keys() - MAY_BE_EMPTY))
def test_empty_output_is_no_answer(name: str) -> None:
    with pytest.raises(ParseError):
        PARSERS[name][0]("")


@pytest.mark.parametrize("name", sorted(PARSERS))
@RELAXED
@given(text=st.text())
def test_any_text_is_parsed_or_refused(name: str, text: str) -> None:
    parses_or_refuses(PARSERS[name][0], text)


@pytest.mark.parametrize("name", sorted(PARSERS))
@RELAXED
@given(data=st.data())
def test_a_damaged_answer_is_parsed_or_refused(
    name: str, data: st.DataObject, samples: SimpleNamespace
) -> None:
    parser, sample = PARSERS[name]
    parses_or_refuses(parser, damaged(data, getattr(samples, sample)))


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_numbers_of_any_length_are_parsed_or_refused(name: str, samples: SimpleNamespace) -> None:
    parser, sample = PARSERS[name]
    whole: str = getattr(samples, sample)
    for found in re.finditer("[0-9]+", whole):  # beyond 4300 digits int() raises ValueError
        parses_or_refuses(parser, whole[: found.start()] + "7" * 5000 + whole[found.end() :])
