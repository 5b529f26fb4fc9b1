"""No input makes a parser do anything but parse or refuse."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gntverify.facts import (
    arp,
    boot,
    clock,
    drbd,
    hardware,
    interfaces,
    kernel,
    loss,
    lvm,
    lvmfilter,
    network,
    raid,
    reach,
    replication,
    setup,
    smart,
    space,
    storage,
    sysctl,
    system,
    tree,
)
from gntverify.facts.shape import parse_cat
from selftest.hostile import RELAXED, damaged, parses_or_refuses


def _in_file(path: str, parser: Callable[[Mapping[str, str]], Any]) -> Callable[[str], Any]:
    return lambda text: parser({path: text})


PARSERS: dict[str, tuple[Callable[[str], Any], str]] = {
    "links": (network.parse_links, "IP_LINK"),
    "addresses": (network.parse_addresses, "IP_ADDRESS"),
    "routes": (network.parse_routes, "IP_ROUTE"),
    "cat": (parse_cat, "INTERFACES"),
    "interfaces": (_in_file(interfaces.MAIN, interfaces.parse_interfaces), "INTERFACES"),
    "set up at boot": (
        lambda text: setup.at_boot(interfaces.parse_interfaces(parse_cat(text))),
        "INTERFACES",
    ),
    "units": (setup.parse_units, "SETTERS"),
    "arping": (arp.parse_arping, "ARPING"),
    "mounts": (storage.parse_mounts, "MOUNTS"),
    "swaps": (storage.parse_swaps, "SWAPS"),
    "disks": (storage.parse_disks, "LSBLK"),
    "paths": (storage.parse_paths, "LSBLK"),
    "ext4": (_in_file("/proc/fs/ext4/md1/options", storage.parse_ext4), "SWAPS"),
    "fstab check": (storage.parse_fstab_check, "FSTAB_CHECK_BAD"),
    "arrays": (raid.parse_mdstat, "MDSTAT"),
    "volume groups": (lvm.parse_vgs, "VGS"),
    "physical volumes": (lvm.parse_pvs, "PVS"),
    "logical volumes": (lvm.parse_lvs, "LVS"),
    "lvm search": (lvmfilter.parse_devices, "LVM_DEVICES"),
    "cpu": (hardware.parse_cpu, "CPU"),
    "memory": (hardware.parse_memory, "LSMEM"),
    "drives": (hardware.parse_drives, "DRIVES"),
    "network cards": (hardware.parse_nics, "NICS"),
    "kvm": (hardware.parse_kvm, "BUILD"),
    "smart": (smart.parse_smart, "SMART"),
    "space": (space.parse_df, "DF"),
    "kernel build": (kernel.parse_build, "BUILD"),
    "kernel releases": (kernel.parse_releases, "RELEASES"),
    "reboot": (_in_file(f"{kernel.ASKED}.pkgs", kernel.parse_reboot), "PACKAGES"),
    "packages": (system.parse_packages, "PACKAGES"),
    "boot units": (boot.parse_units, "UNITS"),
    "boot modules": (boot.parse_modules, "MODULES"),
    "owners": (system.parse_owners, "OWNERS"),
    "kernel": (system.parse_kernel, "LOCALES"),
    "locales": (system.parse_locales, "LOCALES"),
    "clock": (system.parse_clock, "TIMEDATECTL"),
    "date": (clock.parse_date, "SWAPS"),
    "fqdn": (system.parse_fqdn, "LOCALES"),
    "names": (system.parse_names, "NAMES"),
    "sysctl": (sysctl.parse_interface_sysctls, "SYSCTL"),
    "parameters": (sysctl.parse_parameters, "SYSCTL"),
    "sysctl files": (_in_file("/etc/sysctl.d/a.conf", sysctl.parse_sysctl_files), "SYSCTL"),
    "bridge calls": (lambda text: sysctl.parse_bridge_calls(parse_cat(text)), "BRIDGE_CALLS"),
    "drbd": (drbd.parse_proc, "DRBD"),
    "drbd module": (_in_file("/sys/module/drbd/version", drbd.parse_module), "DRBD"),
    "modprobe": (_in_file("/etc/modprobe.d/a.conf", drbd.parse_modprobe), "DRBD"),
    "tree": (tree.parse_tree, "TREE"),
    "ends": (replication.parse_ends, "DRBD_ENDS"),
    "sockets": (replication.parse_sockets, "SOCKETS"),
    "losses": (loss.parse_losses, "LOSSES"),
    "reach": (lambda text: reach.parse_reach(text, 1811), "REACH"),
}


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
