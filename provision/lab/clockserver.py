"""The lab's clock: answers SNTP (RFC 4330) with the runner's time, and never sets anything."""

import socketserver
import struct
import time

UNIX_TO_NTP_S = 2208988800
STRATUM = 3
PRECISION = -20
"""Of the clock, as a power of two in seconds: about a microsecond."""


def reply(request: bytes, now: float) -> bytes:
    """The server's answer to a client's packet, ``now`` being Unix time in seconds.

    Raises:
        ValueError: the packet is too short, or no client's.
    """
    if len(request) < 48 or request[0] & 0b111 != 3:
        raise ValueError("no SNTP request")
    version = request[0] >> 3 & 0b111
    head = struct.pack(
        ">BBbbII4s",
        version << 3 | 4,
        STRATUM,
        request[2],
        PRECISION,
        0,
        1 << 6,
        b"\x7f\x7f\x01\x01",
    )
    stamp = _stamp(now)
    return head + stamp + request[40:48] + stamp + stamp


def _stamp(unix: float) -> bytes:
    seconds, fraction = divmod(unix + UNIX_TO_NTP_S, 1)
    return struct.pack(">II", int(seconds) & 0xFFFFFFFF, int(fraction * 2**32))


class Handler(socketserver.BaseRequestHandler):
    """One request, one answer; what is no request gets none."""

    def handle(self) -> None:
        """Answer the packet."""
        data, server = self.request
        try:
            answer = reply(data, time.time())
        except ValueError:
            return
        server.sendto(answer, self.client_address)


def clock_server(address: str) -> socketserver.UDPServer:
    """A server on the NTP port of ``address``, to be run by ``serve_forever``."""
    return socketserver.UDPServer((address, 123), Handler)
