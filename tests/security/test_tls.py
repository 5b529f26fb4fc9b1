"""What About Security?: what the daemons say to those who speak to them."""

from gntverify.binds import doors
from gntverify.cluster import Cluster, Node
from gntverify.controls import control
from gntverify.ganeti.tls import UNAUTHORIZED
from gntverify.site import Site


@control("X06", severity="critical", notes="security", impact="low-impact")
def test_rapi_answers_nobody_without_a_name(cluster: Cluster, site: Site) -> None:
    """RAPI, asked on the master for nodes, instances and jobs without a name, answers 401.

    Why: an address in RAPI_ARGS replaces Debian's own arguments, --require-authentication among
    them; then whoever reaches the port reads the whole configuration.
    Fix: RAPI_ARGS="-b 192.168.1.1 --require-authentication" in /etc/default/ganeti of all
    nodes, then `daemon-util stop ganeti-rapi` and `start ganeti-rapi` on the master.
    """
    address = doors(cluster.master, cluster, site)["rapi"]
    told = {p: s for p, s in cluster.master.anonymous(address).items() if s != UNAUTHORIZED}
    assert not told, f"RAPI on {address} answers without authentication: {told}, expected 401"


@control("X10", severity="high", notes="security", impact="low-impact")
def test_daemons_speak_tls_1_2_with_their_own_certificate(
    node: Node, cluster: Cluster, site: Site
) -> None:
    """RAPI and noded refuse TLS 1.0 and 1.1, and show the certificate that is in their file.

    Why: both carry what makes somebody root; and a daemon that was not restarted since its
    certificate was renewed is cut off from the others at its next start.
    Fix: for the certificate, restart ganeti on that node; for old versions, MinProtocol =
    TLSv1.2 and SECLEVEL=2 in /etc/ssl/openssl.cnf, then the same.
    """
    wrong = {
        daemon: ", ".join(trouble)
        for daemon, address in doors(node, cluster, site).items()
        if (trouble := node.greeting(daemon, address).trouble)
    }
    assert not wrong, f"{node.name}: {wrong}"
