"""What a cluster is told when it is made, and what it says of that."""

from collections.abc import Collection, Mapping

from gntverify.compare import listed
from gntverify.ganeti.info import Info
from gntverify.site import Site


def declared(site: Site) -> dict[str, str]:
    """Setting to what the site wants; LVM and DRBD only where instances may use them."""
    cluster, private = site.cluster, site.network.private
    optional = {
        "master netmask": private.network and str(private.network.prefixlen),
        "volume group": cluster.keeps_disks_in_lvm and site.storage.volume_group,
        "DRBD helper": cluster.mirrors and site.drbd.usermode_helper,
    }
    return {
        "hypervisors": listed(cluster.hypervisors),
        "default hypervisor": cluster.hypervisors[0],
        "disk templates": listed(cluster.disk_templates),
        "candidate pool size": str(cluster.candidate_pool_size),
        "master netdev": private.bridge,
        "NICs": f"{private.mode} to {private.bridge}",
        **{setting: value for setting, value in optional.items() if value},
        **{
            f"{hypervisor} {name}": value
            for hypervisor in cluster.hypervisors
            for name, value in cluster.hypervisor_parameters.get(hypervisor, {}).items()
        },
    }


def told(info: Info, settings: Collection[str]) -> Mapping[str, str]:
    """Those settings as the cluster has them.

    Raises:
        ParseError: it does not tell one.
    """
    answers = {
        "hypervisors": listed(info.hypervisors),
        "default hypervisor": info.default_hypervisor,
        "disk templates": listed(info.disk_templates),
        "candidate pool size": str(info.candidate_pool_size),
        "master netdev": info.master_netdev,
        "NICs": f"{info.nic_mode} to {info.nic_link}",
        "master netmask": info.master_netmask,
        "volume group": info.volume_group,
        "DRBD helper": info.usermode_helper,
    }
    parameters = {name: name.split(" ", 1) for name in settings if name not in answers}
    return {name: answer for name, answer in answers.items() if name in settings} | {
        name: info.hypervisor_parameter(*path) for name, path in parameters.items()
    }
