"""A real uvicorn with our protocol class: what is handed over, what stays, and what is left behind."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Query, WebSocket, WebSocketException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from web_support import TIMEOUT, Uvicorn, client, closed, receive
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect, unix_connect

from ws_manager import WebSocketManager
from ws_manager.uvicorn import DirectWebSocketProtocol, WebSocketProtocol


class Stage:
    """A manager, an application around it, and what its endpoints have seen."""

    def __init__(self, **config: Any) -> None:
        # The application has endpoints of its own beside ours; here it is about sockets, not about grants.
        self.manager = WebSocketManager(access="open", **config)
        self.seen: list[str] = []
        self.deciding = threading.Event()
        self.decided = threading.Event()
        self.decided.set()

        self.protocol: type[WebSocketProtocol] = WebSocketProtocol

    async def user(self, token: str = Query("")) -> str:
        self.deciding.set()
        await asyncio.to_thread(self.decided.wait, TIMEOUT)
        if token != "right":
            raise WebSocketException(1008, "no token")
        return "user-7"

    def app(self) -> FastAPI:
        app = FastAPI(lifespan=self.manager.lifespan)

        @app.get("/hello")
        async def hello() -> dict[str, str]:
            return {"hello": "world"}

        @app.websocket("/echo")
        async def echo(websocket: WebSocket) -> None:
            await websocket.accept()
            async for text in websocket.iter_text():
                await websocket.send_text(text)

        @app.websocket("/checked-echo")
        async def checked_echo(websocket: WebSocket, _: str = Depends(self.user)) -> None:
            await echo(websocket)

        @app.websocket("/live/{board}")
        async def live(websocket: WebSocket, board: str, user: str = Depends(self.user)) -> None:
            client_id = await self.manager.connect(websocket, user_id=user, rooms=[f"board:{board}"])
            self.seen.append(f"gone {client_id}")

        @app.websocket("/ws/project/mine")
        async def mine(websocket: WebSocket) -> None:
            self.seen.append("mine")
            await websocket.close()

        app.include_router(self.manager.router)
        app.include_router(self.manager.router, prefix="/v1")
        app.include_router(self.manager.router, prefix="/guarded", dependencies=[Depends(self.user)])
        return app


@pytest.fixture(
    scope="module",
    params=[("asyncio", "h11"), ("asyncio", "httptools"), ("uvloop", "h11"), ("uvloop", "httptools")],
    ids="-".join,
)
def server_of_all(request: pytest.FixtureRequest) -> Iterator[tuple[Stage, Uvicorn]]:
    stage = Stage()
    loop, http = request.param
    with Uvicorn(stage.app(), ws=stage.protocol, loop=loop, http=http) as server:
        yield stage, server


@pytest.fixture
def served(server_of_all: tuple[Stage, Uvicorn]) -> Iterator[tuple[Stage, Uvicorn]]:
    """The server, with nothing on it from the test before."""
    stage, server = server_of_all
    stage.seen.clear()
    stage.decided.set()
    yield stage, server
    server.until(lambda: is_clean(server) and stage.manager.stats()["active_connections"] == 0)


def is_clean(server: Uvicorn) -> bool:
    return not server.server_state.connections and not server.server_state.tasks


def test_endpoint_is_handed_over_and_gets_what_the_host_sends(served: tuple[Stage, Uvicorn]) -> None:
    stage, server = served
    with client(server.port, "/ws/updates?x=1") as browser:
        assert receive(browser)["type"] == "connected"
        server.until(lambda: is_clean(server))
        stage.manager.broadcast({"type": "hello", "data": {"n": 1}})
        assert receive(browser, "hello")["data"] == {"n": 1}
        browser.send("ping")
        assert receive(browser)["type"] == "pong"


def test_client_outlives_uvicorn_s_keep_alive_with_a_stalled_loop(served: tuple[Stage, Uvicorn]) -> None:
    stage, server = served
    release = threading.Event()
    with client(server.port, "/ws/updates") as browser:
        receive(browser, "connected")
        server.loop.call_soon_threadsafe(release.wait, TIMEOUT)
        try:
            browser.send("ping")
            assert receive(browser)["type"] == "pong"
            stage.manager.broadcast({"type": "while_stalled"})
            receive(browser, "while_stalled")
        finally:
            release.set()


def test_path_parameters_reach_the_runtime(served: tuple[Stage, Uvicorn]) -> None:
    stage, server = served
    for path in ("/ws/project/P%2D7", "/v1/ws/project/P-7", "/guarded/ws/project/P-7?token=right"):
        with client(server.port, path) as browser:
            assert receive(browser)["type"] == "connection", path
            stage.manager.send_to_project("P-7", "notification", {"title": "t", "message": "m"})
            assert receive(browser, "notification")["project_id"] == "P-7", path


def test_other_paths_stay_with_uvicorn(served: tuple[Stage, Uvicorn]) -> None:
    _, server = served
    with client(server.port, "/echo") as browser:
        for text in ("one", "two", "x" * 70_000):
            browser.send(text)
            assert browser.recv(TIMEOUT) == text
        assert len(server.server_state.connections) == 1
    server.until(lambda: is_clean(server))


def test_unknown_path_is_refused(served: tuple[Stage, Uvicorn]) -> None:
    _, server = served
    with pytest.raises(InvalidStatus) as refusal, client(server.port, "/nowhere"):
        pass
    assert refusal.value.response.status_code == 403


def test_route_of_the_application_that_matches_first_keeps_its_path(served: tuple[Stage, Uvicorn]) -> None:
    stage, server = served
    with pytest.raises(InvalidStatus) as refusal, client(server.port, "/ws/project/mine"):
        pass
    assert refusal.value.response.status_code == 403
    assert stage.seen == ["mine"]


def test_dependencies_of_the_inclusion_come_before_the_hand_over(
    served: tuple[Stage, Uvicorn], caplog: pytest.LogCaptureFixture
) -> None:
    stage, server = served
    with pytest.raises(InvalidStatus) as refusal, client(server.port, "/guarded/ws?token=wrong"):
        pass
    assert refusal.value.response.status_code == 403
    before = stage.manager.stats()["total_connections"]
    with client(server.port, "/guarded/ws?token=right") as browser:
        receive(browser, "connected")
        server.until(lambda: is_clean(server))
        stage.manager.broadcast({"type": "hello"})
        receive(browser, "hello")
        assert stage.manager.stats()["total_connections"] == before + 1
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


def test_endpoint_of_the_application_hands_over_after_its_dependencies(
    served: tuple[Stage, Uvicorn], caplog: pytest.LogCaptureFixture
) -> None:
    stage, server = served
    with caplog.at_level(logging.INFO, "uvicorn.error"), client(server.port, "/live/7?token=right") as browser:
        greeting = receive(browser, "connected")["data"]
        assert greeting["user_id"] == "user-7"
        stage.manager.send_to_room("board:7", {"type": "moved"})
        receive(browser, "moved")
        stage.manager.send_to_user("user-7", {"type": "personal"})
        receive(browser, "personal")
        assert not stage.seen
        assert len(server.server_state.connections) == 1
    server.until(lambda: is_clean(server))
    assert stage.seen == [f"gone {greeting['client_id']}"]
    lines = [message.split(" - ")[1] for message in caplog.messages if "WebSocket" in message]
    assert lines == ['"WebSocket /live/7" [handed over]']
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


def test_refusal_by_a_dependency_reaches_the_client(served: tuple[Stage, Uvicorn]) -> None:
    stage, server = served
    with pytest.raises(InvalidStatus) as refusal, client(server.port, "/live/7?token=wrong"):
        pass
    assert refusal.value.response.status_code == 403
    server.until(lambda: is_clean(server))
    assert stage.manager.stats()["active_connections"] == 0


def upgrade(path: str, *more: str) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def text_frame(text: str) -> bytes:
    """A short text frame, masked with zeros."""
    return bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text.encode()


def read_until(connection: socket.socket, wanted: bytes) -> bytes:
    data = b""
    while wanted not in data:
        chunk = connection.recv(65536)
        assert chunk, f"the server closed before {wanted!r}: {data!r}"
        data += chunk
    return data


def test_what_the_client_sends_before_the_decision_is_not_lost(served: tuple[Stage, Uvicorn]) -> None:
    stage, server = served
    stage.deciding.clear()
    stage.decided.clear()
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as raw:
        raw.sendall(upgrade("/live/7?token=right"))
        assert stage.deciding.wait(TIMEOUT)
        raw.sendall(text_frame('{"action":"ping","id":1}'))
        raw.sendall(text_frame('{"action":"ping","id":2}'))
        stage.decided.set()
        data = read_until(raw, b'"id":2')
    assert data.startswith(b"HTTP/1.1 101")
    assert data.index(b"connected") < data.index(b'"id":1') < data.index(b'"id":2')


def test_what_the_client_sends_before_uvicorn_accepts_is_not_lost(served: tuple[Stage, Uvicorn]) -> None:
    stage, server = served
    stage.deciding.clear()
    stage.decided.clear()
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as raw:
        raw.sendall(upgrade("/checked-echo?token=right"))
        assert stage.deciding.wait(TIMEOUT)
        raw.sendall(text_frame("early"))
        raw.sendall(text_frame("late"))
        stage.decided.set()
        assert read_until(raw, b"late").index(b"early") > 0


def test_client_that_leaves_during_the_decision_is_forgotten(served: tuple[Stage, Uvicorn]) -> None:
    stage, server = served
    stage.deciding.clear()
    stage.decided.clear()
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as raw:
        raw.sendall(upgrade("/live/7?token=right"))
        assert stage.deciding.wait(TIMEOUT)
    server.until(lambda: not server.server_state.connections)
    stage.decided.set()
    server.until(lambda: is_clean(server))
    assert len(stage.seen) == 1
    assert stage.manager.stats()["active_connections"] == 0


def test_upgrade_after_a_request_on_the_same_connection(served: tuple[Stage, Uvicorn]) -> None:
    _, server = served
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT) as raw:
        raw.sendall(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        read_until(raw, b"world")
        raw.sendall(upgrade("/ws"))
        assert b"connected" in read_until(raw, b"heartbeat_interval")


def test_foreign_origin_is_refused(served: tuple[Stage, Uvicorn]) -> None:
    _, server = served
    for path in ("/ws", "/guarded/ws?token=right", "/live/7?token=right"):
        with pytest.raises(InvalidStatus) as refusal, client(server.port, path, origin="https://evil.example"):
            pass
        assert refusal.value.response.status_code == 403, path
    server.until(lambda: is_clean(server))


def test_descriptors_do_not_leak(served: tuple[Stage, Uvicorn]) -> None:
    stage, server = served

    def round_trip() -> None:
        for path in ("/ws", "/live/7?token=right", "/echo"):
            with client(server.port, path) as browser:
                browser.send("ping")
                browser.recv(TIMEOUT)
        server.until(lambda: is_clean(server) and stage.manager.stats()["active_connections"] == 0)

    round_trip()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        round_trip()
    assert len(os.listdir("/proc/self/fd")) <= before + 1


# ---- start and stop


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_stop_of_the_server_closes_everybody_with_1001(loop: str) -> None:
    stage = Stage()
    with (
        Uvicorn(stage.app(), ws=stage.protocol, loop=loop) as server,
        client(server.port, "/ws") as direct,
        client(server.port, "/live/7?token=right") as own,
        client(server.port, "/guarded/ws?token=right") as guarded,
    ):
        for browser in (direct, own, guarded):
            receive(browser, "connected")
        ends: list[Any] = []
        readers = [threading.Thread(target=lambda b=b: ends.append(closed(b)[0])) for b in (direct, own, guarded)]
        for reader in readers:
            reader.start()
        server.stop()
        for reader in readers:
            reader.join(TIMEOUT)
        assert ends == [1001, 1001, 1001]
        assert len(stage.seen) == 1
        assert is_clean(server)


def test_runtime_starts_with_the_first_upgrade_where_there_is_no_lifespan_and_stops_with_the_server() -> None:
    stage = Stage()

    app = FastAPI()
    app.include_router(stage.manager.router)
    with Uvicorn(app, ws=stage.protocol, lifespan="off") as server, client(server.port, "/ws") as browser:
        receive(browser, "connected")
        stage.manager.broadcast({"type": "hello"})
        receive(browser, "hello")
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert closed(browser)[0] == 1001
        stopping.join(TIMEOUT)
    assert not stage.manager.running
    assert is_clean(server)


def test_runtime_that_the_application_has_started_outlives_the_server() -> None:
    stage = Stage()
    stage.manager.start()
    app = FastAPI()
    app.include_router(stage.manager.router)
    with Uvicorn(app, ws=stage.protocol) as server, client(server.port, "/ws") as browser:
        receive(browser, "connected")
        server.stop()
        stage.manager.broadcast({"type": "still"})
        receive(browser, "still")
    stage.manager.stop()


def test_runtime_that_does_not_start_is_said_and_harms_no_one_else(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        stage = Stage(host="127.0.0.1", port=taken.getsockname()[1])
        app = stage.app()
        app.router.lifespan_context = FastAPI().router.lifespan_context
        with Uvicorn(app, ws=stage.protocol) as server:
            with pytest.raises(InvalidStatus) as refusal, client(server.port, "/ws"):
                pass
            assert refusal.value.response.status_code >= 400
            with client(server.port, "/echo") as browser:
                browser.send("still here")
                assert browser.recv(TIMEOUT) == "still here"
    assert any("can't be served" in message and "in use" in message for message in caplog.messages)


def test_stopping_server_does_not_wait_for_clients_of_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    asked: list[int] = []
    monkeypatch.setattr(stage.manager, "_conn_drain", asked.append)
    with Uvicorn(stage.app(), ws=stage.protocol) as server, client(server.port, "/live/7?token=right") as browser:
        receive(browser, "connected")
        server.stop()
        assert len(asked) == 1
        assert len(stage.seen) == 1


# ---- who is asked


@pytest.mark.parametrize("protocol", [WebSocketProtocol, DirectWebSocketProtocol])
def test_middleware_sees_every_upgrade(protocol: type[WebSocketProtocol]) -> None:
    stage = Stage()

    class Witness:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "websocket":
                stage.seen.append(scope["path"])
            await self.app(scope, receive, send)

    app = stage.app()
    app.add_middleware(Witness)
    wrapped = stage.app()
    for served in (app, Witness(wrapped)):
        stage.seen.clear()
        with Uvicorn(served, ws=protocol) as server, client(server.port, "/ws") as browser:
            receive(browser, "connected")
            server.until(lambda server=server: is_clean(server))
        assert stage.seen == ["/ws"]


def test_direct_class_hands_over_without_asking_where_nothing_is_before_the_endpoint() -> None:
    stage = Stage()
    app = stage.app()
    asked: list[str] = []

    class Watched(DirectWebSocketProtocol):
        def _delegate(self, data: bytes) -> None:
            assert self.request is not None
            asked.append(self.request.path)
            super()._delegate(data)

    with Uvicorn(app, ws=Watched) as server:
        for path in ("/ws", "/v1/ws/project/7"):
            with client(server.port, path) as browser:
                receive(browser)
        for path in ("/guarded/ws", "/nowhere"):
            with pytest.raises(InvalidStatus) as refusal, client(server.port, path):
                pass
            assert refusal.value.response.status_code == 403
        server.until(lambda: is_clean(server))
    assert asked == ["/guarded/ws", "/nowhere"]


def test_root_path_of_the_server_is_not_part_of_the_endpoint() -> None:
    """As behind a proxy that strips the prefix."""
    stage = Stage()
    with (
        Uvicorn(stage.app(), ws=stage.protocol, root_path="/api") as server,
        client(server.port, "/ws/project/7") as browser,
    ):
        receive(browser, "connection")


def test_root_path_of_the_application_is_not_part_of_the_endpoint() -> None:
    """As behind a proxy that keeps the prefix."""
    stage = Stage()
    app = stage.app()
    app.root_path = "/api"
    with Uvicorn(app, ws=stage.protocol) as server:
        for path in ("/api/ws/project/7", "/ws/project/7"):
            with client(server.port, path) as browser:
                receive(browser, "connection")


def test_mounted_application_serves_its_endpoints() -> None:
    stage = Stage()
    inner = FastAPI()
    inner.include_router(stage.manager.router)
    app = FastAPI(lifespan=stage.manager.lifespan)
    app.mount("/inner", inner)
    with Uvicorn(app, ws=stage.protocol) as server:
        with client(server.port, "/inner/ws") as browser:
            receive(browser, "connected")
        with pytest.raises(InvalidStatus), client(server.port, "/ws"):
            pass


def test_static_files_at_the_root_after_the_router_do_not_take_the_endpoints(tmp_path: Any) -> None:
    stage = Stage()
    app = FastAPI(lifespan=stage.manager.lifespan)
    app.include_router(stage.manager.router)
    app.mount("/", StaticFiles(directory=tmp_path))
    with Uvicorn(app, ws=stage.protocol) as server, client(server.port, "/ws") as browser:
        receive(browser, "connected")


def test_nested_router_keeps_the_application_s_order() -> None:
    stage = Stage()
    outer = APIRouter()

    @outer.websocket("/ws/project/{project_id}")
    async def own(websocket: WebSocket, project_id: str) -> None:
        stage.seen.append(project_id)
        await websocket.close()

    outer.include_router(stage.manager.router)
    app = FastAPI(lifespan=stage.manager.lifespan)
    app.include_router(outer, prefix="/v2")
    with Uvicorn(app, ws=stage.protocol) as server:
        with pytest.raises(InvalidStatus), client(server.port, "/v2/ws/project/7"):
            pass
        assert stage.seen == ["7"]
        with client(server.port, "/v2/ws") as browser:
            receive(browser, "connected")


def test_access_log_hides_tokens_and_can_be_switched_off(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage()
    token = "e" * 60
    stage.manager.endpoint("/secret/{key}", rooms=["@all"])
    with caplog.at_level(logging.INFO, "uvicorn.error"):
        for access_log in (True, False):
            with (
                Uvicorn(stage.app(), ws=stage.protocol, access_log=access_log) as server,
                client(server.port, f"/secret/{token}?token={token}") as browser,
            ):
                receive(browser, "connected")
    lines = [message for message in caplog.messages if "handed over" in message]
    assert [line.split(" - ")[1] for line in lines] == ['"WebSocket /secret/{key}" [handed over]']
    assert not any(token in message for message in caplog.messages)


def test_commands_of_the_host_are_answered_on_a_handed_over_connection() -> None:
    stage = Stage()

    @stage.manager.on_command("double")
    async def double(connection: Any, data: dict[str, Any]) -> int:
        return int(data["n"]) * 2

    with Uvicorn(stage.app(), ws=stage.protocol) as server, client(server.port, "/ws") as browser:
        browser.send(json.dumps({"action": "double", "n": 21, "id": "a"}))
        assert receive(browser, "reply")["data"] == 42


# ---- other kinds of sockets


def test_unix_socket_is_handed_over(tmp_path: Any) -> None:
    """As behind a proxy on the same machine."""
    stage = Stage()
    path = str(tmp_path / "uvicorn.sock")
    with Uvicorn(stage.app(), ws=stage.protocol, uds=path) as server:
        for target in ("/ws", "/live/7?token=right"):
            with unix_connect(path, f"ws://localhost{target}", open_timeout=TIMEOUT) as browser:
                receive(browser, "connected")
                stage.manager.broadcast({"type": "hello"})
                receive(browser, "hello")
        server.until(lambda: is_clean(server))


def test_ipv6_is_handed_over() -> None:
    stage = Stage()
    with (
        Uvicorn(stage.app(), ws=stage.protocol, host="::1") as server,
        connect(f"ws://[::1]:{server.port}/ws", open_timeout=TIMEOUT) as browser,
    ):
        receive(browser, "connected")
        assert stage.manager.connections()[0]["ip"] == "::1"


@pytest.mark.parametrize("protocol", [WebSocketProtocol, DirectWebSocketProtocol])
def test_the_log_names_the_route_of_the_request(protocol: Any, caplog: pytest.LogCaptureFixture) -> None:
    """With what the application has put before it, as a pattern: what stands in its place may be a token."""
    stage = Stage()
    inner = FastAPI()
    inner.include_router(stage.manager.router)
    app = stage.app()
    app.include_router(stage.manager.router, prefix="/of/{tenant}")
    app.mount("/m", inner)
    with (
        caplog.at_level(logging.INFO, "uvicorn.error"),
        Uvicorn(app, ws=protocol) as server,
    ):
        for path in ("/ws", "/v1/ws/project/7", "/of/s3cret/ws", "/m/ws"):
            with client(server.port, path) as browser:
                receive(browser)
    lines = [message.split(" - ")[1] for message in caplog.messages if "handed over" in message]
    assert lines == [
        f'"WebSocket {path}" [handed over]' for path in ("/ws", "/v1/ws/project/7", "/of/{tenant}/ws", "/m/ws")
    ]
