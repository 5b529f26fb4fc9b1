"""The deployment notes as pyinfra deploys: one file a section, in their order."""

from provision.notes import (
    s01_base,
    s02_network,
    s03_sysctl,
    s04_locale,
    s05_reboot,
    s06_packages,
    s07_ganeti,
    s08_startup,
    s09_drbd,
    s10_os,
    s11_hosts,
    s12_init,
    s13_nodes,
    s14_binds,
    s15_hypervisor,
)
from provision.section import Section

SECTIONS: tuple[Section, ...] = (
    s01_base.SECTION,
    s02_network.SECTION,
    s03_sysctl.SECTION,
    s04_locale.SECTION,
    s05_reboot.SECTION,
    s06_packages.SECTION,
    s07_ganeti.SECTION,
    s08_startup.SECTION,
    s09_drbd.SECTION,
    s10_os.SECTION,
    s11_hosts.SECTION,
    s12_init.SECTION,
    s13_nodes.SECTION,
    s14_binds.SECTION,
    s15_hypervisor.SECTION,
)
"""All sections, in the order of the notes."""
