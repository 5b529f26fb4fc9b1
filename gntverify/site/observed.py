"""No site file: what a cluster says of itself takes the place of what nobody described.

A control that compares such a value with itself proves nothing; those that need a word of the
site say that they are not applicable. What is left are the rules that hold for any cluster.
"""

from typing import TYPE_CHECKING, Any

from gntverify.errors import NOT_TOLD
from gntverify.ganeti.defaults import ANY
from gntverify.site.model import Cluster as Described
from gntverify.site.model import Node, PrivateNetwork, PublicNetwork, Site

if TYPE_CHECKING:
    from gntverify.cluster import Cluster


def complete(site: Site, cluster: "Cluster") -> Site:
    """The site with nodes, networks, cluster and binds as the cluster has them.

    A described site is returned as it is. What cannot be read stays as the profile has it: the
    control that needs it will meet the same trouble, and tell. Disk templates, which decide what
    is looked at on a node, raise instead.
    """
    if site.described:
        return site
    network = site.network.model_copy(
        update={"private": _private(site, cluster), "public": _public(site, cluster)}
    )
    site = site.model_copy(update={"network": network})
    changes = {
        "name": cluster.name,
        "nodes": _nodes(site, cluster),
        "cluster": _cluster(site, cluster),
        "storage": site.storage.model_copy(update={"volume_group": _volume_group(site, cluster)}),
        "security": site.security.model_copy(update=_write_users(cluster)),
        "daemons": site.daemons.model_copy(update=_binds(cluster)),
    }
    return site.model_copy(update=changes)


def _cluster(site: Site, cluster: "Cluster") -> Described:
    made = site.cluster.model_copy(update={"name": cluster.name, "address": cluster.address})
    try:
        return made.model_copy(update={"disk_templates": list(cluster.info.disk_templates)})
    except NOT_TOLD as err:
        return made.untold(str(err))


def _nodes(site: Site, cluster: "Cluster") -> list[Node]:
    public = {}
    for node in cluster.nodes:
        try:
            links = [a.ip for a in node.addresses if a.link == site.network.public.interface]
        except NOT_TOLD:
            links = []
        private = (node.primary_ip, node.secondary_ip, cluster.address)
        public[node.name] = next((ip for ip in links if ip not in private), None)
    able = _capabilities(cluster)
    return [
        # not validated: Ganeti took the name, and a pattern of ours is no reason to stop
        Node.model_construct(
            name=name, private=address, public=public.get(name), **able.get(name, {})
        )
        for name, address in cluster.ssconf.primary_ips.items()
    ]


def _capabilities(cluster: "Cluster") -> dict[str, dict[str, Any]]:
    try:
        states = cluster.node_list
    except NOT_TOLD:
        return {}
    return {
        name: {"master_capable": state.master_capable, "vm_capable": state.vm_capable}
        for name, state in states.items()
    }


def _private(site: Site, cluster: "Cluster") -> PrivateNetwork:
    private = site.network.private
    try:
        mode, bridge = cluster.info.nic_mode, cluster.info.nic_link
    except NOT_TOLD:
        mode, bridge = private.mode, cluster.ssconf.master_netdev
    found: dict[str, object] = {"mode": mode, "bridge": bridge, "interface": None}
    try:
        ports = cluster.master.ports_of(bridge)
        networks = [a.network for a in cluster.master.addresses if a.link == bridge]
    except NOT_TOLD:
        return private.model_copy(update=found)
    if len(ports) == 1:
        port = ports[0]
        parent = port.parent or port.name
        found |= {"interface": parent, "vlan": port.vlan, "port_name": port.name}
    if networks:
        found["network"] = max(networks, key=lambda network: network.num_addresses)
    return private.model_copy(update=found)


def _public(site: Site, cluster: "Cluster") -> PublicNetwork:
    try:
        default = [r for r in cluster.master.routes if r.destination.prefixlen == 0 and r.link]
        links = {a.link: a.network for a in cluster.master.addresses}
    except NOT_TOLD:
        return site.network.public
    if not default or default[0].link == cluster.ssconf.master_netdev:
        return site.network.public
    found = {
        "interface": default[0].link,
        "gateway": default[0].gateway,
        "network": links.get(default[0].link or ""),
    }
    return site.network.public.model_copy(update=found)


def _volume_group(site: Site, cluster: "Cluster") -> str:
    try:
        named = cluster.info.volume_group
    except NOT_TOLD:
        return site.storage.volume_group
    return named if named != "None" else site.storage.volume_group


def _binds(cluster: "Cluster") -> dict[str, str]:
    """RAPI may listen on loopback as well as on the cluster address: both are the notes' way."""
    try:
        bind = cluster.master.defaults.bind("rapi")
    except NOT_TOLD:
        bind = ANY
    return {"rapi": "loopback"} if bind.startswith("127.") else {}


def _write_users(cluster: "Cluster") -> dict[str, list[str]]:
    try:
        users = cluster.master.rapi_users
    except NOT_TOLD:
        users = None
    return {"rapi_write_users": sorted(users.writers)} if users else {}
