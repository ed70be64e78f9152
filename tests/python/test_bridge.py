"""Servers that keep their sockets: the same rooms, commands, limits and closes through the bridge."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from fastapi import FastAPI, WebSocket
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient, WebSocketDenialResponse, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect
from web_support import TIMEOUT, Process, Uvicorn, client, closed, receive
from websockets.asyncio.client import connect as async_connect
from websockets.exceptions import InvalidStatus

from ws_manager import Overloaded, WebSocketManager
from ws_manager._bridge import bridge
from ws_manager._handover import Admission
from ws_manager.uvicorn import WebSocketProtocol


def make_app(manager: WebSocketManager) -> FastAPI:
    app = FastAPI(lifespan=manager.lifespan)
    app.include_router(manager.router)
    return app


@pytest.fixture
def manager() -> Iterator[WebSocketManager]:
    manager = WebSocketManager()
    yield manager
    manager.stop()


@pytest.fixture
def browser(manager: WebSocketManager) -> Iterator[TestClient]:
    with TestClient(make_app(manager)) as browser:
        yield browser


def message(socket: WebSocketTestSession, kind: str) -> dict[str, Any]:
    """The next message of a type."""
    while True:
        found: dict[str, Any] = socket.receive_json()
        if found.get("type") == kind:
            return found


def ended(socket: WebSocketTestSession) -> tuple[int, str]:
    """Reads to the end."""
    try:
        while True:
            socket.receive_text()
    except WebSocketDisconnect as end:
        return end.code, end.reason


def test_greeting_commands_and_publications(browser: TestClient, manager: WebSocketManager) -> None:
    with browser.websocket_connect("/ws?session_id=s-1") as socket:
        greeting = message(socket, "connected")["data"]
        assert greeting["session_id"] == "s-1"
        assert manager.connections()[0]["client_id"] == greeting["client_id"]
        assert manager.connections()[0]["ip"] == "127.0.0.1"
        socket.send_text("ping")
        message(socket, "pong")
        socket.send_json({"action": "subscribe", "room": "pipeline:7", "id": 1})
        assert message(socket, "subscribed")["id"] == 1
        manager.send_to_room("pipeline:7", {"type": "first"})
        assert message(socket, "first")["offset"] == 1
        manager.send_to_session("s-1", {"type": "second"})
        message(socket, "second")
        manager.broadcast({"type": "third"})
        message(socket, "third")


def test_binary_messages_of_the_host(browser: TestClient, manager: WebSocketManager) -> None:
    with browser.websocket_connect("/ws") as socket:
        message(socket, "connected")
        manager.broadcast(b"\x00\xff\xfe")
        assert socket.receive_bytes() == b"\x00\xff\xfe"
        manager.broadcast("text that is no object")
        assert socket.receive_text() == "text that is no object"


def test_resume_at_connection(browser: TestClient, manager: WebSocketManager) -> None:
    with browser.websocket_connect("/ws/project/7") as socket:
        message(socket, "connection")
        epoch = manager.position("project:7")["epoch"]
        manager.send_to_project("7", "notification", {"title": "t", "message": "one"})
        message(socket, "notification")
    manager.send_to_project("7", "notification", {"title": "t", "message": "two"})
    resume = base64.urlsafe_b64encode(json.dumps({"project:7": [epoch, 1]}).encode()).decode().rstrip("=")
    with browser.websocket_connect(f"/ws/project/7?resume={resume}") as socket:
        assert message(socket, "connection")["data"]["rooms"]["project:7"]["recovered"] is True
        assert message(socket, "notification")["data"]["message"] == "two"


def test_client_s_close_reaches_the_host(browser: TestClient, manager: WebSocketManager) -> None:
    gone: list[tuple[str, int, str]] = []
    told = threading.Event()

    @manager.on_disconnect
    def on_disconnect(connection: Any, code: int, reason: str) -> None:
        gone.append((connection.client_id, code, reason))
        told.set()

    with browser.websocket_connect("/ws") as socket:
        client_id = message(socket, "connected")["data"]["client_id"]
        socket.close(4000, "done")
        assert told.wait(TIMEOUT)
    assert gone == [(client_id, 4000, "done")]
    assert manager.connections() == []


def test_host_s_close_reaches_the_client_after_what_was_sent(browser: TestClient, manager: WebSocketManager) -> None:
    with browser.websocket_connect("/ws") as socket:
        client_id = message(socket, "connected")["data"]["client_id"]
        manager.broadcast({"type": "last"})
        manager.disconnect(client_id, code=4409, reason="removed")
        message(socket, "last")
        assert ended(socket) == (4409, "removed")


def test_stop_of_the_runtime_closes_with_1001(browser: TestClient, manager: WebSocketManager) -> None:
    with browser.websocket_connect("/ws") as socket:
        message(socket, "connected")
        manager.stop()
        assert ended(socket)[0] == 1001


def test_foreign_origin_is_refused_before_it_is_accepted(
    browser: TestClient, manager: WebSocketManager, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level("INFO", "ws_manager"),
        pytest.raises(WebSocketDisconnect) as refusal,
        browser.websocket_connect("/ws", headers={"origin": "https://evil.example"}),
    ):
        pass
    assert refusal.value.code == 4403
    assert any("/ws refused" in line and "Origin" in line for line in caplog.messages)
    assert manager.stats()["active_connections"] == 0


def test_endpoint_that_was_removed_is_not_found(browser: TestClient, manager: WebSocketManager) -> None:
    manager.remove_endpoint("/ws/logs")
    with pytest.raises(WebSocketDenialResponse) as refusal, browser.websocket_connect("/ws/logs"):
        pass
    assert refusal.value.status_code == 404


def test_stopped_runtime_is_unavailable(browser: TestClient, manager: WebSocketManager) -> None:
    manager.stop()
    waits = set()
    for _ in range(20):
        with pytest.raises(WebSocketDenialResponse) as refusal, browser.websocket_connect("/ws"):
            pass
        assert refusal.value.status_code == 503
        waits.add(refusal.value.headers["retry-after"])
    assert waits == set("12345")  # seconds: not all at once


def test_message_over_the_limit_is_closed_with_1009() -> None:
    manager = WebSocketManager(max_message_size=1000)
    with TestClient(make_app(manager)) as browser, browser.websocket_connect("/ws") as socket:
        message(socket, "connected")
        socket.send_text("x" * 1001)
        assert ended(socket)[0] == 1009


def test_flood_is_limited() -> None:
    manager = WebSocketManager(rate=5)
    with TestClient(make_app(manager)) as browser, browser.websocket_connect("/ws") as socket:
        message(socket, "connected")
        for _ in range(40):
            socket.send_text("ping")
        assert message(socket, "error")["data"]["code"] == "rate_limited"


def test_commands_of_the_host(browser: TestClient, manager: WebSocketManager) -> None:
    @manager.on_command("add")
    def add(connection: Any, data: dict[str, Any]) -> int:
        return int(data["a"]) + int(data["b"])

    with browser.websocket_connect("/ws") as socket:
        socket.send_json({"action": "add", "a": 1, "b": 2, "id": "x"})
        reply = message(socket, "reply")
        assert (reply["data"], reply["id"]) == (3, "x")


def test_authenticate_handler_decides(browser: TestClient, manager: WebSocketManager) -> None:
    @manager.authenticate
    async def who(request: Any) -> str | None:
        token = request.path_params.get("token")
        return "user-7" if token == "right token" else None

    with browser.websocket_connect("/ws/right%20token") as socket:
        assert message(socket, "connected")["data"]["user_id"] == "user-7"
    with browser.websocket_connect("/ws/wrong") as socket:
        assert ended(socket)[0] == 4401


def test_token_endpoint_does_not_exist_without_authentication(browser: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), browser.websocket_connect("/ws/anything"):
        pass


def test_route_of_the_application_like_the_token_endpoint_may_follow(manager: WebSocketManager) -> None:
    app = make_app(manager)

    @app.websocket("/ws/{token}")
    async def own(websocket: WebSocket, token: str) -> None:
        await websocket.accept()
        await websocket.send_text(f"own {token}")
        await websocket.close()

    with TestClient(app) as browser, browser.websocket_connect("/ws/abc") as socket:
        assert socket.receive_text() == "own abc"


def test_path_parameters_with_reserved_characters(browser: TestClient, manager: WebSocketManager) -> None:
    with browser.websocket_connect("/ws/project/a%3Fb%25") as socket:
        message(socket, "connection")
        manager.send_to_project("a?b%", "notification", {"title": "t", "message": "m"})
        assert message(socket, "notification")["project_id"] == "a?b%"


def test_test_client_without_lifespan(manager: WebSocketManager) -> None:
    browser = TestClient(make_app(manager))
    for _ in range(2):
        with browser.websocket_connect("/ws/updates") as socket:
            message(socket, "connected")
            manager.broadcast({"type": "hello"})
            message(socket, "hello")


def test_two_clients_at_once_without_lifespan(manager: WebSocketManager) -> None:
    """Each has an event loop of its own here; only one of them takes the runtime's events."""
    browser = TestClient(make_app(manager))
    with browser.websocket_connect("/ws") as first:
        message(first, "connected")
        with browser.websocket_connect("/ws") as second:
            message(second, "connected")
            manager.broadcast({"type": "both"})
            message(first, "both")
            message(second, "both")
        first.send_text("ping")
        message(first, "pong")


def test_starlette_without_fastapi(manager: WebSocketManager) -> None:
    from ws_manager._router import _starlette_router

    app = Starlette(routes=[Mount("/live", _starlette_router(manager))], lifespan=manager.lifespan)
    with TestClient(app) as browser, browser.websocket_connect("/live/ws/project/7") as socket:
        message(socket, "connection")
        assert browser.get("/live/api/ws/connections").json() == {"active_connections": 1}
        assert browser.get("/live/api/ws/project/7/subscribers").json() == {"project_id": "7", "subscribers": 1}


# ---- a server that behaves in other ways


class Client:
    """The server's side of one ASGI connection, in the hands of a test."""

    def __init__(self, path: str = "/ws", **scope: Any) -> None:
        self.scope = {
            "type": "websocket",
            "path": path,
            "headers": [],
            "query_string": b"",
            "client": ("127.0.0.1", 1),
            **scope,
        }
        self.to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[dict[str, Any]] = []
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.broken = False

    async def receive(self) -> dict[str, Any]:
        return await self.to_app.get()

    async def send(self, message: Any) -> None:
        if self.broken:
            raise OSError("gone")
        self.sent.append(message)
        if message["type"] == "websocket.send":
            await self.may_write.wait()

    def start(self, manager: WebSocketManager) -> asyncio.Task[Any]:
        path = self.scope["path"]
        return asyncio.create_task(bridge(manager, self.scope, self.receive, self.send, Admission(), path=path))

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(TIMEOUT):
            while not condition():
                await asyncio.sleep(0.005)


def test_client_that_does_not_read_is_a_slow_consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ws_manager._bridge.DRAIN_TIMEOUT", 0.1)

    async def run() -> None:
        manager = WebSocketManager(max_queue=8192, history_size=0)
        async with manager.lifespan(None):
            slow, good = Client(), Client()
            slow_end, good_end = slow.start(manager), good.start(manager)
            await slow.until(lambda: len(slow.sent) > 1 and len(good.sent) > 1)
            slow.may_write.clear()
            for n in range(100):  # over the bytes that may be under way to the server, and max_queue
                await manager.broadcast({"type": "big", "n": n, "fill": "x" * 4000})
                await good.until(lambda n=n: any(f'"n":{n},' in m.get("text", "") for m in good.sent))
            assert (await asyncio.wait_for(slow_end, TIMEOUT)).code == 4413
            assert not good_end.done()
            assert manager.stats()["active_connections"] == 1
            good.to_app.put_nowait({"type": "websocket.disconnect", "code": 1000})
            assert (await asyncio.wait_for(good_end, TIMEOUT)).code == 1000

    asyncio.run(run())


def test_close_waits_for_what_was_sent_before() -> None:
    async def run() -> None:
        manager = WebSocketManager()
        async with manager.lifespan(None):
            one = Client()
            task = one.start(manager)
            await one.until(lambda: len(one.sent) > 1)
            one.may_write.clear()
            for n in range(3):
                manager.broadcast({"type": "message", "n": n})
            manager.disconnect(manager.connections()[0]["client_id"], code=4409, reason="removed")
            await one.until(lambda: not manager.connections())
            one.may_write.set()
            assert await asyncio.wait_for(task, TIMEOUT) == (4409, "removed")
            assert [json.loads(sent["text"]).get("n") for sent in one.sent[2:-1]] == [0, 1, 2]
            assert one.sent[-1] == {"type": "websocket.close", "code": 4409, "reason": "removed"}

    asyncio.run(run())


def test_cancelled_application_leaves_no_connection_behind() -> None:
    async def run() -> None:
        manager = WebSocketManager()
        async with manager.lifespan(None):
            one = Client()
            task = one.start(manager)
            await one.until(lambda: len(one.sent) > 1)
            assert manager.stats()["active_connections"] == 1
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert manager.stats()["active_connections"] == 0
            assert not [task for task in asyncio.all_tasks() if "_Bridge" in repr(task)]

    asyncio.run(run())


def test_server_that_can_t_write_ends_the_connection() -> None:
    async def run() -> None:
        manager = WebSocketManager()
        async with manager.lifespan(None):
            one = Client()
            task = one.start(manager)
            await one.until(lambda: len(one.sent) > 1)
            one.broken = True
            manager.broadcast({"type": "hello"})
            assert (await asyncio.wait_for(task, TIMEOUT)).code == 1006
            assert manager.stats()["active_connections"] == 0

    asyncio.run(run())


def test_what_a_client_says_waits_while_the_runtime_is_overloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is neither lost nor is anything read behind it; the connection goes on."""

    class Busy:
        """A runtime that has no room twice."""

        def __init__(self, runtime: Any) -> None:
            self.runtime = runtime
            self.said: list[str] = []

        def bridge_receive(self, conn: int, data: Any) -> None:
            self.said.append(data)
            if len(self.said) <= 2:
                raise Overloaded("the queue of commands is full")
            self.runtime.bridge_receive(conn, data)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.runtime, name)

    async def run() -> None:
        manager = WebSocketManager()
        async with manager.lifespan(None):
            busy = Busy(manager._ready())
            monkeypatch.setattr(manager, "_ready", lambda: busy)
            one = Client()
            task = one.start(manager)
            await one.until(lambda: len(one.sent) > 1)
            for n in (1, 2):
                one.to_app.put_nowait({"type": "websocket.receive", "text": f'{{"action": "ping", "id": {n}}}'})
            await one.until(lambda: '"id":2' in one.sent[-1].get("text", ""))
            assert [json.loads(said)["id"] for said in busy.said] == [1, 1, 1, 2]
            assert [m["id"] for sent in one.sent[1:] if (m := json.loads(sent["text"]))["type"] == "pong"] == [1, 2]
            one.to_app.put_nowait({"type": "websocket.disconnect", "code": 1000})
            assert (await asyncio.wait_for(task, TIMEOUT)).code == 1000

    asyncio.run(run())


def test_event_loop_other_than_asyncio_s_is_named(manager: WebSocketManager) -> None:
    one = Client()
    call = bridge(manager, one.scope, one.receive, one.send, Admission(), path="/ws")
    with pytest.raises(RuntimeError, match="asyncio only"):
        call.send(None)


def test_refusal_where_the_server_knows_no_denial_response() -> None:
    async def run() -> None:
        manager = WebSocketManager()
        async with manager.lifespan(None):
            one = Client(headers=[(b"origin", b"https://evil.example"), (b"host", b"good.example")])
            await one.start(manager)
            assert [message["type"] for message in one.sent] == ["websocket.close"]

    asyncio.run(run())


# ---- real servers


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """(authority, certificate, key), made for this run."""
    folder = tmp_path_factory.mktemp("certificate")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    paths = (folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    authority.cert_pem.write_to_path(paths[0])
    issued.cert_chain_pems[0].write_to_path(paths[1])
    issued.private_key_pem.write_to_path(paths[2])
    return paths


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_tls_that_ends_in_uvicorn(certificate: tuple[Path, Path, Path], loop: str) -> None:
    manager = WebSocketManager()
    app = make_app(manager)
    context = ssl.create_default_context(cafile=str(certificate[0]))
    options: Any = {"ssl_certfile": certificate[1], "ssl_keyfile": certificate[2]}

    async def run(port: int) -> None:
        # The client on asyncio: the one with a thread shares its TLS object between two.
        async with async_connect(f"wss://127.0.0.1:{port}/ws", ssl=context, open_timeout=TIMEOUT) as browser:
            assert json.loads(await browser.recv())["type"] == "connected"
            manager.broadcast({"type": "hello"})
            assert json.loads(await browser.recv())["type"] == "hello"
            manager.disconnect(manager.connections()[0]["client_id"], code=4409, reason="removed")
            async with asyncio.timeout(TIMEOUT):
                await browser.wait_closed()
            assert (browser.close_code, browser.close_reason) == (4409, "removed")
        with pytest.raises(InvalidStatus) as refusal:
            await async_connect(f"wss://127.0.0.1:{port}/nowhere", ssl=context, open_timeout=TIMEOUT)
        assert refusal.value.response.status_code == 403

    with Uvicorn(app, ws=WebSocketProtocol, loop=loop, **options) as server:
        asyncio.run(run(server.port))


APP = """
from fastapi import FastAPI
import ws_manager

app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)

@app.post("/say/{word}")
def say(word: str):
    ws_manager.broadcast({"type": word})
"""


def test_hypercorn(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(APP)
    with Process("-m", "hypercorn", "main:app", "--bind", "127.0.0.1:0", cwd=tmp_path) as server:
        port = int(server.expect(r"Running on http://127.0.0.1:(\d+)")[1])
        with client(port, "/ws?session_id=s") as browser:
            assert receive(browser, "connected")["data"]["session_id"] == "s"
            browser.send("ping")
            receive(browser, "pong")
            urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/say/hello", method="POST"))
            receive(browser, "hello")
            browser.send("x" * 70_000)
            assert closed(browser)[0] == 1009
        with pytest.raises(InvalidStatus) as refusal, client(port, "/ws", origin="https://evil.example"):
            pass
        assert refusal.value.response.status_code == 403
        server.signal(signal.SIGTERM)
        assert server.wait() in (0, -signal.SIGTERM), server.output
        assert "Traceback" not in server.output


def test_plain_uvicorn_without_our_class() -> None:
    manager = WebSocketManager()
    with Uvicorn(make_app(manager)) as server:
        with client(server.port, "/ws/project/7") as browser:
            receive(browser, "connection")
            manager.send_to_project("7", "notification", {"title": "t", "message": "m"})
            receive(browser, "notification")
        server.until(lambda: not server.server_state.connections and not server.server_state.tasks)
