"""What About Security?: what the public address shows, and who may use the remote API."""

from gntverify.cluster import Node
from gntverify.compare import listed
from gntverify.controls import control, need
from gntverify.scan import Outside
from gntverify.site import Site

NO_FILE = "RAPI has no users file here, so nobody can log in to it"


@control("X05", severity="critical", notes="security", impact="low-impact")
def test_the_public_address_shows_declared_ports_only(
    node: Node, site: Site, outside: Outside
) -> None:
    """On the public address nmap finds no TCP port open but those that the site declares.

    Why: the provider's network is everybody's network.
    Fix: find who listens with `ss -lntp 'sport = :PORT'` on the node, bind it to the private
    address or stop it; or declare the port in the site file (security.public_tcp_ports).
    """
    want = set(site.security.public_tcp_ports)
    have = outside.every_port(node.name).open_tcp
    extra = have - want
    assert not extra, f"{node.name}: open besides {listed(want)}: {listed(extra)}"


@control("X07", severity="critical", notes="security")
def test_rapi_users_are_few_and_their_passwords_hashed(node: Node, site: Site) -> None:
    """RAPI's users file is private, its passwords are hashed, and only the declared may write.

    Why: who reads a password there owns every instance of the cluster.
    Fix: `chown gnt-rapi:gnt-masterd /var/lib/ganeti/rapi/users; chmod 640`; write passwords as
    {HA1} and the md5 of `user:Ganeti Remote API:password`; drop `write` where reading is enough.
    """
    file = need(node.rapi_users, NO_FILE)
    have = f"{file.mode} {file.owner}"
    want = "640 gnt-rapi:gnt-masterd"
    assert have == want, f"{node.name}: mode and owner are {have}, expected {want}"
    assert not file.not_hashed, f"{node.name}: not hashed: {listed(file.not_hashed)}"
    extra = file.writers - set(site.security.rapi_write_users)
    assert not extra, f"{node.name}: may write and is not declared: {listed(extra)}"
