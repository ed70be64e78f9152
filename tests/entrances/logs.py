"""What clients say ends up in logs: as one line, without control characters, and without tokens."""

from __future__ import annotations

import json
import re
import uuid

from raw.frames import text
from raw.peer import Peer, request

from entrances.attack import BRIDGED, SOCKETS, Attacks, demand, until
from entrances.hearing import begin, greeted
from entrances.http import call
from entrances.server import Server

logs = Attacks("logs", "authenticated")
BREAKS = ("%0a", "%0d%0a", "%0d", "%c2%85", "%e2%80%a8", "%e2%80%a9", "%0b", "%0c", "%1b%5b2J", "%00", "%9b2J", "%7f")
RAW = ("\x1b[2J", "\x9b2J", "\x85", "\x7f", "\t\x1b]0;title\x07")
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]|\\\\udc9b")
FORGED = "2026-01-01 CRITICAL forged"


def clean(server: Server, serial: str) -> str:
    """No line begins with what was sent to begin one, and no control character stands in the log."""
    logged = server.logged(whole=False)
    forged = [line for line in re.split("[\n\r\x0b\x0c\x85\u2028\u2029]", logged) if line.lstrip().startswith(FORGED)]
    demand(not forged, f"a forged line stands in the log: {forged[:2]}")
    found = CONTROL.search(logged)
    if found:
        around = logged[max(0, found.start() - 60) : found.end() + 20]
        demand(False, f"a control character stands in the log: {around!r}")
    return f"{logged.count(serial)} lines"


def try_paths(server: Server, user: list[str]) -> str:
    serial = uuid.uuid4().hex[:8]
    encoded = FORGED.replace(" ", "%20") + serial
    peers = []
    for mark in BREAKS:
        for path in (
            *(
                f"/ws/project/a{mark}{encoded}",
                f"/ws/{mark}{encoded}",
                f"/ws/a{mark}{encoded}",
                f"/live/7{mark}{encoded}",
            ),
            *(f"/v1/ws/project/a{mark}{encoded}", f"/nothing{mark}{encoded}", f"/ws?session_id=a{mark}{encoded}"),
            *(f"/ws?resume={mark}{encoded}", f"/ws/logs?level=a{mark}{encoded}", f"/bare?board=a{mark}{encoded}"),
        ):
            for lines in ([], user):
                peer = begin(server, path, lines)
                peers.append(greeted(peer)[0])
        for path in (f"/api/ws/history?room=a{mark}{encoded}", f"/api/ws/project/a{mark}{encoded}/subscribers"):
            call(server, "GET", path, *user)
    for listener in peers:
        if listener:
            listener.peer.close()
    until(lambda: call(server, "GET", "/api/ws/health").status == 200, "health")
    return clean(server, serial)


@logs("line ends and escapes in paths and queries", "one clean line each")
def paths(server: Server) -> str:
    return try_paths(server, ["x-user: u1"])


@logs("the same, with endpoints of the application's own", "one clean line each", scene="hurried", absent=[SOCKETS])
def own_paths(server: Server) -> str:
    return try_paths(server, [])


@logs("the same, where nothing is checked", "one clean line each", scene="open")
def open_paths(server: Server) -> str:
    return try_paths(server, [])


@logs("escapes in header fields", "one clean line each", scene="open")
def headers(server: Server) -> str:
    serial = uuid.uuid4().hex[:8]
    for mark in RAW:
        value = f"a{mark}{FORGED}{serial}"
        for line in (
            *(
                f"Origin: https://{value}",
                f"User-Agent: {value}",
                f"Forwarded: for={value}",
                f"X-Forwarded-Proto: {value}",
            ),
            *(f"X-Forwarded-Host: {value}", f"Sec-WebSocket-Protocol: {value}", f"Cookie: session={value}"),
            *(f"Authorization: Bearer {value}", f"X-API-Key: {value}", f"Sec-WebSocket-Extensions: {value}"),
            *(() if server.entrance.language == "asgi" else (f"X-Forwarded-For: {value}",)),  # uvicorn logs it itself
        ):
            with server.connect() as peer:
                peer.send(request("/ws", extra=[line]))
                greeted(peer)
            call(server, "GET", "/api/ws/stats", line)
        with server.connect() as peer:
            peer.send(request("/ws", change={"Host": value}))
            greeted(peer)
    return clean(server, serial)


@logs("line ends and escapes in messages", "one clean line each", scene="open", absent=[SOCKETS])
def messages(server: Server) -> str:
    serial = uuid.uuid4().hex[:8]
    peer = begin(server, "/ws", [])
    greeted(peer)
    for mark in ("\n", "\r\n", "\x1b[2J", "\x85", "\u2028", "\x00"):
        value = f"a{mark}{FORGED}{serial}"
        for message in (
            {"action": value},
            {"action": "subscribe", "room": value},
            {"action": "publish", "room": "chat:1", "type": value, "data": {}},
            {"action": "publish", "room": f"chat:{value}", "type": "x", "data": {}},
            {"action": "ping", "id": value},
            {"action": "auth", "token": value},
            {value: 1},
        ):
            peer.send(text(json.dumps(message, ensure_ascii=False)))
        peer.send(text(value))
    peer.close()
    call(
        server,
        "POST",
        "/api/ws/broadcast",
        "Content-Type: application/json",
        body=b'{"event_type":"\\u001b[2J\\n' + FORGED.encode() + b'","data":{}}',
    )
    return clean(server, serial)


TOKEN_PATHS = ("/ws?token={}", "/ws/{}", "/ws/{}?x=1", "/ws/x?token={}", "/ws/updates?token={}")


def secrets() -> list[str]:
    """Short, as long as a hash, and as long as a token."""
    return [
        uuid.uuid4().hex[:12],
        uuid.uuid4().hex,
        uuid.uuid4().hex * 2,
        f"ey{uuid.uuid4().hex}.ey{uuid.uuid4().hex}.x",
    ]


def untold(server: Server, used: dict[str, str]) -> str:
    logged = server.logged(whole=False)
    told = [place for secret, place in used.items() if secret in logged]
    demand(not told, f"a token stands in the log, from: {sorted(set(told))}")
    return f"{len(used)} tokens"


def try_tokens(server: Server) -> str:
    """In each place where a token may stand, in good and bad requests; the operator's key too."""
    used: dict[str, str] = {}
    begun: list[Peer] = []
    rest_has_access_log = server.entrance.language == "asgi"
    for secret in secrets():
        for place, path, lines in (
            ("Authorization", "/ws", [f"Authorization: Bearer {secret}"]),
            ("subprotocol", "/ws", [f"Sec-WebSocket-Protocol: ws_manager.v1, wsm.bearer.{secret}"]),
            ("subprotocol alone", "/ws", [f"Sec-WebSocket-Protocol: wsm.bearer.{secret}"]),
            ("cookie", "/ws", [f"Cookie: session={secret}", "Origin: http://evil.example"]),
            ("X-API-Key", "/ws", [f"X-API-Key: {secret}"]),
            ("Authorization, Basic", "/ws", [f"Authorization: Basic {secret}"]),
        ):
            used[secret + place[0]] = place
            marked = [line.replace(secret, secret + place[0]) for line in lines]
            begun.append(begin(server, path, marked))
            if "subprotocol" not in place:
                call(server, "GET", "/api/ws/history?room=board:7", *marked)
        if server.entrance.name not in BRIDGED:
            # Of endpoints that there are; what nobody routes is the server's to log.
            paths = ("/ws?token={}",) if server.application == "readme" else TOKEN_PATHS
            for number, path in enumerate(paths):
                used[f"{secret}p{number}"] = f"path {path}"
                for lines in ([], ["Origin: http://evil.example"]):
                    begun.append(begin(server, path.format(f"{secret}p{number}"), lines))
        if not rest_has_access_log:
            used[secret + "q"] = "query of REST"
            call(server, "GET", f"/api/ws/history?room=board:7&token={secret}q")
    for peer in begun:
        greeted(peer)
        peer.close()
    return untold(server, used)


@logs("tokens, where an authenticate handler takes them", "in no line")
def tokens_of_handler(server: Server) -> str:
    return try_tokens(server)


@logs("tokens, where the runtime checks them", "in no line", scene="tokens")
def tokens(server: Server) -> str:
    used: dict[str, str] = {}
    if server.entrance.name != "Node fetch":
        for secret in secrets():
            peer = begin(server, "/ws", [])
            answer = peer.answer()
            demand(answer is not None and answer.status == 101, f"{answer}")
            used[secret + "m"] = "auth message"
            peer.send(text(json.dumps({"action": "auth", "token": secret + "m"})))
            peer.close_code()
            peer.close()
    untold(server, used)
    return try_tokens(server)


@logs("tokens, where nothing takes them", "in no line", scene="ten lines")
def tokens_of_nobody(server: Server) -> str:
    return try_tokens(server)


ALL = (logs,)
