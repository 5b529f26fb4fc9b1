"""The first process of a lab: mounts, switch, the runner's two networks, mirror and clock.

``python -m provision.lab.supervisor HOME`` runs as process 1 of the lab's namespaces. It starts
what the nodes stand on, says that it is ready, and from then on only buries the dead. The nodes
themselves are started, stopped and asked by commands that enter the namespaces.
"""

import functools
import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path

from provision.lab.clockserver import clock_server
from provision.lab.mirror import PORT
from provision.lab.plan import Plan

TOOL_LIMIT_S = 20.0
PUBLIC_TAP, PRIVATE_TAP = "public", "private"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def switch_commands(plan: Plan) -> list[str]:
    """What the switch is told: nodes untagged in VLAN 0 and tagged in the site's VLAN."""
    ports = [machine.port for machine in plan.machines]
    public, private = runner_ports(plan)
    return [
        f"vlan/create {plan.vlan}",
        *(f"port/create {port}" for port in (*ports, public, private)),
        *(f"vlan/addport {plan.vlan} {port}" for port in ports),
        f"port/setvlan {private} {plan.vlan}",
    ]


def runner_ports(plan: Plan) -> tuple[int, int]:
    """The switch ports of the runner: on the public network, and untagged in the VLAN."""
    return len(plan.machines) + 1, len(plan.machines) + 2


def tool(*argv: str) -> None:
    """Run a program that does its work and ends (or goes to the background)."""
    subprocess.run(argv, check=True, timeout=TOOL_LIMIT_S)


def mount(plan: Plan) -> None:
    """A tmpfs for sockets, and the lab's names and ssh configuration over the host's."""
    run = plan.path("run")
    run.mkdir(exist_ok=True)
    tool("mount", "-t", "tmpfs", "-o", "mode=0700,size=16m", "lab", str(run))
    for name, place in (("hosts", "/etc/hosts"), ("ssh_config", "/etc/ssh/ssh_config")):
        if Path(place).exists():
            tool("mount", "--bind", str(plan.path("etc", name)), place)


def connect(plan: Plan) -> None:
    """The switch, and the runner's interfaces on both networks."""
    rcfile = plan.path("run", "switch.rc")
    rcfile.write_text("".join(f"{line}\n" for line in switch_commands(plan)))
    count = str(len(plan.machines) + 8)
    # Relative paths: a socket's address may not be longer than 107 bytes.
    base = ("vde_switch", "--sock", "run/switch", "--mgmt", "run/switch.mgmt")
    tool(*base, "--numports", count, "--rcfile", "run/switch.rc", "--daemon")
    tool("ip", "link", "set", "lo", "up")
    addresses = (plan.runner_public, plan.runner_private)
    for tap, port, address in zip(
        (PUBLIC_TAP, PRIVATE_TAP), runner_ports(plan), addresses, strict=True
    ):
        tool("ip", "tuntap", "add", "dev", tap, "mode", "tap")
        # Not as a daemon: that would leave the directory the socket's path starts from.
        plug = ("vde_plug2tap", f"--port={port}", "--sock=run/switch", tap)
        subprocess.Popen(plug)
        tool("ip", "address", "add", address, "dev", tap)
        tool("ip", "link", "set", tap, "up")


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files, without a line of log for each."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


def serve(plan: Plan) -> None:
    """The package mirror and the clock, on the runner's public address."""
    address = plan.runner_public.split("/")[0]
    files = functools.partial(Quiet, directory=plan.mirror)
    for server in (
        http.server.ThreadingHTTPServer((address, PORT), files),
        clock_server(address),
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()


def main(home: Path) -> None:
    """Everything up to ready, then reap for ever."""
    os.environ["PATH"] = PATH
    os.chdir(home)
    plan = Plan.load(home)
    mount(plan)
    connect(plan)
    serve(plan)
    plan.path("ready").touch()
    while True:
        os.wait()  # the switch is always there to be waited for


if __name__ == "__main__":
    main(Path(sys.argv[1]))
