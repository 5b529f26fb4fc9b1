"""Setting Up Ganeti: the long list of packages."""

from gntverify.site.model import Node, Site
from provision.notes._operations import INSTALL_S, deploy, limit, packages
from provision.notes.s08_startup import CRON
from provision.section import Context, Section, Stage

TITLE = "Setting Up Ganeti"
PACKAGE = "package:"


def os_packages(site: Site) -> list[str]:
    """Debian packages that the site's OS definitions come from."""
    return [
        system.source.removeprefix(PACKAGE)
        for system in site.os
        if system.source.startswith(PACKAGE)
    ]


@deploy(TITLE)
def long_list(context: Context, _node: Node) -> None:
    site = context.site
    packages(
        [*site.packages.ganeti, *os_packages(site), CRON],
        recommends=site.packages.recommends,
        name="The long list of packages is installed",
        _timeout=limit(INSTALL_S),
    )


SECTION = Section(
    key="packages",
    title=TITLE,
    said="""\
`apt-get install lvm2 ssh bridge-utils iproute iputils-arping ndisc6 python python-pyopenssl \
openssl python-pyparsing python-simplejson python-pyinotify python-pycurl socat python-paramiko \
debootstrap dump kpartx qemu-utils gawk make drbd-utils qemu-kvm`""",
    today="""\
One call of apt-get for what is missing of the site's list; the packages of the sections below \
(Ganeti, OS definitions, cron) come with it, so that the package lists are read and the triggers \
run once.""",
    differs="""\
`iproute` is `iproute2`, `qemu-kvm` is `qemu-system-x86`, `ssh` is its two halves, and the \
`python-*` modules are `python3-*` and come with the package `ganeti`.""",
    stages=(Stage("all", long_list),),
)
