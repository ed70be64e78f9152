"""Request bodies: that end early, that never come, that come beside an Upgrade."""

from __future__ import annotations

import itertools
import json
import time

from entrances.attack import ASGI, SERVERS_OWN, Attacks, demand, serves, settled
from entrances.http import Reply, read, request
from entrances.server import Server

bodies = Attacks("bodies", "open")
PATHS = (
    *("/metrics", "/api/ws/stats", "/ws/stats", "/api/ws/health", "/api/ws/connections", "/api/ws/bans"),
    *(
        "/api/ws/broadcast",
        "/api/ws/history?room=x",
        "/api/ws/project/7/subscribers",
        "/ws/admin",
        "/api/ws/admin/state",
    ),
    *("/api/ws/admin/ban", "/app", "/nothing", "/ws", "/api/ws/live"),
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")
LENGTH = b"Content-Length: 10\r\n\r\nab"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\na\r\nab"


def head(method: str, path: str, rest: bytes) -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode() + rest


def abort(server: Server, rest: bytes, how: str) -> str:
    serves(server)
    base = server.descriptors()
    for path, method in itertools.product(PATHS, METHODS):
        peer = server.connect()
        peer.send(head(method, path, rest))
        time.sleep(0.002)  # so that the head has been read before the end comes, mostly
        peer.reset() if how == "reset" else peer.close()
        demand(server.alive, f"THE SERVER HAS ENDED after {method} {path}: {server.last_words()}")
    serves(server)
    return f"{len(PATHS) * len(METHODS)} requests, {settled(server, base)}"


@bodies("a length, then an end", "served on, nothing left open")
def length_end(server: Server) -> str:
    return abort(server, LENGTH, "end")


@bodies("a length, then a reset", "served on, nothing left open")
def length_reset(server: Server) -> str:
    return abort(server, LENGTH, "reset")


@bodies("half a chunk, then an end", "served on, nothing left open")
def chunked_end(server: Server) -> str:
    return abort(server, CHUNKED, "end")


@bodies("half a chunk, then a reset", "served on, nothing left open")
def chunked_reset(server: Server) -> str:
    return abort(server, CHUNKED, "reset")


@bodies("a bad chunk", "a status or an end; served on")
def bad_chunk(server: Server) -> str:
    for path, method in itertools.product(PATHS, ("GET", "POST")):
        with server.connect() as peer:
            peer.send(head(method, path, b"Transfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n"))
            demand(read_any(peer) < 600, path)
    serves(server)
    return f"{2 * len(PATHS)} requests"


def read_any(peer: object) -> int:
    """The status of the answer; 0 if the connection ends without one."""
    answer = peer.answer()  # type: ignore[attr-defined]
    return answer.status if answer else 0


@bodies("Expect: 100-continue, then an end", "served on, nothing left open")
def expect(server: Server) -> str:
    return abort(server, b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", "end")


@bodies("answers that are not waited for", "served on, nothing left open")
def unread(server: Server) -> str:
    return abort(server, b"\r\n", "reset")


BROADCAST = json.dumps({"event_type": "x", "data": {"n": 1}}).encode()
UPGRADE = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")


@bodies(
    "a POST with a body and Upgrade: h2c",
    "the body is read, by REST and by the application",
    absent=[(ASGI, SERVERS_OWN)],
)
def h2c(server: Server) -> str:
    if server.entrance.name != "Node fetch":  # to which everyone is a stranger
        reply = call_upgrade(server, "/api/ws/broadcast", BROADCAST)
        demand(reply.status == 200 and "message_id" in reply.text, f"broadcast: {reply.status} {reply.text[:80]}")
    if server.entrance.language == "own" or server.entrance.name == "Node listen":
        return "broadcast"
    for size in (5, 5000):
        reply = call_upgrade(server, "/app", b"x" * size)
        demand(
            reply.status == 200 and json.loads(reply.text)["bytes"] == size, f"/app: {reply.status} {reply.text[:80]}"
        )
    return "both"


def call_upgrade(server: Server, path: str, body: bytes) -> Reply:
    with server.connect() as peer:
        lines = ("Content-Type: application/json", *UPGRADE)
        peer.send(request("POST", path, *lines, body=body, host=f"127.0.0.1:{server.port}"))
        return read(peer)


@bodies(
    "a GET with Upgrade: h2c, foo or websocket to what is none",
    "answered as without",
    absent=[(("hypercorn",), SERVERS_OWN)],
)
def upgrades(server: Server) -> str:
    found = {}
    for name in ("h2c", "foo", "websocket", "TLS/1.0", "h2c, websocket"):
        for path in ("/api/ws/health", "/api/ws/history?room=x"):
            with server.connect() as peer:
                peer.send(request("GET", path, "Connection: Upgrade", f"Upgrade: {name}"))
                found[f"{name} {path}"] = read_any(peer)
    wrong = {way: status for way, status in found.items() if status == 101 or status >= 500}
    demand(not wrong, str(wrong))
    silent = [way for way, status in found.items() if status == 0]
    demand(not silent, f"no answer: {silent}")
    bad = {way: status for way, status in found.items() if "websocket" not in way and status != 200}
    demand(not bad, f"not answered as without: {bad}")
    return str(sorted(set(found.values())))


@bodies("a body behind an answer", "the next request is answered for itself")
def behind(server: Server) -> str:
    with server.connect() as peer:
        peer.send(request("GET", "/api/ws/health", body=b"GET /api/ws/stats HTTP/1.1\r\nHost: x\r\n\r\n"))
        first = read(peer)
        if first.status != 200:
            return str(first.status)
        peer.send(request("GET", "/api/ws/health"))
        try:
            second = read(peer)
        except EOFError:
            return "ended"
        demand(second.status == 0 or '"status"' in second.text, f"{second.status} {second.text[:80]}")
    return "answered"


ALL = (bodies,)
