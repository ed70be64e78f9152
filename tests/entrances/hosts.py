"""What requests say about where they come from and whom they mean: proxies, pages, keys."""

from __future__ import annotations

import json
import time

import jwt

from entrances.attack import FETCH, KEYED, SOCKETS, Attacks, demand, inside, leaked, until
from entrances.hearing import FAR, KEY, SECRET, let_in
from entrances.http import call
from entrances.server import Server

hosts = Attacks("proxies and pages", "open")
BODY = json.dumps({"event_type": "x", "data": {}}).encode()
JSON = "Content-Type: application/json"
OPERATORS = (
    ("POST", "/api/ws/broadcast", BODY),
    ("GET", "/api/ws/stats", b""),
    ("GET", "/ws/stats", b""),
    ("GET", "/metrics", b""),
    ("GET", "/api/ws/bans", b""),
    ("GET", "/api/ws/connections", b""),
    ("GET", "/api/ws/admin/state", b""),
    ("POST", "/api/ws/admin/ban", json.dumps({"ip": "192.0.2.1", "seconds": 1}).encode()),
)


def asked(server: Server, lines: tuple[str, ...], host: str) -> dict[str, str]:
    found = {}
    for method, path, body in OPERATORS:
        reply = call(server, method, path, *([JSON] if body else []), *lines, body=body, host=host)
        found[f"{method} {path} {' '.join(lines)} Host: {host}"] = (
            "answered" if 200 <= reply.status < 300 else str(reply.status)
        )
    return found


@hosts("a proxy that does not say for whom it asks", "401 for what is the operator's")
def unnamed(server: Server) -> str:
    found: dict[str, str] = {}
    for lines in (
        ("X-Forwarded-Proto: https",),
        ("X-Forwarded-Host: localhost",),
        ("X-Forwarded-Proto: https", "X-Forwarded-Host: localhost"),
        ("Forwarded: proto=https",),
        ("Forwarded: host=localhost",),
        ("Forwarded: for=unknown",),
        ("Forwarded: for=_secret",),
        ("X-Forwarded-For: unknown",),
        ("X-Forwarded-For: ",),
        ("X-Forwarded-For: ,",),
        ("Forwarded: ",),
    ):
        found |= asked(server, lines, f"localhost:{server.port}")
    return leaked(found, "answered")


@hosts(
    "a page of a foreign name that is this machine's address",
    "401 or 403: statistics, panel, history",
    absent=[FETCH],
)
def rebinding(server: Server) -> str:
    found: dict[str, str] = {}
    for host in (
        f"evil.example:{server.port}",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "localhost@evil",
    ):
        found |= asked(server, (), host)
        for lines in ((), (f"Origin: http://{host}",)):
            reply = call(server, "GET", "/api/ws/history?room=x", *lines, host=host)
            found[f"history {host} {lines}"] = "answered" if reply.status == 200 else str(reply.status)
    return leaked(found, "answered")


@hosts("the same, by a socket", "never let in", absent=[SOCKETS])
def rebinding_sockets(server: Server) -> str:
    from raw.peer import request

    from entrances.hearing import greeted

    found = {}
    for host in (f"evil.example:{server.port}", "evil.example", "localhost.evil.example:80"):
        for path in ("/ws", "/ws/notifications", "/ws/updates"):
            peer = server.connect()
            peer.send(request(path, change={"Host": host}, extra=[f"Origin: http://{host}"]))
            found[f"{path} {host}"] = greeted(peer)[1]
            peer.close()
    return leaked(found)


@hosts("the panel without a key, by other pages of this machine", "refused", absent=[FETCH])
def panel(server: Server) -> str:
    home = f"localhost:{server.port}"
    scheme = "https" if server.tls else "http"
    right = call(server, "GET", "/api/ws/admin/state", f"Origin: {scheme}://{home}", host=home)
    demand(right.status == 200, f"its own page: {right.status} {right.text[:80]}")
    found = {}
    other = "http" if server.tls else "https"
    for origin in (
        *(
            "http://localhost:1",
            "http://localhost",
            "https://localhost",
            "http://127.0.0.1:1",
            "http://[::1]:1",
            "null",
        ),
        *(f"{other}://{home}", f"{scheme}://evil.localhost:{server.port}", f"{scheme}://localhost.:{server.port}"),
        *("file://", "http://localhost:1@" + home, "chrome-extension://x", f"{scheme}://{home}.evil.example"),
    ):
        for method, path, body in OPERATORS[-2:]:
            reply = call(server, method, path, f"Origin: {origin}", *([JSON] if body else []), body=body, host=home)
            found[f"{path} {origin}"] = "answered" if 200 <= reply.status < 300 else str(reply.status)
    return leaked(found, "answered")


def cookie() -> str:
    claims = {"sub": "u1", "exp": int(time.time()) + 3600, "rooms": ["board:7"]}
    return f"Cookie: session={jwt.encode(claims, SECRET, 'HS256')}"


@hosts(
    "a good cookie, and pages by scheme and host as a proxy says them", "REST answers as a socket does", scene="tokens"
)
def cookies(server: Server) -> str:
    good = ("X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: https", "X-Forwarded-Host: app.example")
    plain = ("X-Forwarded-For: 203.0.113.9", "X-Forwarded-Proto: http", "X-Forwarded-Host: app.example")
    standard = ("Forwarded: for=203.0.113.9;proto=https;host=app.example",)
    expected = (
        (good, "https://app.example", True),
        (standard, "https://app.example", True),
        (plain, "http://app.example", True),
        (good, "http://app.example", False),
        (standard, "http://app.example", False),
        (good, "https://evil.example", False),
        (good, "https://app.example.evil", False),
        (good, "null", False),
        (good, "", False),
        ((), "https://evil.example", False),
        ((), "", False),
    )
    bad = []
    for lines, origin, wanted in expected:
        more = [*lines, cookie(), *([f"Origin: {origin}"] if origin else [])]
        reply = call(server, "GET", "/api/ws/history?room=board:7", *more, host="inside")
        if (reply.status == 200) != wanted:
            bad.append(f"REST {origin or 'no Origin'} {lines}: {reply.status}")
        if server.entrance.name != "Node fetch":
            listener, answer = let_in(server, "/ws", more)
            if listener:
                listener.peer.close()
            if (listener is not None) != wanted:
                bad.append(f"socket {origin or 'no Origin'} {lines}: {answer}")
    demand(not bad, f"{len(bad)}: {'; '.join(bad[:4])}")
    return f"{len(expected)} pages"


@hosts("wrong API keys", "429 after twenty; the right key and others go on", scene="ten lines")
def keys(server: Server) -> str:
    demand(KEYED["WEBSOCKET_API_KEY"] == KEY, "another key")
    guesser = f"X-Forwarded-For: 198.51.100.{time.monotonic_ns() % 200 + 1}"
    statuses = []
    for number in range(60):
        key = (f"X-API-Key: guess{number}", f"Authorization: Bearer guess{number}")[number % 2]
        path = ("/api/ws/stats", "/api/ws/bans", "/metrics", "/ws/stats")[number // 2 % 4]
        statuses.append(call(server, "GET", path, guesser, key).status)
    demand(429 in statuses, f"never: {sorted(set(statuses))}")
    first = statuses.index(429)
    demand(10 <= first <= 30, f"after {first}")
    demand(set(statuses[first:]) <= {429, 401}, f"{sorted(set(statuses[first:]))}")
    demand(statuses[-1] == 429, f"the last: {statuses[-1]}")
    demand(call(server, "GET", "/api/ws/stats", *FAR).status == 401, "another address")
    if server.entrance.name != "Node fetch":
        listener, answer = let_in(server, "/ws", [guesser])
        demand(listener is None and answer in ("429", "4429"), f"its socket: {answer}")
        inside(server, "/ws", list(FAR)).peer.close()
    # Between wrong keys none is looked at for a while, not even the right one.
    until(
        lambda: call(server, "GET", "/api/ws/stats", guesser, f"X-API-Key: {KEY}").status == 200,
        "the right key from there",
    )
    return f"after {first}"


@hosts("keys that are nearly right", "401", scene="ten lines")
def nearly(server: Server) -> str:
    found = {}
    for number, value in enumerate(
        (KEY[:-1], KEY + "x", KEY.upper(), "", " ", KEY + "\x00", f"{KEY},{KEY}", f"Bearer {KEY}", KEY[1:], "*", "null")
    ):
        for name in ("X-API-Key: ", "Authorization: Bearer ", "Authorization: "):
            if name == "Authorization: " and value == f"Bearer {KEY}":
                continue
            far = f"X-Forwarded-For: 192.0.2.{number + 1}"
            reply = call(server, "GET", "/api/ws/stats", far, name + value)
            found[name + value] = "answered" if reply.status == 200 else str(reply.status)
    for path in (f"/api/ws/stats?api_key={KEY}", f"/api/ws/stats?key={KEY}&X-API-Key={KEY}"):
        found[path] = "answered" if call(server, "GET", path, "X-Forwarded-For: 192.0.2.77").status == 200 else "401"
    found["cookie"] = (
        "answered" if call(server, "GET", "/api/ws/stats", *FAR, f"Cookie: X-API-Key={KEY}").status == 200 else "401"
    )
    return leaked(found, "answered")


ALL = (hosts,)
