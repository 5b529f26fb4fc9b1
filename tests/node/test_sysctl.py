"""Kernel Parameters: the ten of the notes, in force, on every interface, and after a reboot."""

from gntverify.cluster import Node
from gntverify.compare import across_reboot, difference
from gntverify.controls import control, need
from gntverify.facts.sysctl import effective, persisted
from gntverify.site import Site
from gntverify.site.differences import profiles_on

REDIRECTS = ("accept_redirects", "accept_source_route", "send_redirects")


def _wrong(node: Node, site: Site, key: str) -> str:
    """What is wrong with one parameter in force now; empty when it is as the site says."""
    need(key in site.parameters, f'no value of {key} is expected: the site says "any"')
    have = node.parameter(key, among=tuple(site.sysctl))
    return difference({key: site.parameters[key]}, {key: have})


@control("K01", severity="medium", notes="sysctl")
def test_syn_cookies_are_as_the_site_says(node: Node, site: Site) -> None:
    """SYN cookies are switched as the site says (the notes: on).

    Why: without them a SYN flood against the node or a guest behind it stops new connections.
    Fix: set net.ipv4.tcp_syncookies in /etc/sysctl.d/ and run `sysctl --system`.
    """
    wrong = _wrong(node, site, "net.ipv4.tcp_syncookies")
    assert not wrong, f"{node.name}: {wrong}"


@control("K02", severity="high", notes="sysctl")
def test_ip_forwarding_is_as_the_site_says(node: Node, site: Site) -> None:
    """IP forwarding is switched as the site says (the notes: on).

    Why: the notes' nodes route for their guests; switched off, guests lose what lies behind.
    Fix: set net.ipv4.ip_forward in /etc/sysctl.d/ before the other keys (changing it resets
    accept_redirects) and run `sysctl --system`.
    """
    wrong = _wrong(node, site, "net.ipv4.ip_forward")
    assert not wrong, f"{node.name}: {wrong}"


@control("K03", severity="medium", notes="sysctl")
def test_accept_redirects_is_as_the_site_says(node: Node, site: Site) -> None:
    """net.ipv4.conf.all.accept_redirects is as the site says (the notes: 1).

    Why: a change of ip_forward resets it behind everybody's back, so that routes towards guests
    differ between nodes that were set up alike.
    Fix: set it in /etc/sysctl.d/ after net.ipv4.ip_forward and run `sysctl --system`.
    """
    wrong = _wrong(node, site, "net.ipv4.conf.all.accept_redirects")
    assert not wrong, f"{node.name}: {wrong}"


@control("K04", severity="medium", notes="sysctl")
def test_accept_source_route_is_as_the_site_says(node: Node, site: Site) -> None:
    """net.ipv4.conf.all.accept_source_route is as the site says (the notes: 1).

    Why: it decides whether a sender may choose the path through the node; a node that differs
    from what was decided is either less reachable or less safe than the others.
    Fix: set it in /etc/sysctl.d/ and run `sysctl --system`.
    """
    wrong = _wrong(node, site, "net.ipv4.conf.all.accept_source_route")
    assert not wrong, f"{node.name}: {wrong}"


@control("K05", severity="medium", notes="sysctl")
def test_send_redirects_is_as_the_site_says(node: Node, site: Site) -> None:
    """net.ipv4.conf.all.send_redirects is as the site says (the notes: 1).

    Why: with several nodes on one segment it decides whether guests learn the shorter way.
    Fix: set it in /etc/sysctl.d/ and run `sysctl --system`.
    """
    wrong = _wrong(node, site, "net.ipv4.conf.all.send_redirects")
    assert not wrong, f"{node.name}: {wrong}"


@control("K06", severity="high", notes="sysctl")
def test_rp_filter_for_all_is_as_the_site_says(node: Node, site: Site) -> None:
    """net.ipv4.conf.all.rp_filter is as the site says (the notes: 0).

    Why: reverse path filtering drops packets of guests whose answers take another interface.
    Fix: set it in /etc/sysctl.d/ and run `sysctl --system`.
    """
    wrong = _wrong(node, site, "net.ipv4.conf.all.rp_filter")
    assert not wrong, f"{node.name}: {wrong}"


@control("K07", severity="high", notes="sysctl")
def test_rp_filter_for_new_interfaces_is_as_the_site_says(node: Node, site: Site) -> None:
    """net.ipv4.conf.default.rp_filter is as the site says (the notes: 0).

    Why: every tap of a guest that is started later takes this value.
    Fix: set it in /etc/sysctl.d/ and run `sysctl --system`.
    """
    wrong = _wrong(node, site, "net.ipv4.conf.default.rp_filter")
    assert not wrong, f"{node.name}: {wrong}"


@control("K08", severity="low", notes="sysctl")
def test_log_martians_is_as_the_site_says(node: Node, site: Site) -> None:
    """net.ipv4.conf.all.log_martians is as the site says (the notes: 0).

    Why: switched on, a bridge that carries two networks fills the kernel's log.
    Fix: set it in /etc/sysctl.d/ and run `sysctl --system`.
    """
    wrong = _wrong(node, site, "net.ipv4.conf.all.log_martians")
    assert not wrong, f"{node.name}: {wrong}"


@control("K09", severity="critical", notes="sysctl")
def test_proxy_arp_for_all_is_as_the_site_says(node: Node, site: Site) -> None:
    """net.ipv4.conf.all.proxy_arp is as the site says (the notes: 0).

    Why: "very important": the bridge is a real one; with proxy ARP the node answers for
    addresses of other nodes' guests and takes their traffic.
    Fix: set it to 0 in /etc/sysctl.d/, run `sysctl --system`, clear stale entries on the
    neighbours with `ip neigh flush all`.
    """
    wrong = _wrong(node, site, "net.ipv4.conf.all.proxy_arp")
    assert not wrong, f"{node.name}: {wrong}"


@control("K10", severity="critical", notes="sysctl")
def test_proxy_arp_for_new_interfaces_is_as_the_site_says(node: Node, site: Site) -> None:
    """net.ipv4.conf.default.proxy_arp is as the site says (the notes: 0).

    Why: every tap and bridge made later takes this value; see K09 for what it does.
    Fix: set it to 0 in /etc/sysctl.d/ and run `sysctl --system`.
    """
    wrong = _wrong(node, site, "net.ipv4.conf.default.proxy_arp")
    assert not wrong, f"{node.name}: {wrong}"


@control("K11", severity="high", notes="sysctl")
def test_no_interface_deviates_in_rp_filter_or_proxy_arp(node: Node, site: Site) -> None:
    """No interface filters reverse paths or answers ARP for others against the site's word.

    Why: the kernel takes the higher rp_filter of `all` and the interface, and proxy_arp of
    either; one interface set by hand undoes what `all` says, and `all` looks right.
    Fix: `sysctl -w net.ipv4.conf.INTERFACE.KEY=VALUE` on the interfaces named, and remove what
    set it (/etc/sysctl.d/, an `up` line in /etc/network/interfaces).
    """
    wrong = _deviating(node, site, ("rp_filter", "proxy_arp"))
    assert not wrong, f"{node.name}: in force is {wrong}"


@control("K12", severity="high", notes="sysctl")
def test_the_next_boot_sets_the_same_kernel_parameters(node: Node, site: Site) -> None:
    """Every parameter of the site is in force, and the files of sysctl.d set it again at boot.

    Why: a value set by hand holds until the reboot that follows the next outage; a file that was
    never applied changes the node at a time nobody chose. The files are taken in systemd's order.
    Fix: write the key to /etc/sysctl.d/99-ganeti.conf, or correct the file that is named; a
    later name wins, and /etc/sysctl.conf counts only through the link 99-sysctl.conf. When only
    the value of now is wrong: `sysctl --system`.
    """
    parameters = need(site.parameters, "no kernel parameter is expected to have a value")
    want = {key: str(value) for key, value in parameters.items()}
    now = {key: str(node.parameter(key, among=tuple(site.sysctl))) for key in want}
    found = {key: persisted(node.sysctl_files, key) for key in want}
    at_boot = {key: setting.value for key, setting in found.items() if setting}
    by = {key: setting.path for key, setting in found.items() if setting}
    wrong = across_reboot(want, now, at_boot, by)
    assert not wrong, f"{node.name}: {wrong}"


@control("K13", severity="medium", notes="sysctl")
def test_redirects_and_source_routes_follow_the_profile(node: Node, site: Site) -> None:
    """Redirects and source routes are treated on every interface as the site's profile says.

    Why: the notes accept and send them, a hardened site refuses them; what holds is joined of
    `all` and the interface, for each of the three in its own way, so `all` alone proves nothing.
    Fix: set net.ipv4.conf.{all,default}.KEY in /etc/sysctl.d/ and the interfaces named with
    `sysctl -w net.ipv4.conf.INTERFACE.KEY=VALUE`.
    """
    wrong = _deviating(node, site, REDIRECTS)
    assert not wrong, f"{node.name}: in force is {wrong} (profile {site.profile!r})"


def _deviating(node: Node, site: Site, keys: tuple[str, ...]) -> str:
    """Interfaces where a parameter in force is not what the site says for ``all``."""
    want = {key: site.parameters.get(f"net.ipv4.conf.all.{key}") for key in keys}
    decided = [key for key in keys if want[key] is not None]
    need(decided, f'no value of {" and ".join(keys)} is expected: the site says "any"')
    return ", ".join(
        f"{key}={have} on {interface} (expected {_choice(site, f'net.ipv4.conf.all.{key}')})"
        for key in decided
        for interface, have in sorted(effective(node.sysctls, key).items())
        if have != want[key]
    )


def _choice(site: Site, key: str) -> str:
    """What the site expects, beside what the profiles say where they disagree."""
    profiles = profiles_on(key)
    return f"{site.sysctl[key]}; {profiles}" if profiles else str(site.sysctl[key])
