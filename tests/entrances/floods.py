"""Memory and descriptors: what is not read, what is left open, what unfolds."""

from __future__ import annotations

import zlib
from contextlib import ExitStack

from raw.frames import frame
from raw.peer import Peer, request

from entrances.attack import (
    ASGI,
    BRIDGED,
    MIB,
    NO_SOCKET,
    SERVERS_OWN,
    SOCKETS,
    TLS,
    Attacks,
    demand,
    inside,
    serves,
    settled,
)
from entrances.http import request as http_request
from entrances.server import Server

floods = Attacks("floods", "open")
READERS = 80
CALLS = 24
HOSTED = (*ASGI, "Node attach", "Node fetch")
"""Where another server accepts the connections of REST calls."""
UNFOLDED = 16 * MIB - 64


def flat(server: Server, before: int, bound: int) -> str:
    grown = server.memory() - before
    demand(grown <= bound, f"memory has grown by {grown / MIB:.0f} MiB, more than {bound / MIB:.0f}")
    return f"{grown / MIB:+.0f} MiB"


@floods(
    "2,000 answers of 500 KB that nobody reads",
    "256 MiB at most; others are served meanwhile",
    absent=[(("Node fetch",), NO_SOCKET)],
)
def unread(server: Server) -> str:
    for _ in range(40):
        server.do("publish", to="big", message={"type": "big", "data": "x" * 12_500})
    serves(server)
    before = server.memory()
    data = b"".join(http_request("GET", "/api/ws/history?room=big") for _ in range(CALLS))
    with ExitStack() as stack:
        for _ in range(READERS):
            stack.enter_context(server.connect()).send(data)
        serves(server)
        inside(server, "/ws").peer.close()
        found = flat(server, before, 256 * MIB)
    serves(server)
    return found


@floods(
    "600 connections that ask for 500 KB and do not read",
    "128 MiB at most; a client of another address is served",
    scene="ten lines",
    absent=[(HOSTED, SERVERS_OWN)],
)
def crowd(server: Server) -> str:
    for _ in range(40):
        server.do("publish", to="big", message={"type": "big", "data": "x" * 12_500})
    serves(server)
    before = server.memory()
    data = http_request("GET", "/api/ws/history?room=big") * CALLS
    with ExitStack() as stack:
        for _ in range(600):
            try:
                stack.enter_context(server.connect()).send(data)
            except OSError:
                break
        return flat(server, before, 128 * MIB)


def deflated(count: int) -> bytes:
    """Messages of 16 MiB each, in 16 KiB."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    folded = compressor.compress(b'{"action":"ping","x":"' + b"x" * UNFOLDED) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return frame(1, folded.removesuffix(b"\x00\x00\xff\xff"), rsv=4) * count


@floods(
    "50 messages of 16 KiB that unfold to 16 MiB each",
    "48 MiB at most",
    absent=[SOCKETS, (BRIDGED, SERVERS_OWN)],
)
def unfolding(server: Server) -> str:
    serves(server)
    before, highest = server.memory(), 0
    negotiated = False
    offer = ["Sec-WebSocket-Extensions: permessage-deflate"]
    for path in ("/ws", "/ws/updates", "/ws/notifications"):
        with server.connect() as peer:
            peer.send(request(path, extra=offer))
            answer = peer.answer()
            demand(answer is not None and answer.status == 101, f"{path}: {answer}")
            assert answer is not None
            if "permessage-deflate" not in answer["sec-websocket-extensions"]:
                continue
            negotiated = True
            peer.timeout = 5
            for _ in range(50):
                if peer.ended or not peer.send(deflated(1)):
                    break
                highest = max(highest, server.memory())
            while not peer.ended and peer.wait(0.5):
                highest = max(highest, server.memory())
    serves(server)
    demand(highest - before <= 48 * MIB, f"memory has grown by {(highest - before) / MIB:.0f} MiB")
    return f"{'negotiated' if negotiated else 'not negotiated'}, {max(0, highest - before) / MIB:.0f} MiB"


def left(server: Server, requests: list[bytes]) -> str:
    """Refused clients that stay: what they hold is given back all the same."""
    serves(server)
    base = server.descriptors()
    with ExitStack() as stack:
        peers: list[Peer] = []
        for data in requests:
            peer = stack.enter_context(server.connect())
            peer.send(data)
            peers.append(peer)
        answers: dict[str, int] = {}
        for peer in peers:
            answer = peer.answer()
            status = str(answer.status if answer else "ended")
            answers[status] = answers.get(status, 0) + 1
        demand("101" not in answers, f"{answers}")
        return f"{settled(server, base)}; {answers}"


@floods("50 refused upgrades that are left open", "their descriptors are given back", absent=[SOCKETS, TLS])
def refused(server: Server) -> str:
    evil = request("/ws", extra=["Origin: https://evil.example"])
    return left(server, [evil, evil, evil, request("/nothing/at/all"), request("/nothing")] * 10)


@floods(
    "50 handshakes that are none, left open",
    "their descriptors are given back",
    absent=[SOCKETS, TLS, (("hypercorn",), SERVERS_OWN)],
)
def no_handshakes(server: Server) -> str:
    version = request("/ws", change={"Sec-WebSocket-Version": "12"})
    no_key = request("/ws", change={"Sec-WebSocket-Key": None})
    return left(server, [version, no_key] * 25)


@floods("50 refused upgrades by a path near one of ours", "their descriptors are given back", absent=[SOCKETS, TLS])
def near(server: Server) -> str:
    return left(server, [request(path) for path in ("/ws/", "//ws", "/ws/project/", "/ws;x", "/WS")] * 10)


@floods(
    "upgrades closed by the server that are left open",
    "their descriptors are given back",
    absent=[SOCKETS, TLS],
    scene="authenticated",
)
def closed(server: Server) -> str:
    serves(server)
    base = server.descriptors()
    with ExitStack() as stack:
        peers = []
        for _ in range(30):
            peer = stack.enter_context(server.connect())
            peer.send(request("/ws"))
            peers.append(peer)
        for peer in peers:
            answer = peer.answer()
            if answer and answer.status == 101:
                peer.frame()  # the close frame, which is not answered
        return settled(server, base)


@floods("upgrades that are reset at once", "nothing left open", absent=[SOCKETS])
def resets(server: Server) -> str:
    serves(server)
    base = server.descriptors()
    for path in ("/ws", "/ws/notifications", "/nothing", "/api/ws/health"):
        for _ in range(20):
            peer = server.connect()
            peer.send(request(path))
            peer.reset()
    serves(server)
    return settled(server, base)


ALL = (floods,)
