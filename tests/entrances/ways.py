"""Ways around what an application guards, or does not route."""

from __future__ import annotations

import re
import time

from raw.peer import Peer, Unexpected, request

from entrances.attack import BRIDGED, NEVER_ASKED, SOCKETS, Attacks, demand, inside, leaked, until
from entrances.hearing import FAR, begin, greeted, let_in
from entrances.http import call
from entrances.server import Server

ways = Attacks("ways in", "guarded")

TRICKS = (
    *(
        "/ws",
        "/ws/updates",
        "/ws/notifications",
        "/ws/project/7",
        "/ws/logs",
        "/ws/x",
        "/v1/ws",
        "/v1/ws/notifications",
    ),
    *("/v1/../ws", "/v1/..//ws", "/v1/%2e%2e/ws", "/v1/..%2fws", "/v1/%2e%2e%2fws", "/v1/..;/ws", "/x/../ws", "/./ws"),
    *(
        "//ws",
        "///ws",
        "//v1//ws",
        "/v1//ws",
        "/v1/./ws",
        "/ws/",
        "/ws//",
        "/ws/.",
        "/ws/..",
        "/v1/ws/",
        "/v1/ws/../ws",
    ),
    *("/%77s", "/%77%73", "/w%73", "/%2577s", "/v1/%77s", "/%76%31/ws", "/ws%2fnotifications", "/ws/%6eotifications"),
    *("/WS", "/Ws", "/wS", "/V1/ws", "/v1/WS", "/WS/NOTIFICATIONS", "/ws/Notifications"),
    *("/ws;", "/ws;x=1", "/ws%3b", "/ws;/notifications", "/v1;x/ws", "/v1/ws;", "/;/ws", "/ws,"),
    *("/ws.", "/ws..", "/ws%2e", "/.ws", "/ws/notifications.", "/ws/notifications/", "/ws.json", "/ws~"),
    *("/ws%00", "/ws%00.html", "/ws%20", "/%20ws", "/ws%09", "/ws%0a", "/ws%0d%0a", "/ws%ff", "/%c0%afws", "/%u0077s"),
    *("/%2fws", "/v1%2fws", "/%5cws", "/\\ws", "/v1\\ws", "/v1/..\\ws", "/v1\\..\\ws"),
    *("http://127.0.0.1/ws", "http://127.0.0.1/v1/ws", "http://evil.example/ws", "ws://127.0.0.1/ws", "HTTP://x/ws"),
    *(
        "/ws?",
        "/ws?x",
        "/ws??",
        "/ws#",
        "/ws#x",
        "/?/ws",
        "/v1?/ws",
        "/v1/ws?/../../ws",
        "/v1/ws?x-user=u1",
        "/?path=/ws",
    ),
    *(
        "/v1/ws?user=u1",
        "/v1/ws?user_id=u1",
        "/ws?user=u1&user=u2",
        "/ws?token=",
        "/ws?session_id=u1",
        "/ws?authorization=u1",
    ),
    *("/ws/project/", "/ws/project/..", "/ws/project/%2e%2e", "/ws/project/%2e%2e/notifications", "/ws/project/*"),
    *("/ws/project/7/", "/ws/project/a%2fb", "/ws/logs/", "/ws/updates/", "/ws/stats", "/ws/admin", "/api/ws/stats"),
    *("/live/7", "/live/8", "/live/*", "/live/", "/live", "/live/7/", "/LIVE/7", "//live/7", "/live//7", "/live/%37"),
)
HEADERS = (
    ("X-Original-URL: /v1/ws", "X-Rewrite-URL: /ws"),
    ("X-Forwarded-Prefix: /v1",),
    ("X-Forwarded-Path: /v1/ws", "X-Forwarded-Uri: /ws"),
    ("X-Forwarded-User: u1", "Remote-User: u1", "X-Remote-User: u1"),
    ("X_User: u1",),
    ("X-User-Id: u1", "User: u1"),
    ("Cookie: x-user=u1; session=u1",),
    ("Authorization: Basic dTE6dTE=",),
    ("Authorization: Bearer u1",),
    ("Authorization: Bearer null", "X-API-Key: u1"),
    ("Sec-WebSocket-Protocol: ws_manager.v1, wsm.bearer.u1",),
    ("X-HTTP-Method-Override: POST",),
    ("Vouched: true", "Admitted: true", "X-Ws-Manager: u1"),
    ("Connection: x-user, Upgrade",),
    ("Forwarded: for=127.0.0.1;host=localhost;proto=http",),
)


@ways("paths that look like another", "never let in", absent=[SOCKETS])
def paths(server: Server) -> str:
    begun = {path: begin(server, path, []) for path in TRICKS}
    return leaked({path: end(path, peer) for path, peer in begun.items()})


@ways("the same, where only an own endpoint exists", "never let in", scene="alone", absent=[SOCKETS])
def paths_beside_own(server: Server) -> str:
    return paths(server)


@ways("the same, where nothing is routed", "never let in", scene="no router")
def paths_of_nothing(server: Server) -> str:
    return paths(server)


@ways("headers that name another path or a user", "never let in", absent=[SOCKETS])
def headers(server: Server) -> str:
    begun = {
        f"{path} {lines[0]}": begin(server, path, list(lines))
        for path in ("/ws", "/v1/ws", "/v1/ws/notifications")
        for lines in HEADERS
    }
    return leaked({way: end(way, peer) for way, peer in begun.items()})


@ways("other methods, versions and bodies", "never let in", absent=[SOCKETS])
def methods(server: Server) -> str:
    found: dict[str, str] = {}
    peers: dict[str, Peer] = {}
    for path in ("/ws", "/v1/ws"):
        for name, data in (
            ("POST", request(path, method="POST")),
            ("POST with a body", request(path, method="POST", extra=["Content-Length: 3"]) + b"abc"),
            ("HEAD", request(path, method="HEAD")),
            ("get", request(path, method="get")),
            ("HTTP/1.0", request(path, version="HTTP/1.0")),
            ("HTTP/0.9", f"GET {path}\r\n\r\n".encode()),
            ("a body by chunks", request(path, extra=["Transfer-Encoding: chunked"]) + b"0\r\n\r\n"),
            ("two paths", request(f"/v1/ws {path}")),
            ("a second request behind", request("/nothing") + request(path)),
            ("two Hosts", request(path, extra=["Host: other"])),
        ):
            peers[f"{name} {path}"] = server.connect()
            peers[f"{name} {path}"].send(data)
    deadline = time.monotonic() + 5
    for way, peer in peers.items():
        peer.timeout = max(0.1, deadline - time.monotonic())
        with peer:
            found[way] = end(way, peer)
    return leaked(found)


def end(way: str, peer: Peer) -> str:
    try:
        listener, answer = greeted(peer, way)
    except Unexpected as error:
        return str(error)
    if listener:
        listener.peer.close()
    return answer


OURS = re.compile(r'"messages"|active_connections|ws_manager_connections|"subscribers"')
CALLS = (
    "/api/ws/history?room=board:7",
    "/api/ws/stats",
    "/ws/stats",
    "/metrics",
    "/api/ws/connections",
    "/api/ws/bans",
)


def rest_tricks(path: str) -> list[str]:
    bare = path.split("?")[0]
    query = path[len(bare) :]
    first = bare[1]
    changed = (
        *(
            bare,
            f"/v1{bare}",
            f"/v1/..{bare}",
            f"/{bare}",
            f"//{bare}",
            f"/.{bare}",
            f"{bare}/",
            f"{bare}//",
            f"{bare}.",
        ),
        *(f"{bare};", f"{bare};x=1", f"{bare}%00", f"{bare}%20", f"{bare.upper()}", f"/%{ord(first):02x}{bare[2:]}"),
        *(
            f"/v1/{bare}",
            f"/v1{bare}/",
            f"/v1;{bare}",
            f"/V1{bare}",
            f"/v1%2f{bare[1:]}",
            f"/x/..{bare}",
            f"/%2e{bare}",
        ),
        *(
            bare.replace("/api/", "/api//"),
            bare.replace("/api/", "/api/./"),
            f"http://localhost{bare}",
            f"\\{bare[1:]}",
        ),
    )
    return [trick + query for trick in changed]


@ways("REST by paths that look like another", "neither history nor, from another machine, statistics")
def rest(server: Server) -> str:
    found = {}
    for path in CALLS:
        for trick in rest_tricks(path):
            for method in ("GET", "HEAD") if trick in (path, "/v1" + path) else ("GET",):
                reply = call(server, method, trick, *FAR)
                got = reply.status == 200 and (bool(OURS.search(reply.text)) or method == "HEAD")
                found[f"{method} {trick}"] = "answered" if got else str(reply.status)
    return leaked(found, "answered")


@ways("REST by other addresses that somebody claims", "neither history nor statistics")
def claimed(server: Server) -> str:
    found = {}
    for lines in (
        ("X-Forwarded-For: 127.0.0.1, 203.0.113.9",),
        ("X-Forwarded-For: 203.0.113.9", "X-Real-IP: 127.0.0.1"),
        ("X-Forwarded-For: 203.0.113.9", "Client-IP: 127.0.0.1", "True-Client-IP: 127.0.0.1"),
        ("X-Forwarded-For: 203.0.113.9", "X-Forwarded-Host: localhost"),
        ("Forwarded: for=127.0.0.1, for=203.0.113.9",),
        ("Forwarded: for=203.0.113.9;host=localhost", "X-Forwarded-For: 203.0.113.9"),
        ("X-Forwarded-For: unknown",),
        ("X-Forwarded-For: ",),
        ("X-Forwarded-For: 127.1", "X-Forwarded-For: 203.0.113.9"),
        ("Forwarded: for=_hidden",),
    ):
        for prefix in ("", "/v1"):
            for path in CALLS:
                reply = call(server, "GET", prefix + path, *lines)
                got = reply.status == 200 and bool(OURS.search(reply.text))
                found[f"{prefix}{path} {lines}"] = "answered" if got else str(reply.status)
    return leaked(found, "answered")


@ways("routes of the application's own behind the router", "they win, or the start names both", scene="late route")
def late(server: Server) -> str:
    shadowed = [
        path
        for path in ("/ws", "/metrics")
        if re.search(rf"(?i)route {path} .*(shadow|never called)", server.first_words)
    ]
    won = []
    with server.connect() as peer:
        peer.send(request("/ws"))
        answer = peer.answer()
        if answer and answer.status == 101 and b"mine" in peer.frame().payload:
            won.append("/ws")
    if call(server, "GET", "/metrics").text == "mine":
        won.append("/metrics")
    for path in ("/ws", "/metrics"):
        demand(path in won or path in shadowed, f"{path} is never called, and nothing says so")
    return f"win: {won}, said: {shadowed}"


@ways(
    "an upgrade to an endpoint that is not routed",
    "the log says what to do",
    scene="no router",
    absent=[(BRIDGED, NEVER_ASKED)],
)
def said(server: Server) -> str:
    let_in(server, "/ws/notifications")
    until(lambda: "include_router" in server.logged(), "a line that names include_router")
    return "said"


@ways("the log of the start, where nobody is checked", "says that rooms are open", scene="ten lines")
def start_open(server: Server) -> str:
    return in_log(server.first_words, r"(?i)\baccess\b.*\bopen\b|\brooms?\b.*\bopen\b")


@ways("the log of the start, where tokens are checked", "says that rooms need a grant", scene="tokens")
def start_granted(server: Server) -> str:
    return in_log(server.first_words, r"(?i)\baccess\b.*\bgrant|\brooms?\b.*\bgrant")


def in_log(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    demand(found is not None, f"nothing of the kind stands there: {text[-300:]!r}")
    return found[0][:100] if found else ""


@ways("a check that comes while it runs", "what was open is closed, also for who is there", scene="late check")
def late_check(server: Server) -> str:
    sockets = server.entrance.name != "Node fetch"
    listeners = [inside(server, path) for path in ("/ws", "/ws/notifications")] if sockets else []
    for listener in listeners[:1]:
        listener.say({"action": "subscribe", "room": "board:7"})
        listener.say({"action": "ping", "id": "in"})
        demand(listener.until("in"), "ended before")
    before = f"before {time.monotonic_ns()}"
    server.do("publish", to="board:7", message={"type": "mark", "data": {"to": before}})
    demand(mark_in_history(server, before), "history was not open before")
    server.do("authorize")
    after = f"after {time.monotonic_ns()}"
    server.do("publish", to="board:7", message={"type": "mark", "data": {"to": after}})
    for listener in listeners:
        listener.say({"action": "ping", "id": "after"})
        listener.until("after")
        listener.peer.close()
        demand(after not in listener.heard, f"{listener.way} heard what was published afterwards")
    demand(not mark_in_history(server, after), "history is open afterwards")
    return in_log(server.logged(whole=False), r"(?i)grant")


def mark_in_history(server: Server, mark: str) -> bool:
    reply = call(server, "GET", "/api/ws/history?room=board:7")
    return reply.status == 200 and mark in reply.text


ALL = (ways,)
