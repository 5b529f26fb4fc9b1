import pytest

from gntverify.errors import ParseError
from gntverify.ganeti import displays

BOTH = ("password", "TLS")


@pytest.mark.parametrize(
    ("value", "address", "port", "missing"),
    [
        (":1", "any", 5901, BOTH),
        ("127.0.0.1:5101", "127.0.0.1", 11001, BOTH),
        ("[::1]:0", "::1", 5900, BOTH),
        ("192.0.2.1:1,password", "192.0.2.1", 5901, ("TLS",)),
        ("192.0.2.1:1,password=off", "192.0.2.1", 5901, BOTH),
        ("192.0.2.1:1,tls-creds=vnctls0", "192.0.2.1", 5901, ("password",)),
        ("192.0.2.1:1,tls-creds=vnctls0,password", "192.0.2.1", 5901, ()),
        ("192.0.2.1:1,tls-creds=t,password-secret=s", "192.0.2.1", 5901, ()),
    ],
)
def test_vnc_is_read_as_qemu_does(
    value: str, address: str, port: int, missing: tuple[str, ...]
) -> None:
    assert displays.vnc(value) == displays.Display("VNC", address, port, missing)


@pytest.mark.parametrize(
    ("value", "address", "port", "missing"),
    [
        ("addr=192.0.2.1,port=11004,disable-ticketing", "192.0.2.1", 11004, BOTH),
        ("addr=192.0.2.1,port=11004", "192.0.2.1", 11004, ("TLS",)),
        ("port=11004,disable-ticketing=on", "any", 11004, BOTH),
        ("addr=::1,tls-port=11004,x509-key-file=/x", "::1", 11004, ()),
        ("port=1,tls-port=2", "any", 1, ("TLS",)),
    ],
)
def test_spice_is_read_as_qemu_does(
    value: str, address: str, port: int, missing: tuple[str, ...]
) -> None:
    assert displays.spice(value) == displays.Display("SPICE", address, port, missing)


def test_a_socket_in_the_file_system_is_no_server() -> None:
    assert displays.vnc("none") is None
    assert displays.vnc("unix:/run/vm1.vnc") is None
    assert displays.spice("unix=on,addr=/run/vm1.spice") is None


@pytest.mark.parametrize("value", ["", "to=99", "127.0.0.1:1-2", "vm1"])
def test_another_form_is_refused(value: str) -> None:
    with pytest.raises(ParseError):
        displays.vnc(value)
    with pytest.raises(ParseError):
        displays.spice(value)


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("lo", True),
        ("/var/run/vnc", True),
        ("0.0.0.0", False),  # noqa: S104 - what is to be told from loopback
        ("any", False),
        ("eth0", False),
        ("192.168.0.1", False),
    ],
)
def test_loopback_is_what_strangers_cannot_reach(address: str, inside: bool) -> None:
    assert displays.is_loopback(address) is inside
    assert displays.Display("VNC", address, 5900, ("TLS",)).open is not inside
    assert not displays.Display("VNC", address, 5900, ()).open
