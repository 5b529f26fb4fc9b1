"""The site's nodes as pyinfra's hosts."""

from pathlib import Path

from pyinfra.api.config import Config
from pyinfra.api.inventory import Inventory
from pyinfra.api.state import State
from pyinfra.connectors.base import BaseConnector

from gntverify.errors import SiteError
from gntverify.site import Site


def make_inventory(
    site: Site,
    connector: type[BaseConnector],
    *,
    ssh_config: Path | None = None,
    ssh_directory: Path | None = None,
) -> Inventory:
    """One host a node, by its FQDN, reached through ``connector``."""
    data = {"ssh_config_file": ssh_config, "ssh_directory": ssh_directory}
    names = [node.name for node in site.nodes]
    inventory = Inventory((names, data))  # type: ignore[no-untyped-call]  # pyinfra's
    for host in inventory:
        host.connector_cls = connector
    return inventory


def new_state(inventory: Inventory) -> State:
    """A fresh run over these hosts; those that are connected take part."""
    for host in inventory:
        host.op_hash_order.clear()
    config = Config(FAIL_PERCENT=0)  # type: ignore[no-untyped-call]  # pyinfra's
    state = State(inventory, config)
    for host in inventory:
        if host.connected:
            state.activate_host(host)
    return state


def check_site(site: Site, file: Path) -> None:
    """Whether the site tells all that a cluster is built from.

    Raises:
        SiteError: it does not; the message names the keys.
    """
    lacking = [
        key
        for key, value in (
            ("nodes", site.nodes),
            ("cluster.name", site.cluster.name),
            ("cluster.address", site.cluster.address),
            ("network.private.network", site.network.private.network),
            ("network.private.interface", site.network.private.port),
        )
        if not value
    ]
    if lacking:
        raise SiteError(
            f"Site file {str(file)!r}: a cluster is built from {', '.join(lacking)} too; "
            f"they are not set."
        )
    mode = site.network.private.mode
    if mode != "bridged":
        raise SiteError(
            f"Site file {str(file)!r}: network.private.mode is {mode!r}; the notes' steps build a "
            f"bridge, and nothing else."
        )
    port = site.network.private.port
    if port == site.network.public.interface:
        raise SiteError(
            f"Site file {str(file)!r}: network.public.interface is {port!r}, and by "
            f"network.private.interface and network.private.vlan the bridge would take {port!r} "
            f"as its port: no node could be reached any more. Set network.private.vlan, or "
            f"another network.private.interface."
        )
