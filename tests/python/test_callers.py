"""Who calls through a real uvicorn: its proxies' word, names of loopback, guessed keys; what its log says of them."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import logging
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from fastapi import FastAPI, WebSocket
from token_support import SECRET, token
from web_support import TIMEOUT, Process, Uvicorn, client, receive
from websockets.asyncio.client import connect as async_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ws_manager import WebSocketManager
from ws_manager._labels import route_label, visible
from ws_manager.uvicorn import CheckedWebSocketProtocol, WebSocketProtocol

BROADCAST = b'{"event_type":"x"}'


def call(port: int, what: str, host: str = "localhost", body: bytes | None = None, **fields: str) -> int:
    """The status of "GET /path" from 127.0.0.1; x_forwarded_for=… is a header field."""
    method, path = what.split(" ")
    headers = {"Host": host, **{name.replace("_", "-"): value for name, value in fields.items()}}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request(method, path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def make_app(manager: WebSocketManager) -> FastAPI:
    app = FastAPI(lifespan=manager.lifespan)
    app.include_router(manager.router)
    app.include_router(manager.admin_router(lambda: True), prefix="/checked")
    return app


def protocol_of(manager: WebSocketManager) -> Any:
    return type("Protocol", (WebSocketProtocol,), {"manager": manager})


@pytest.fixture(params=["bridge", "hand-over"])
def manager_and_server(request: pytest.FixtureRequest) -> Iterator[tuple[WebSocketManager, Uvicorn]]:
    manager = WebSocketManager(admin=True)
    options = {"ws": protocol_of(manager)} if request.param == "hand-over" else {}
    with Uvicorn(make_app(manager), **options) as server:
        yield manager, server


def test_a_call_with_a_proxy_s_header_is_not_local(manager_and_server: tuple[WebSocketManager, Uvicorn]) -> None:
    _, server = manager_and_server
    calls = ("POST /api/ws/broadcast", "GET /api/ws/stats", "GET /metrics", "GET /api/ws/admin/state")
    fields = (
        {"x_forwarded_proto": "https"},
        {"x_forwarded_for": "127.0.0.1"},
        {"x_forwarded_host": "localhost"},
        {"forwarded": "for=127.0.0.1"},
        {"x_real_ip": "127.0.0.1"},
        {"via": "1.1 proxy"},
    )
    for what in calls:
        body = BROADCAST if what.startswith("POST") else None
        assert call(server.port, what, body=body) == 200
        for field in fields:
            assert call(server.port, what, body=body, **field) in (401, 403), (what, field)


def test_scheme_and_host_of_a_proxy_count_for_rest_and_sockets_alike(
    manager_and_server: tuple[WebSocketManager, Uvicorn],
) -> None:
    _, server = manager_and_server
    said = {"x_forwarded_for": "203.0.113.9", "x_forwarded_proto": "https", "x_forwarded_host": "app.example"}
    headers = {name.replace("_", "-"): value for name, value in said.items()}
    for origin, allowed in (("https://app.example", True), ("http://app.example", False), ("https://inner", False)):
        status = call(server.port, "GET /checked/api/ws/admin/state", host="inner", origin=origin, **said)
        assert status == (200 if allowed else 403), origin
        if allowed:
            with client(server.port, "/ws", origin=origin, additional_headers=headers) as browser:
                receive(browser, "connected")
            continue
        with (
            pytest.raises(InvalidStatus) as refusal,
            client(server.port, "/ws", origin=origin, additional_headers=headers),
        ):
            pass
        assert refusal.value.response.status_code == 403


@pytest.mark.parametrize("hand_over", [False, True])
def test_a_cookie_counts_for_rest_and_sockets_alike_behind_a_proxy(hand_over: bool) -> None:
    manager = WebSocketManager(jwt_secret=SECRET, jwt_cookie="session")
    said = {"x_forwarded_for": "203.0.113.9", "x_forwarded_proto": "https", "x_forwarded_host": "app.example"}
    cookie = f"session={token(rooms=['board:7'])}"
    pages = (("https://app.example", 200, 101), ("http://app.example", 403, 403), ("https://evil.example", 403, 403))
    with Uvicorn(make_app(manager), **({"ws": protocol_of(manager)} if hand_over else {})) as server:
        for origin, read, entered in pages:
            fields = {**said, "cookie": cookie, "origin": origin}
            what = "GET /api/ws/history?room=board:7"
            assert call(server.port, what, host="inside", **fields) == read, origin
            upgraded = {"upgrade": "websocket", "connection": "Upgrade", "sec_websocket_version": "13"}
            key = {"sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ=="}
            assert call(server.port, "GET /ws", host="inside", **fields, **upgraded, **key) == entered, origin


def test_a_page_whose_name_resolves_to_loopback_gets_nothing(
    manager_and_server: tuple[WebSocketManager, Uvicorn], caplog: pytest.LogCaptureFixture
) -> None:
    _, server = manager_and_server
    history = "GET /api/ws/history?room=r"
    assert call(server.port, history) == 200
    assert call(server.port, history, host="evil.example") == 403
    assert call(server.port, history, host="evil.example", x_forwarded_for="203.0.113.9") == 403
    for host, enters in (("evil.example:8000", False), ("localhost:8000", True), ("127.0.0.1:1", True)):
        answer = upgrade(server.port, "/ws/notifications", host, f"http://{host}")
        assert answer == (101 if enters else 403), host
    server.until(lambda: any("allowed_origins" in message for message in caplog.messages))


def upgrade(port: int, path: str, host: str, origin: str) -> int:
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as peer:
        peer.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        return int(peer.recv(4096).split(b" ", 2)[1])


def raw(port: int, request: str) -> int:
    """The status of the answer to a request as it is."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as peer:
        peer.sendall(request.encode())
        return int(peer.recv(4096).split(b" ", 2)[1])


@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_who_names_no_host_is_not_local(http: str) -> None:
    with Uvicorn(make_app(WebSocketManager(admin=True)), http=http) as server:
        for path in ("/api/ws/stats", "/metrics", "/api/ws/admin/state"):
            assert raw(server.port, f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n") == 200
            assert raw(server.port, f"GET {path} HTTP/1.0\r\n\r\n") in (401, 403), path


TWICE = {
    "Origin": "Host: localhost\r\nOrigin: http://localhost\r\nOrigin: http://evil.example\r\n",
    "Host": "Host: localhost\r\nHost: evil.example\r\n",
    "Authorization": "Host: localhost\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n",
}


def refuses_what_comes_twice(port: int) -> None:
    """h11 refuses two Host fields itself, and a close before the acceptance is 403 where a server knows no other."""
    for name, fields in TWICE.items():
        assert raw(port, f"GET /api/ws/history?room=r HTTP/1.1\r\n{fields}\r\n") == 400, name
        asks = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        assert raw(port, f"GET /ws/notifications HTTP/1.1\r\n{fields}{asks}{key}\r\n") in (400, 403), name


@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_two_fields_of_a_kind_are_refused(http: str) -> None:
    manager = WebSocketManager()
    for options in ({}, {"ws": protocol_of(manager)}, {"ws": "wsproto"}):
        with Uvicorn(make_app(manager), http=http, **options) as server:
            refuses_what_comes_twice(server.port)


def test_two_fields_of_a_kind_are_refused_under_hypercorn(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        "import fastapi, ws_manager\n"
        "app = fastapi.FastAPI(lifespan=ws_manager.lifespan)\n"
        "app.include_router(ws_manager.router)\n"
    )
    with Process("-m", "hypercorn", "main:app", "--bind", "127.0.0.1:0", cwd=tmp_path) as server:
        refuses_what_comes_twice(int(server.expect(r"Running on http://127.0.0.1:(\d+)")[1]))


def test_what_uvicorn_does_not_believe_is_not_believed() -> None:
    """Nor by the runtime: what a client says about its address, scheme and host is its own word."""
    manager = WebSocketManager(trusted_proxies="none")
    said = {"x_forwarded_for": "203.0.113.9", "x_forwarded_proto": "https", "x_forwarded_host": "app.example"}
    headers = {name.replace("_", "-"): value for name, value in said.items()}
    with Uvicorn(make_app(manager), proxy_headers=False) as server:
        checked = "GET /checked/api/ws/admin/state"
        assert call(server.port, checked, host="inner", origin="https://app.example", **said) == 403
        with client(server.port, "/ws", additional_headers=headers) as browser:
            receive(browser, "connected")
            assert manager.connections()[0]["ip"] == "127.0.0.1"
        with (
            pytest.raises(InvalidStatus) as refusal,
            client(server.port, "/ws", origin="https://app.example", additional_headers=headers),
        ):
            pass
        assert refusal.value.response.status_code == 403


def test_nobody_becomes_the_test_client_by_a_header() -> None:
    manager = WebSocketManager()
    with Uvicorn(make_app(manager), forwarded_allow_ips="*") as server:
        forged = "testclient:50000"
        assert call(server.port, "GET /api/ws/stats", host="evil.example", x_forwarded_for=forged) == 401
        assert call(server.port, "POST /api/ws/broadcast", body=BROADCAST, x_forwarded_for=forged) == 401


def test_guesses_of_the_key_count_against_the_address_that_the_proxy_names() -> None:
    manager = WebSocketManager(api_key="the-right-one", ban_threshold=5)
    with Uvicorn(make_app(manager)) as server:
        for _ in range(8):
            status = call(server.port, "GET /metrics", x_forwarded_for="203.0.113.9", x_api_key="guess")
            assert status in (401, 429)
        assert [ban["ip"] for ban in manager.bans()] == ["203.0.113.9"]
        assert manager.bans()[0]["reason"] == "repeated wrong API keys"
        assert call(server.port, "GET /metrics", x_forwarded_for="203.0.113.8", x_api_key="the-right-one") == 200


# ---- the log

HEX = "5f2b8c1e9a7d4036b8f1c2d3e4a5b697"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, dict[str, Any]]:
    """What a client trusts, and uvicorn's options: where uvicorn ends TLS the bridge carries."""
    folder = tmp_path_factory.mktemp("certificate")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context, {"ssl_certfile": folder / "cert.pem", "ssl_keyfile": folder / "key.pem"}


async def visit(port: int, path: str, context: ssl.SSLContext | None) -> None:
    scheme = "wss" if context else "ws"
    async with async_connect(f"{scheme}://127.0.0.1:{port}{path}", ssl=context, open_timeout=TIMEOUT) as browser:
        await browser.recv()


@pytest.mark.parametrize("carried", ["hand-over", "bridge"])
@pytest.mark.parametrize("protocol", [WebSocketProtocol, CheckedWebSocketProtocol])
def test_no_path_forges_a_line_or_tells_a_token(
    carried: str,
    protocol: Any,
    certificate: tuple[ssl.SSLContext, dict[str, Any]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    manager = WebSocketManager()

    @manager.authenticate
    async def who(request: Any) -> dict[str, object]:
        return {"user_id": "u", "rooms": ["*"]}

    app = make_app(manager)

    @app.websocket("/invited/{code}")
    async def invited(websocket: WebSocket, code: str) -> None:
        await manager.connect(websocket, user_id="u1")

    context, options = certificate if carried == "bridge" else (None, {})
    ws = type("Protocol", (protocol,), {"manager": manager})
    paths = {
        "/ws/project/a%0a2026-01-01%20CRITICAL%20forged": None,
        "/ws/project/%1b%5b2J": None,
        "/ws/project/%e2%80%aetxt": None,
        f"/ws/{HEX}?token={HEX}": "/ws/{token}",
        f"/ws/abc123?session_id={HEX}": "/ws/{token}",
        f"/invited/{HEX}?key={HEX}": "/invited/{code}",
        f"/ws?token={HEX}": "/ws",
    }
    with caplog.at_level(logging.INFO), Uvicorn(app, ws=ws, **options) as server:
        for path in paths:
            # What makes no name of a room is refused, before or after the upgrade.
            with contextlib.suppress(InvalidStatus, ConnectionClosed):
                asyncio.run(visit(server.port, path, context))
    written = [logging.Formatter("%(message)s").format(record) for record in caplog.records if not record.exc_info]
    about = [line for line in written if "WebSocket" in line]
    assert len(about) >= len(paths)
    for line in written:
        assert not any(word in line for word in (HEX, "abc123", "forged")), line
        assert all(c.isprintable() for c in line), line
    if carried == "hand-over":
        for label in filter(None, paths.values()):
            assert any(f'"WebSocket {label}" [handed over]' in line for line in about), label


def test_without_tokens_plain_ids_may_be_read() -> None:
    manager = WebSocketManager()
    manager.start()
    try:
        assert manager._label("/ws/project/42") == "/ws/project/42"
        assert manager._label(f"/ws/project/{HEX}") == "/ws/project/{project_id}"
        assert manager._label("/ws/project/a\nb") == "/ws/project/{project_id}"
        assert manager._label("/nowhere") == "(a path of the application)"
    finally:
        manager.stop()
    scope = {"path": "/live/7/é/lit", "path_params": {"board": 7, "name": "é"}}
    assert route_label(manager, scope) == "/live/7/{name}/lit"
    assert route_label(manager, {"path": "/live/7"}) == "(a path of the application)"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\r\x1b[2J\x00\x7f", "a\\nb\\r\\x1b[2J\\x00\\x7f"),
        ("\u202egpj.exe\u200b\u2066", "\\u202egpj.exe\\u200b\\u2066"),
        ("\u2028\u3164\ufe0f\U000e0041\u2800\xa0\x9b", "\\u2028\\u3164\\ufe0f\\U000e0041\\u2800\\xa0\\x9b"),
        ("café 日本 😀", "café 日本 😀"),
    ],
)
def test_text_of_clients_is_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


# ---- compressed messages

SERVED = """
import ws_manager
from fastapi import FastAPI, WebSocket

app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)

@app.websocket("/own")
async def own(websocket: WebSocket):
    await ws_manager.connect(websocket, user_id="u1")

@app.websocket("/plain")
async def plain(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_text(str(len(await websocket.receive_text())))
"""


async def bomb(port: int, path: str, context: ssl.SSLContext) -> tuple[int | None, bool]:
    """Sends fifty messages of 16 MiB that are 16 KiB on the wire; the close code, and whether it could compress."""
    async with async_connect(f"wss://127.0.0.1:{port}{path}", ssl=context, open_timeout=TIMEOUT) as browser:
        await browser.recv()
        compressed = "Sec-WebSocket-Extensions" in browser.response.headers
        text = "a" * (16 << 20 if compressed else 1 << 20)
        try:
            for _ in range(50):
                await browser.send(text)
            async with asyncio.timeout(TIMEOUT):
                await browser.wait_closed()
        except ConnectionClosed:
            pass
        return browser.close_code, compressed


def peak_of(pid: int) -> int:
    """MiB of memory that a process has had at most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) >> 10


@pytest.mark.parametrize("flags", [[], ["--ws-per-message-deflate", "true"]], ids=["as it is", "compressed"])
def test_limits_hold_before_anything_is_inflated(
    flags: list[str], certificate: tuple[ssl.SSLContext, dict[str, Any]], tmp_path: Path
) -> None:
    context, options = certificate
    (tmp_path / "main.py").write_text(SERVED)
    files = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    with Process("-m", "ws_manager", "run", "main:app", "--port", "0", *files, *flags, cwd=tmp_path) as server:
        asyncio.run(visit(server.port, "/ws", context))
        before = peak_of(server.popen.pid)
        for path in ("/ws", "/own"):
            code, compressed = asyncio.run(bomb(server.port, path, context))
            assert code == 1009, path
            assert compressed == bool(flags)
        assert peak_of(server.popen.pid) < before + 60
        assert asyncio.run(large(server.port, context)) == str(1 << 20)  # the application's own has its own limits


async def large(port: int, context: ssl.SSLContext) -> str | bytes:
    async with async_connect(f"wss://127.0.0.1:{port}/plain", ssl=context, open_timeout=TIMEOUT) as browser:
        await browser.send("a" * (1 << 20))
        return await browser.recv()


@pytest.mark.parametrize("name", ["websockets_impl.WebSocketProtocol", "wsproto_impl.WSProtocol"])
def test_limits_hold_with_uvicorn_s_other_implementations(
    name: str, certificate: tuple[ssl.SSLContext, dict[str, Any]], tmp_path: Path
) -> None:
    context, options = certificate
    module, _, cls = name.partition(".")
    chosen = f"from uvicorn.protocols.websockets.{module} import {cls}\n"
    chosen += f"import ws_manager.uvicorn\nws_manager.uvicorn.AutoWebSocketsProtocol = {cls}\n"
    (tmp_path / "main.py").write_text(chosen + SERVED)
    files = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    flags = ("--ws-per-message-deflate", "true")
    with Process("-m", "ws_manager", "run", "main:app", "--port", "0", *files, *flags, cwd=tmp_path) as server:
        asyncio.run(visit(server.port, "/ws", context))
        before = peak_of(server.popen.pid)
        for path in ("/ws", "/own"):
            code, _ = asyncio.run(bomb(server.port, path, context))
            assert code in (1009, 1006), path  # These close at once: who still sends may lose the code to a reset.
        assert peak_of(server.popen.pid) < before + 60


def test_another_implementation_gets_our_limit_from_run(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(SERVED)
    command = ("-m", "ws_manager", "run", "main:app", "--port", "0", "--ws", "auto")
    with (
        Process(*command, cwd=tmp_path, WEBSOCKET_MAX_MESSAGE_SIZE="2000") as server,
        client(server.port, "/ws") as browser,
    ):
        receive(browser, "connected")
        assert "Sec-WebSocket-Extensions" not in browser.response.headers
        browser.send("a" * 3000)
        with pytest.raises(ConnectionClosed):
            browser.recv(TIMEOUT)
        assert browser.close_code == 1009
