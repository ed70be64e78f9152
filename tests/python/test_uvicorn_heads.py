"""Heads of upgrades under our uvicorn class: long ones arrive whole, bad ones are answered, no token is logged."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import pytest
from fastapi import Depends, FastAPI, WebSocket, WebSocketException
from starlette.requests import HTTPConnection
from web_support import TIMEOUT, Uvicorn, client, receive

from ws_manager import WebSocketManager
from ws_manager.uvicorn import WebSocketProtocol

SECRET = "s3cr3t" * 3


def nobody(connection: HTTPConnection) -> None:
    raise WebSocketException(1008, "not you")


@pytest.fixture(scope="module", params=["h11", "httptools"])
def server(request: pytest.FixtureRequest) -> Iterator[Uvicorn]:
    manager = WebSocketManager(access="open")
    app = FastAPI(lifespan=manager.lifespan)

    @app.websocket("/whole/{word}")
    async def whole(websocket: WebSocket, word: str) -> None:
        await websocket.accept()
        cookie = websocket.headers.get("cookie", "")
        await websocket.send_json([word, len(cookie), len(websocket.query_params.get("long", "")), websocket.url.path])
        await websocket.close()

    @app.websocket("/no/{code}")
    async def refused(websocket: WebSocket, code: str) -> None:
        raise WebSocketException(1008, "not you")

    app.include_router(manager.router)
    app.include_router(manager.router, prefix="/guarded", dependencies=[Depends(nobody)])
    with Uvicorn(app, ws=WebSocketProtocol, http=request.param) as running:
        yield running


def head(path: str, *more: str) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def reply(server: Uvicorn, request: bytes) -> bytes:
    """The head of what comes back; the server has to say something, or this waits in vain."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=TIMEOUT) as connection:
        connection.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = connection.recv(65536)
            assert chunk, f"closed without an answer: {data!r}"
            data += chunk
    return data.partition(b"\r\n\r\n")[0]


def answer(server: Uvicorn, request: bytes) -> bytes:
    """The status line."""
    return reply(server, request).partition(b"\r\n")[0]


def test_long_lines_reach_the_application_whole(server: Uvicorn) -> None:
    for cookie, query in ((0, 9000), (9000, 0), (9000, 9000)):
        headers = {"Cookie": "x=" + "c" * cookie} if cookie else {}
        with client(server.port, f"/whole/a%20b?long={'q' * query}", additional_headers=headers) as browser:
            assert receive(browser) == ["a b", cookie + 2 if cookie else 0, query, "/whole/a b"]


@pytest.mark.parametrize("more", [["Cookie: x=" + "c" * 9000], []], ids=["cookie", "query"])
def test_long_lines_reach_our_endpoints(server: Uvicorn, more: list[str]) -> None:
    assert answer(server, head("/ws" if more else "/ws?x=" + "q" * 9000, *more)) == b"HTTP/1.1 101 Switching Protocols"


@pytest.mark.parametrize(
    ("status", "more"),
    [
        pytest.param(b"400", ["User-Agent: a\x1bb"], id="a control character"),
        pytest.param(b"400", ["Content-Length: 5"], id="a body"),
        pytest.param(b"400", ["Transfer-Encoding: chunked"], id="a body in chunks"),
        pytest.param(b"400", ["Sec-WebSocket-Protocol: " + "p" * 9000], id="a long subprotocol"),
        pytest.param(b"431", [f"X-{n}: {'x' * 6000}" for n in range(6)], id="more than 32 KiB"),
        pytest.param(b"431", [f"X-{n}: x" for n in range(101)], id="more than 100 fields"),
    ],
)
@pytest.mark.parametrize("path", ["/ws", "/whole/a"])
def test_bad_heads_are_answered(server: Uvicorn, path: str, status: bytes, more: list[str]) -> None:
    # With h11 some of them never become an upgrade: what uvicorn's HTTP says is an answer, too.
    assert answer(server, head(path, *more)).split(b" ")[1] in (status, b"400")
    with client(server.port, "/ws/updates") as browser:
        receive(browser, "connected")


@pytest.mark.parametrize(
    "path",
    [
        f"/guarded/ws?token={SECRET}",
        f"/guarded/ws/project/{SECRET}",
        f"/no/{SECRET}?token={SECRET}",
        f"/ws/{SECRET}/",
        f"//ws/{SECRET}",
        f"/ws/updates/{SECRET}",
        f"/whole/{SECRET}?token={SECRET}",
    ],
)
def test_no_line_of_the_log_holds_a_token(server: Uvicorn, path: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        answer(server, head(path))
        server.until(lambda: any("WebSocket" in message for message in caplog.messages))
    assert [message for message in caplog.messages if SECRET in message] == []


@pytest.mark.parametrize("path", ["/ws", "/whole/a", "/nowhere"])
@pytest.mark.parametrize("version", [[], ["8"], ["99"], ["13", "8"]], ids=["none", "8", "99", "two"])
def test_another_version_is_told_the_one_that_is_served(server: Uvicorn, path: str, version: list[str]) -> None:
    """RFC 6455 section 4.4: 426, with the version to come back with."""
    lines = head(path, *(f"Sec-WebSocket-Version: {one}" for one in version)).split(b"\r\n")
    lines.remove(b"Sec-WebSocket-Version: 13")
    said = reply(server, b"\r\n".join(lines)).lower().split(b"\r\n")
    assert said[0] == b"http/1.1 426 upgrade required"
    assert b"sec-websocket-version: 13" in said
