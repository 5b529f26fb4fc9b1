"""Made-up sites, as hypothesis draws them: whatever a site file may say."""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from ipaddress import IPv4Address, IPv4Network
from typing import Any, get_args, get_origin

from hypothesis import strategies as st
from pydantic import BaseModel

from gntverify.site.load import merged, profiles, read_profile
from gntverify.site.model import Site
from gntverify.site.write import Keys, Line

Table = dict[str, Any]

TEXT = st.text(max_size=20)
WORDS = st.lists(TEXT, max_size=3)
TOLD = TEXT.filter(lambda text: re.search(r"\S", text))
LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?", fullmatch=True)
HOST_NAME = st.builds("{}.{}.example".format, LABEL, LABEL)
LINK = st.from_regex(r"[A-Za-z0-9_.-]{1,15}", fullmatch=True)
DEVICE = st.from_regex(r"/dev/[A-Za-z0-9_./-]{1,12}", fullmatch=True)
COUNT = st.integers(1, 2**40)
PRIVATE, PUBLIC = IPv4Network("192.168.0.0/16"), IPv4Network("198.51.100.0/24")
PARAMETER = st.integers(-(2**31), 2**31) | st.just("any")
BIND = st.sampled_from(["private", "cluster", "loopback", "any"])


def addresses(network: IPv4Network) -> st.SearchStrategy[IPv4Address]:
    """Addresses of hosts in it."""
    return st.integers(1, network.num_addresses - 2).map(lambda n: network.network_address + n)


def some(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Table]:
    """A table with any of these keys."""
    return st.fixed_dictionaries({}, optional=keys)


def _unique(key: str) -> Any:
    return lambda table: str(table.get(key, id(table)))


NODE = st.fixed_dictionaries(
    {"name": HOST_NAME, "private": addresses(PRIVATE).map(str)},
    optional={"public": addresses(PUBLIC).map(str)},
)
OS = st.fixed_dictionaries({"name": TEXT, "source": TEXT}, optional={"variants": WORDS})
WAIVER = st.fixed_dictionaries(
    {
        "control": st.from_regex(r"[A-Z][0-9]{2}", fullmatch=True),
        "host": st.just("*") | HOST_NAME,
        "ticket": TOLD,
        "approver": TOLD,
        "reason": TOLD,
        "expires": st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    }
)
STP = st.sampled_from([(False, 0), (False, 0.5), (True, 2), (True, 15.25)])


@st.composite
def overrides(draw: st.DrawFn) -> Table:
    """What the site file says itself."""
    stp, delay_s = draw(STP)
    alone = tuple(map(_unique, ("name", "private", "public")))
    nodes = st.lists(NODE, max_size=3, unique_by=alone)
    drawn: Table = draw(
        some(
            nodes=nodes,
            sysctl=st.dictionaries(
                TEXT, st.integers(-(2**31), 2**31) | st.just("any"), max_size=3
            ),
            os=st.lists(OS, max_size=2),
            waivers=st.lists(WAIVER, max_size=2),
            storage=some(
                root=some(device=DEVICE, fstype=TEXT, options=WORDS),
                swaps=st.lists(DEVICE, max_size=2),
                swap_mib=COUNT,
                volume_group=TEXT,
            ),
            packages=some(network=WORDS, recommends=st.booleans()),
            cluster=some(
                name=HOST_NAME,
                address=addresses(PRIVATE).map(str),
                hypervisors=WORDS,
                hypervisor_parameters=st.dictionaries(
                    TEXT, st.dictionaries(TEXT, TEXT, min_size=1, max_size=2), max_size=2
                ),
            ),
            daemons=some(noded=BIND, rapi=BIND),
            security=some(public_tcp_ports=st.lists(st.integers(1, 65535), max_size=3)),
            limits=some(clock_skew_s=st.floats(0.001, 1e6), certificate_days=COUNT),
        )
    )
    network = {
        "public": draw(some(interface=LINK, network=st.just(str(PUBLIC)))),
        "private": draw(some(bridge=LINK, port_name=LINK, vlan=st.integers(1, 4094)))
        | {"network": str(PRIVATE), "stp": stp, "forward_delay_s": delay_s},
    }
    return drawn | {"network": network}


@st.composite
def sites(draw: st.DrawFn) -> Site:
    """A valid site, on top of any profile."""
    profile = draw(st.sampled_from(profiles()))
    own = draw(overrides()) | {"name": draw(LABEL), "profile": profile}
    return Site.model_validate(merged(read_profile(profile, "a test"), own))


def tables(part: type[BaseModel] = Site, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every table of the model that stands by itself, by its path; the whole first."""
    yield above
    for name, field in part.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from tables(kind, (*above, name))


def lists_of_tables() -> Iterator[str]:
    """Every key whose value is a list of tables."""
    for name, field in Site.model_fields.items():
        inner = get_args(field.annotation)
        if get_origin(field.annotation) is list and issubclass(inner[0], BaseModel):
            yield name


def nested(path: tuple[str, ...], key: str, value: object) -> Table:
    """A site file's tables down to one key."""
    table: Table = {key: value}
    for part in reversed(path):
        table = {part: table}
    return table


def lines_of(site: Site) -> list[Line]:
    """All that a site says."""
    return [Line(path, value) for path, value in _leaves(site.model_dump(exclude_none=True))]


def _leaves(table: Mapping[str, Any], above: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Keys with values that stand on one line; those of deeper tables come later."""
    deeper: list[tuple[Keys, Mapping[str, Any]]] = []
    for key, value in table.items():
        path = (*above, key)
        if isinstance(value, Mapping):
            deeper.append((path, value))
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            deeper += [((*path, number), item) for number, item in enumerate(value)]
        else:
            yield path, value
    for path, item in deeper:
        yield from _leaves(item, path)
