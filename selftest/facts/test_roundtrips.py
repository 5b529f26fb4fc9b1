"""What a tool's text means is what it was made of: values, a printer of ours, and the parser."""

import json
from ipaddress import IPv4Address, IPv4Interface
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gntverify.facts import (
    drbd,
    interfaces,
    lvm,
    network,
    raid,
    reach,
    storage,
    sysctl,
    system,
)
from gntverify.facts.shape import parse_cat

FEW = settings(max_examples=40)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,7}", fullmatch=True)
LINKS = st.from_regex(r"[a-z]{1,4}[0-9]{0,2}(\.[0-9]{1,4})?", fullmatch=True)
DEVICES = NAMES.map("/dev/{}".format)
WORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='\\"#;|,='),
    min_size=1,
    max_size=8,
)
ADDRESSES = st.integers(0, 2**32 - 1).map(IPv4Address)
INTERFACES = st.builds(
    lambda ip, length: IPv4Interface((int(ip), length)), ADDRESSES, st.integers(1, 32)
)
SIZES = st.integers(0, 2**44)
FLAGS = st.frozensets(st.sampled_from(["UP", "LOWER_UP", "BROADCAST", "NO-CARRIER"]))
LINE = st.text(st.characters(exclude_characters="\n", codec="utf-8"), max_size=20)
FILES = st.dictionaries(NAMES.map("/etc/{}.conf".format), st.lists(LINE), max_size=4)


@FEW
@given(FILES)
def test_files_and_their_lines(files: dict[str, list[str]]) -> None:
    """No line of a file can be taken for another file, whatever it holds."""
    text = "".join(
        f"> {path}\n" + "".join(f"| {line}\n" for line in lines) for path, lines in files.items()
    )
    want = {path: "".join(f"{line}\n" for line in lines) for path, lines in files.items()}
    assert parse_cat(text) == want


# -- network ---------------------------------------------------------------------------------


@FEW
@given(
    st.dictionaries(
        LINKS,
        st.fixed_dictionaries(
            {
                "flags": FLAGS,
                "mtu": st.integers(68, 65536),
                "kind": st.sampled_from(["", "bridge", "vlan", "tun", "vxlan"]),
                "master": st.none() | NAMES,
                "link": st.none() | NAMES,
                "id": st.integers(1, 4094),
                "stp": st.integers(0, 2),
                "delay": st.integers(0, 3000),
            }
        ),
        min_size=1,
        max_size=4,
    )
)
def test_links(links: dict[str, dict[str, Any]]) -> None:
    rows = []
    for name, own in links.items():
        row = {"ifname": name, "flags": sorted(own["flags"]), "mtu": own["mtu"]}
        row |= {key: own[key] for key in ("master", "link") if own[key]}
        data = {
            "bridge": {"stp_state": own["stp"], "forward_delay": own["delay"]},
            "vlan": {"id": own["id"]},
            "vxlan": {"id": own["id"], "stp_state": "no number"},
        }.get(own["kind"], {})
        if own["kind"]:
            row["linkinfo"] = {"info_kind": own["kind"], "info_data": data}
        rows.append(row)
    have = network.parse_links(json.dumps(rows))
    assert have.keys() == links.keys()
    for name, own in links.items():
        bridge = own["kind"] == "bridge"
        assert have[name] == network.Link(
            name=name,
            kind=own["kind"],
            mac="",
            mtu=own["mtu"],
            up={"UP", "LOWER_UP"} <= own["flags"],
            enabled="UP" in own["flags"],
            master=own["master"],
            parent=own["link"],
            vlan=own["id"] if own["kind"] == "vlan" else None,
            stp=own["stp"] != 0 if bridge else None,
            forward_delay_s=own["delay"] / 100 if bridge else None,
        )


@FEW
@given(st.lists(st.builds(network.Address, LINKS, INTERFACES, st.booleans()), min_size=1))
def test_addresses(addresses: list[network.Address]) -> None:
    rows: list[dict[str, Any]] = [{}]
    for address in addresses:
        length = address.interface.network.prefixlen
        info = {"family": "inet", "local": str(address.ip), "prefixlen": length}
        info |= {"dynamic": True} if address.dynamic else {}
        rows += [{"ifname": address.link, "addr_info": [info]}, {}]
    assert network.parse_addresses(json.dumps(rows)) == tuple(addresses)


ROUTES = st.builds(
    network.Route,
    INTERFACES.map(lambda interface: interface.network),
    st.none() | ADDRESSES,
    st.none() | LINKS,
)


@FEW
@given(st.lists(ROUTES, min_size=1))
def test_routes(routes: list[network.Route]) -> None:
    rows: list[dict[str, Any]] = [{"type": "local", "dst": "127.0.0.1", "dev": "lo"}]
    for route in routes:
        # a host route is printed without its length
        row = {"dst": str(route.destination).removesuffix("/32")}
        row |= {"gateway": str(route.gateway)} if route.gateway else {}
        rows.append(row | ({"dev": route.link} if route.link else {}))
    assert network.parse_routes(json.dumps(rows)) == tuple(routes)


STANZAS = st.builds(
    interfaces.Stanza,
    LINKS,
    st.sampled_from(["inet", "inet6"]),
    st.sampled_from(["static", "dhcp", "manual"]),
    st.dictionaries(
        st.sampled_from(["address", "netmask", "bridge_ports", "up"]),
        st.lists(WORDS, min_size=1, max_size=2).map(tuple),
    ),
    st.booleans(),
)


@FEW
@given(st.lists(STANZAS, unique_by=lambda stanza: stanza.name), st.booleans())
def test_interfaces(stanzas: list[interfaces.Stanza], folded: bool) -> None:
    lines = ["# made up", "source /etc/network/interfaces.d/*"]
    for stanza in stanzas:
        lines += [f"auto {stanza.name}"] if stanza.automatic else [""]
        lines.append(f"iface {stanza.name} {stanza.family} {stanza.method}")
        between = " \\\n\t" if folded else " "
        for option, values in stanza.options.items():
            lines += [f"    {option}{between}{value}" for value in values]
    have = interfaces.parse_interfaces({interfaces.MAIN: "\n".join(lines) + "\n"})
    assert have == tuple(stanzas)


@FEW
@given(st.dictionaries(NAMES.map("{}.example".format), st.frozensets(ADDRESSES, max_size=3)))
def test_names(hosts: dict[str, frozenset[IPv4Address]]) -> None:
    text = ""
    for name, addresses in hosts.items():
        text += f"> {name}\n"
        for address in sorted(addresses):
            kinds = ("STREAM", "DGRAM", "RAW")
            text += "".join(f"{address!s:<15} {kind:<6} {name}\n" for kind in kinds)
    assert system.parse_names(text) == hosts


@FEW
@given(st.dictionaries(ADDRESSES, st.tuples(st.booleans(), st.booleans()), min_size=1))
def test_reach(targets: dict[IPv4Address, tuple[bool, bool]]) -> None:
    echo = {True: "is alive", False: "is unreachable"}
    lines = [f"{target} {echo[alive]}" for target, (alive, _) in targets.items()]
    lines += [f"{target} tcp {int(not open_)}" for target, (_, open_) in targets.items()]
    have = reach.parse_reach("\n".join(lines), 1811)
    assert have == {target: reach.Reach(*both) for target, both in targets.items()}


# -- kernel parameters -----------------------------------------------------------------------


VALUES = st.dictionaries(NAMES, st.integers(-1, 2**31), min_size=1, max_size=3)


@FEW
@given(st.dictionaries(LINKS, VALUES, max_size=3), VALUES, VALUES)
def test_sysctls(
    own: dict[str, dict[str, int]], every: dict[str, int], new: dict[str, int]
) -> None:
    table = own | {"all": every, "default": new}
    text = "".join(
        f"net.ipv4.conf.{name.replace('.', '/')}.{key} = {value}\n"
        for name, values in table.items()
        for key, value in values.items()
    )
    assert sysctl.parse_interface_sysctls(text) == table


KEYS = st.builds(
    lambda first, more: ".".join([first, *(link.replace(".", "/") for link in more)]),
    NAMES,
    st.lists(LINKS, min_size=1, max_size=3),
)
ASSIGNMENTS = st.lists(st.tuples(KEYS, WORDS | st.just("4096 87380"), st.booleans()))


@FEW
@given(ASSIGNMENTS, ASSIGNMENTS)
def test_sysctl_files(
    first: list[tuple[str, str, bool]], second: list[tuple[str, str, bool]]
) -> None:
    """The last assignment counts, with dots or with slashes, and the second file is last."""
    files = {"/etc/sysctl.d/20-b.conf": second, "/usr/lib/sysctl.d/10-a.conf": first}
    texts: dict[str, str] = {}
    want: dict[str, sysctl.Setting] = {}
    swapped = str.maketrans("./", "/.")
    for path, assignments in files.items():
        texts[path] = "# made up\n\n" + "".join(
            f" {key.translate(swapped) if slashes else key}={value} \n"
            for key, value, slashes in assignments
        )
    for path, assignments in reversed(files.items()):
        want |= {key: sysctl.Setting(value, path) for key, value, _ in assignments}
    assert sysctl.parse_sysctl_files(texts) == want


@FEW
@given(st.dictionaries(NAMES, WORDS, min_size=1), st.booleans(), st.booleans())
def test_modprobe(options: dict[str, str], folded: bool, quoted: bool) -> None:
    between, mark = " \\\n  " if folded else " ", '"' if quoted else ""
    words = [f"{name}={mark}{value}{mark}" for name, value in options.items()]
    text = f"# made up\noptions other a=b\noptions drbd{between}{between.join(words)}\n"
    assert drbd.parse_modprobe({"/etc/modprobe.d/a.conf": text}) == options


# -- disks -----------------------------------------------------------------------------------


MOUNTS = st.builds(
    storage.Mount,
    NAMES.map("/{}".format),
    DEVICES | st.sampled_from(["sysfs", "nas:/vol"]),
    st.sampled_from(["ext4", "swap", "nfs4"]),
    st.frozensets(WORDS, min_size=1, max_size=3),
)


@FEW
@given(st.lists(MOUNTS, min_size=1))
def test_mounts_and_fstab(mounts: list[storage.Mount]) -> None:
    rows = [
        {
            "target": mount.target,
            "source": mount.source,
            "fstype": mount.fstype,
            "options": ",".join(mount.options),
        }
        for mount in mounts
    ]
    assert storage.parse_mounts(json.dumps({"filesystems": rows})) == tuple(mounts)


@FEW
@given(st.lists(st.builds(storage.Swap, DEVICES, SIZES)), st.sampled_from(["partition", "file"]))
def test_swaps(swaps: list[storage.Swap], kind: str) -> None:
    text = "".join(f"{swap.device} {kind} {swap.size_bytes}\n" for swap in swaps)
    assert storage.parse_swaps(text) == tuple(swaps)


@FEW
@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=2, unique=True), min_size=1, max_size=4))
def test_disks_and_what_stands_on_them(disks: dict[str, list[str]]) -> None:
    """Each disk with its partitions, and one array over all the partitions there are."""
    parts = {f"{disk}p{part}": disk for disk, own in disks.items() for part in own}
    rows: list[dict[str, Any]] = [
        {"path": f"/dev/{disk}", "kname": disk, "pkname": None, "type": "disk"} for disk in disks
    ]
    rows += [
        {"path": f"/dev/{part}", "kname": part, "pkname": disk, "type": "part"}
        for part, disk in parts.items()
    ]
    rows += [
        {"path": "/dev/md/0", "kname": "0md", "pkname": part, "type": "raid1"} for part in parts
    ]
    want = {f"/dev/{disk}": {f"/dev/{disk}"} for disk in disks}
    want |= {f"/dev/{part}": {f"/dev/{disk}"} for part, disk in parts.items()}
    want |= {"/dev/md/0": {f"/dev/{disk}" for disk in parts.values()}} if parts else {}
    assert storage.parse_disks(json.dumps({"blockdevices": rows})) == want
    assert storage.parse_paths(json.dumps({"blockdevices": rows})) == {
        f"/dev/{row['kname']}": row["path"] for row in rows
    }


@FEW
@given(st.dictionaries(NAMES, st.tuples(SIZES, SIZES, st.integers(0, 3))))
def test_volume_groups(groups: dict[str, tuple[int, int, int]]) -> None:
    keys = ("vg_size", "vg_free", "vg_missing_pv_count")
    rows = [
        {"vg_name": name} | {key: str(number) for key, number in zip(keys, numbers, strict=True)}
        for name, numbers in groups.items()
    ]
    have = lvm.parse_vgs(json.dumps({"report": [{"vg": rows}]}))
    assert have == {name: lvm.VolumeGroup(name, *numbers) for name, numbers in groups.items()}


@FEW
@given(st.lists(st.builds(lvm.PhysicalVolume, DEVICES, st.just("") | NAMES, SIZES, st.booleans())))
def test_physical_volumes(volumes: list[lvm.PhysicalVolume]) -> None:
    rows = [
        {
            "pv_name": volume.device,
            "vg_name": volume.group,
            "pv_size": str(volume.size_bytes),
            "pv_missing": "missing" if volume.missing else "",
        }
        for volume in volumes
    ]
    assert lvm.parse_pvs(json.dumps({"report": [{"pv": rows}]})) == tuple(volumes)


@FEW
@given(
    st.dictionaries(
        st.integers(0, 127),
        st.tuples(st.frozensets(NAMES, min_size=1), st.frozensets(NAMES), st.booleans()),
        max_size=3,
    )
)
def test_arrays(arrays: dict[int, tuple[frozenset[str], frozenset[str], bool]]) -> None:
    text, want = "Personalities : [raid1]\n", {}
    for number, (names, lost, syncing) in arrays.items():
        failed = lost - names
        words = [f"{name}[{i}]" for i, name in enumerate(sorted(names))]
        words += [f"{name}[{i}](F)" for i, name in enumerate(sorted(failed), len(names))]
        size, working = len(names) + len(failed), len(names)
        text += f"md{number} : active raid1 {' '.join(words)}\n"
        text += f"      1046528 blocks super 1.2 [{size}/{working}] "
        text += f"[{'U' * working}{'_' * len(failed)}]\n"
        text += "      [=>...]  recovery = 12.3% (1/8) finish=1.0min\n" if syncing else ""
        text += "\n"
        want[f"/dev/md{number}"] = raid.Array(
            f"/dev/md{number}",
            "raid1",
            active=True,
            members=frozenset(f"/dev/{name}" for name in names),
            failed=frozenset(f"/dev/{name}" for name in failed),
            wanted=size,
            working=working,
            syncing="recovery 12.3%" if syncing else "",
        )
    assert raid.parse_mdstat(f"{text}unused devices: <none>\n") == want


# -- the rest --------------------------------------------------------------------------------


@FEW
@given(
    st.dictionaries(NAMES, WORDS, min_size=1),
    st.dictionaries(NAMES, st.sampled_from(["config-files", "half-installed"])),
)
def test_packages(installed: dict[str, str], left: dict[str, str]) -> None:
    lines = [f"{name}\t{state}\t\n" for name, state in left.items()]
    lines += [f"{name}\tinstalled\t{version}\n" for name, version in installed.items()]
    assert system.parse_packages("".join(lines)) == installed


@FEW
@given(WORDS, st.booleans())
def test_clocks(zone: str, synchronised: bool) -> None:
    text = f"Timezone={zone}\nNTPSynchronized={'yes' if synchronised else 'no'}\n"
    assert system.parse_clock(text) == system.Clock(zone, synchronised)
