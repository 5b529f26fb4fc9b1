"""The first process of a lab: mounts, the network, the runner's two sides of it, mirror, clock.

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
LAN, TRUNK = "lan", "trunk"
PUBLIC_TAP, PRIVATE_TAP = "public", "private"
TRUNK_PORT, PUBLIC_PORT, PRIVATE_PORT = 1, 2, 3
"""Of the switch: to the bridge of the nodes, and the runner's on both networks."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def switch_commands(plan: Plan) -> list[str]:
    """What the switch is told: the nodes' frames come untagged in VLAN 0, or in the site's."""
    return [
        f"vlan/create {plan.vlan}",
        *(f"port/create {port}" for port in (TRUNK_PORT, PUBLIC_PORT, PRIVATE_PORT)),
        f"vlan/addport {plan.vlan} {TRUNK_PORT}",
        f"port/setvlan {PRIVATE_PORT} {plan.vlan}",
    ]


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
    """The bridge of the nodes; behind a switch, the runner's interfaces on both networks.

    The bridge passes tagged frames as they are, and large ones whole, as no switch of ours does.
    The switch takes the tag off, which a kernel without VLANs cannot do for the runner.
    """
    tool("ip", "link", "set", "lo", "up")
    tool("ip", "link", "add", LAN, "type", "bridge")
    tool("ip", "link", "set", LAN, "up")
    for machine in plan.machines:
        tap(machine.tap, "vnet_hdr", master=LAN)
    rcfile = plan.path("run", "switch.rc")
    rcfile.write_text("".join(f"{line}\n" for line in switch_commands(plan)))
    # Relative paths: a socket's address may not be longer than 107 bytes.
    base = ("vde_switch", "--sock", "run/switch", "--mgmt", "run/switch.mgmt")
    tool(*base, "--numports", "8", "--rcfile", "run/switch.rc", "--daemon")
    plug(TRUNK_PORT, TRUNK, master=LAN)
    for name, port, address in (
        (PUBLIC_TAP, PUBLIC_PORT, plan.runner_public),
        (PRIVATE_TAP, PRIVATE_PORT, plan.runner_private),
    ):
        plug(port, name)
        tool("ip", "address", "add", address, "dev", name)


def tap(name: str, *flags: str, master: str = "") -> None:
    """A tap that stays when nobody holds it; up, and a port of its master."""
    tool("ip", "tuntap", "add", "dev", name, "mode", "tap", *flags)
    tool("ip", "link", "set", name, *(("master", master) if master else ()), "up")


def plug(port: int, name: str, master: str = "") -> None:
    """A port of the switch, as an interface."""
    tap(name, master=master)
    # Not as a daemon: that would leave the directory the socket's path starts from.
    command = ("vde_plug2tap", f"--port={port}", "--sock=run/switch", name)
    subprocess.Popen(command)


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
