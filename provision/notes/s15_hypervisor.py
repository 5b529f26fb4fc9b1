"""Performance Tuning: CPU type, VNC, and the kvm wrapper."""

from shlex import quote

from pyinfra.context import host

from gntverify.site.model import Node, Site
from provision.notes._facts import Lines
from provision.notes._ganeti import MODIFY_S, HypervisorParameters, Parameters
from provision.notes._operations import commands, deploy, limit, text_file
from provision.section import Context, Section, Stage

TITLE = "Performance Tuning"
KVM = "/usr/bin/kvm"
REAL = "/usr/bin/kvm.real"
WRAPPER = f'#!/bin/sh\nexec {REAL} -cpu host "$@"\n'
DIVERT = f"dpkg-divert --local --add --rename --divert {REAL} {KVM}"


@deploy(TITLE)
def wrapper(context: Context, _node: Node) -> None:
    wanted = context.site.kvm.wrapper
    diverted = bool(wanted) and host.get_fact(
        Lines, text=f"dpkg-divert --list {KVM} | grep -F {REAL} || true"
    )
    commands(
        *([DIVERT] if wanted and not diverted else []),
        name="The real kvm lies beside, where the site asks for the wrapper",
    )
    if wanted:
        text_file(KVM, WRAPPER, mode="755", name="The wrapper adds -cpu host")


@deploy(TITLE)
def parameters(context: Context, _node: Node) -> None:
    have = host.get_fact(HypervisorParameters)
    for name, values in parameters_of(context.site).items():
        changed = differing(values, have.get(name, {}))
        word = quote(str(Parameters(name, changed)))
        commands(
            *([f"gnt-cluster modify -H {word}"] if changed else []),
            name=f"The cluster's {name} parameters are the site's",
            _timeout=limit(MODIFY_S),
        )


def parameters_of(site: Site) -> dict[str, dict[str, str]]:
    """Hypervisor to its parameters; under the wrapper QEMU 7.2 must be asked for KVM."""
    found = {
        name: dict(values)
        for name, values in site.cluster.hypervisor_parameters.items()
        if name in site.cluster.hypervisors
    }
    if site.kvm.wrapper and "kvm" in found:
        found["kvm"]["kvm_flag"] = "enabled"
    return found


def differing(want: dict[str, str], have: dict[str, str]) -> dict[str, str]:
    """Parameters that are not as wanted; Ganeti prints ``True`` for ``true``."""
    return {
        key: value for key, value in want.items() if have.get(key, "?").lower() != value.lower()
    }


SECTION = Section(
    key="hypervisor",
    title=TITLE,
    said="""\
`dpkg-divert --add --rename --divert /usr/bin/kvm.real /usr/bin/kvm` and a script in its place \
that adds `-cpu host`; `gnt-instance modify -H vnc_bind_address= INSTANCE` against the 6 % of a \
CPU that VNC took.""",
    today="""\
`cpu_type=host`, VNC off, the serial console on and no kernel from the node, as the cluster's \
defaults. The wrapper only where the site asks for it (`kvm.wrapper`), then with \
`kvm_flag=enabled`.""",
    differs="""\
With QEMU 7.2 the notes' wrapper loses KVM: QEMU turns it on by itself only when its name ends \
in `kvm`, and `kvm.real -cpu host` refuses to start; so `kvm_flag` is set before the wrapper is \
put in. `cpu_type=host` is the same without a wrapper.""",
    stages=(Stage("master", parameters), Stage("all", wrapper)),
)
