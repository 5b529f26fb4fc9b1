"""DRBD Configuration."""

import json
from collections.abc import Sequence
from itertools import takewhile

from pyinfra.context import host

from gntverify.errors import TargetRefused
from gntverify.site.model import Drbd, Node
from provision.notes._facts import Lines, pairs
from provision.notes._operations import commands, deploy, limit, text_file
from provision.section import Context, Section, Stage

TITLE = "DRBD Configuration"
LOAD_FILE = "/etc/modules-load.d/drbd.conf"
AT = "/sys/module/drbd"
LVM_FILE = "/etc/lvm/lvm.conf"
LVM_KEY = "devices/global_filter"
LVM_LOOK = f"lvmconfig --type full {LVM_KEY} 2>/dev/null || true"
LVM_DEFAULT = ["a|.*|"]
LOOK = (
    f"[ ! -d {AT} ] || (echo loaded yes; "
    f"for p in minor_count usermode_helper; do echo $p $(cat {AT}/parameters/$p); done; "
    "echo minors $(grep -c '^ *[0-9]*: cs:' /proc/drbd))"
)


@deploy(TITLE)
def drbd(context: Context, node: Node) -> None:
    want = context.site.drbd
    text_file(
        want.options_file,
        f"options drbd minor_count={want.minor_count} usermode_helper={want.usermode_helper}\n",
        name=f"{want.options_file} has the module's options",
    )
    text_file(LOAD_FILE, "drbd\n", name="The module is loaded at boot")
    have = dict(pairs(host.get_fact(Lines, text=LOOK)))
    commands(
        *module_commands(node.name, want, have),
        name="The module runs with these options",
        _timeout=limit(60),
    )
    rules = [f"r|{kind}[0-9]+|" for kind in context.site.hidden_from_lvm]
    commands(
        *filter_commands(node.name, rules, host.get_fact(Lines, text=LVM_LOOK)),
        name="LVM looks for no volumes on the disks of guests",
    )


def module_commands(node: str, want: Drbd, have: dict[str, str]) -> list[str]:
    """What loads the module, or loads it anew with the options.

    Raises:
        TargetRefused: it has other options and replicates disks just now.
    """
    if not have:
        return ["modprobe drbd"]
    options = {"minor_count": str(want.minor_count), "usermode_helper": want.usermode_helper}
    wrong = [key for key, value in options.items() if have.get(key) != value]
    if not wrong:
        return []
    if wrong == ["usermode_helper"]:  # the one that can be changed while it runs
        return [f"echo {want.usermode_helper} > {AT}/parameters/usermode_helper"]
    if have.get("minors", "0") != "0":
        raise TargetRefused(
            f"{TITLE}: on {node!r}, the drbd module has minor_count={have.get('minor_count')}, "
            f"not {want.minor_count}, and {have['minors']} of its minors are in use. Move the "
            f"instances away (`gnt-node migrate`, `gnt-node evacuate`) and run this again."
        )
    return ["rmmod drbd", "modprobe drbd"]


def filter_commands(node: str, rules: Sequence[str], have: tuple[str, ...]) -> list[str]:
    """What puts the rules into LVM's filter where it has none, and shows that LVM obeys.

    Raises:
        TargetRefused: it has one, of somebody's own, that does not begin with them.
    """
    key, _, value = "".join(have).partition("=")
    found = json.loads(value) if key == LVM_KEY.rpartition("/")[2] else LVM_DEFAULT
    own = [found] if isinstance(found, str) else found  # a list of one is shown as its item
    if set(rules) <= set(takewhile(lambda rule: rule.startswith("r"), own)):
        return []
    words = ", ".join(f'"{rule}"' for rule in rules)
    if own != LVM_DEFAULT:
        raise TargetRefused(
            f"{TITLE}: on {node!r}, LVM has a global_filter of its own, {own}, that lets guests' "
            f"disks through. Put {words} in front of it, in {LVM_FILE}, and run this again."
        )
    line = f"global_filter = [ {words} ]"
    return [
        f"sed -i 's,^devices {{$,&\\n\\t{line},' {LVM_FILE}",
        f"lvmconfig {LVM_KEY} | grep -F '{rules[0]}'",
    ]


SECTION = Section(
    key="drbd",
    title=TITLE,
    said="In `/etc/modules`: `drbd minor_count=128 usermode_helper=/bin/true`",
    today="""\
The options stand in `/etc/modprobe.d`, the module's name in `/etc/modules-load.d`. A module that \
is loaded with other options is loaded anew, if it replicates nothing; else the step says so and \
ends. LVM is told to keep off DRBD's devices, unless it is already.""",
    differs="""\
systemd ignores options in `/etc/modules`: the notes' line would load drbd bare. LVM's filter is \
from Ganeti's installation document (Configuring LVM), together with which the notes want to be \
read; it stands in `global_filter`, which LVM means for the whole system, where the document has \
`filter`.""",
    stages=(Stage("all", drbd),),
)
