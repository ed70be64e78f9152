"""connect(): after the application's own checks, by hand-over and by the bridge alike."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI, Query, WebSocket, WebSocketDisconnect
from web_support import TIMEOUT, Uvicorn, client, closed, receive
from websockets.exceptions import ConnectionClosed

from ws_manager import WebSocketManager
from ws_manager.uvicorn import WebSocketProtocol

Endpoint = Callable[[WebSocket], Any]


class Stage:
    """One endpoint of an application at /own, on a server that hands over, or on one that does not."""

    def __init__(self, hands_over: bool) -> None:
        self.manager = WebSocketManager()
        self.log: list[Any] = []
        self.ended = threading.Event()
        self._hands_over = hands_over

    @contextlib.contextmanager
    def serve(self, endpoint: Endpoint) -> Iterator[Uvicorn]:
        app = FastAPI(lifespan=self.manager.lifespan)

        async def own(websocket: WebSocket) -> None:
            try:
                await endpoint(websocket)
            finally:
                self.ended.set()

        app.add_api_websocket_route("/own", own)
        with Uvicorn(app, **({"ws": WebSocketProtocol} if self._hands_over else {})) as server:
            yield server

    def wait(self) -> None:
        assert self.ended.wait(TIMEOUT), "the endpoint does not end"


@pytest.fixture(params=[True, False], ids=["hand-over", "bridge"])
def stage(request: pytest.FixtureRequest) -> Stage:
    return Stage(request.param)


def test_returns_the_client_id_when_the_client_has_gone(stage: Stage) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        stage.log.append(await stage.manager.connect(websocket))

    with stage.serve(endpoint) as server:
        with client(server.port, "/own") as browser:
            greeting = receive(browser, "connected")["data"]
            assert not stage.log
        stage.wait()
        assert stage.log == [greeting["client_id"]]
        assert stage.manager.connections() == []


def test_joins_what_the_application_says(stage: Stage) -> None:
    user = UUID(int=7)

    async def endpoint(websocket: WebSocket) -> None:
        session = websocket.query_params["session_id"]
        await stage.manager.connect(
            websocket, user, session_id=session, rooms=["board:1", "board:2"], greeting="welcome"
        )

    with stage.serve(endpoint) as server, client(server.port, "/own?session_id=tab-1") as browser:
        greeting = receive(browser, "welcome")["data"]
        assert (greeting["user_id"], greeting["session_id"]) == (str(user), "tab-1")
        (row,) = stage.manager.connections()
        assert set(row["rooms"]) >= {"board:1", "board:2", "@all"}
        for send, target in (
            (stage.manager.send_to_room, "board:2"),
            (stage.manager.send_to_user, str(user)),
            (stage.manager.send_to_session, "tab-1"),
            (stage.manager.send_to_client, greeting["client_id"]),
        ):
            send(target, {"type": "for", "target": target})
            assert receive(browser, "for")["target"] == target
        stage.manager.broadcast({"type": "all"})
        receive(browser, "all")


def test_naming_a_session_makes_nobody_a_user(stage: Stage) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await stage.manager.connect(websocket, websocket.query_params["session_id"])

    with stage.serve(endpoint) as server, client(server.port, "/own?session_id=user-1") as browser:
        greeting = receive(browser, "connected")["data"]
        assert (greeting["user_id"], greeting["session_id"]) == (None, "user-1")
        stage.manager.send_to_user("user-1", {"type": "secret"})
        stage.manager.send_to_session("user-1", {"type": "for the session"})
        receive(browser, "for the session")


def test_the_users_id_is_given_once(manager: WebSocketManager) -> None:
    with pytest.raises(TypeError, match="twice"):
        asyncio.run(manager.connect(object(), "user-1", user_id="user-2"))


def test_ids_of_any_type_and_a_single_room(stage: Stage) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await stage.manager.connect(websocket, 42, session_id=43, client_id=44, rooms="board:1")

    with stage.serve(endpoint) as server, client(server.port, "/own?session_id=ignored") as browser:
        greeting = receive(browser, "connected")["data"]
        assert (greeting["user_id"], greeting["session_id"], greeting["client_id"]) == ("42", "43", "44")
        assert stage.manager.subscribers("board:1") == 1


def test_commands_and_replies(stage: Stage) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await stage.manager.connect(websocket, rooms=["board:1"], subscribe="board:2")

    @stage.manager.on_command("who")
    async def who(connection: Any, data: Any) -> str:
        return str(connection.path)

    with stage.serve(endpoint) as server, client(server.port, "/own") as browser:
        receive(browser, "connected")
        browser.send('{"action": "who"}')
        assert receive(browser, "reply")["data"] == "/own"
        browser.send('{"action": "subscribe", "room": "board:2", "id": 5}')
        assert receive(browser, "subscribed")["id"] == 5


def test_code_of_the_client_s_close_is_in_the_exception_that_follows(stage: Stage) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await stage.manager.connect(websocket)
        for read in (websocket.receive_text, websocket.receive_json):
            try:
                await read()
            except WebSocketDisconnect as end:
                stage.log.append((end.code, end.reason))
                return

    with stage.serve(endpoint) as server, client(server.port, "/own") as browser:
        receive(browser, "connected")
        browser.close(4001, "enough")
        stage.wait()
    assert stage.log == [(4001, "enough")]


def test_sending_and_closing_after_the_end_do_no_harm(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await stage.manager.connect(websocket)
        with pytest.raises(WebSocketDisconnect):
            await websocket.send_json({"late": True})
        await stage.manager.disconnect(websocket)
        stage.log.append("closed")

    async def closes(websocket: WebSocket) -> None:
        await stage.manager.connect(websocket)
        await websocket.close()
        stage.log.append("closed")

    for one in (endpoint, closes):
        stage.ended.clear()
        with stage.serve(one) as server:
            with client(server.port, "/own") as browser:
                receive(browser, "connected")
            stage.wait()
            server.until(lambda server=server: not server.server_state.tasks)
    assert stage.log == ["closed", "closed"]
    assert "Exception" not in caplog.text


def test_endpoint_of_a_home_made_session_manager_runs_unchanged(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    connection_manager = stage.manager
    app = FastAPI(lifespan=stage.manager.lifespan)

    @app.websocket("/own")
    async def websocket_endpoint(websocket: WebSocket, session_id: str | None = Query(None)) -> None:
        client_id = await connection_manager.connect(websocket, session_id)
        try:
            while True:
                data = await websocket.receive_json()
                stage.log.append(data)
        finally:
            await connection_manager.disconnect(client_id)
            stage.log.append(client_id)

    with Uvicorn(app, **({"ws": WebSocketProtocol} if stage._hands_over else {})) as server:
        with client(server.port, "/own?session_id=user-session-123") as browser:
            client_id = receive(browser, "connected")["data"]["client_id"]
            connection_manager.send_to_session("user-session-123", {"event_type": "processing_progress"})
            assert "message_id" in receive(browser)
        server.until(lambda: not server.server_state.tasks)
    assert stage.log == [client_id]
    # A server of its own logs the loop's WebSocketDisconnect, as it did before; a hand-over ends silently.
    assert ("Traceback" in caplog.text) == (not stage._hands_over)


def test_endpoint_of_a_home_made_user_manager_runs_unchanged(stage: Stage) -> None:
    manager = stage.manager

    async def endpoint(websocket: WebSocket) -> None:
        user_id = "user-1"
        await manager.connect(websocket, user_id)
        try:
            while True:
                stage.log.append(await websocket.receive_json())
        except WebSocketDisconnect:
            await manager.disconnect(websocket, user_id)
            stage.log.append("disconnected")

    with stage.serve(endpoint) as server:
        with client(server.port, "/own") as browser:
            receive(browser, "connected")
            manager.send_personal_message({"type": "personal"}, "user-1")
            receive(browser, "personal")
        stage.wait()
    assert stage.log == ["disconnected"]


def test_second_connection_with_the_same_client_id_takes_over(stage: Stage) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await stage.manager.connect(websocket, client_id="the-one")

    with stage.serve(endpoint) as server, client(server.port, "/own") as first:
        receive(first, "connected")
        with client(server.port, "/own") as second:
            receive(second, "connected")
            assert closed(first)[0] == 4409
            assert [row["client_id"] for row in stage.manager.connections()] == ["the-one"]
            second.send("ping")
            receive(second, "pong")


def test_time_limit_of_the_application_closes_the_connection(stage: Stage) -> None:
    limit = threading.Event()

    async def endpoint(websocket: WebSocket) -> None:
        task = asyncio.ensure_future(stage.manager.connect(websocket))
        await asyncio.to_thread(limit.wait, TIMEOUT)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with stage.serve(endpoint) as server, client(server.port, "/own") as browser:
        receive(browser, "connected")
        limit.set()
        assert closed(browser)[0] == 1001
        stage.wait()
        server.until(lambda: stage.manager.stats()["active_connections"] == 0)


def test_accepted_before_it_is_carried_by_the_bridge(stage: Stage) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("before")
        stage.log.append(await websocket.receive_text())
        await stage.manager.connect(websocket, "user-1")

    with stage.serve(endpoint) as server, client(server.port, "/own") as browser:
        assert browser.recv(TIMEOUT) == "before"
        browser.send("answer")
        assert receive(browser, "connected")["data"]["user_id"] == "user-1"
        browser.send("ping")
        receive(browser, "pong")
        assert stage.log == ["answer"]


def test_invalid_room_is_an_error_of_the_call(stage: Stage) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        try:
            await stage.manager.connect(websocket, rooms=["no room"])
        except ValueError as error:
            stage.log.append(str(error))
            raise

    def attempt(server: Uvicorn) -> int:
        with pytest.raises(Exception, match="500"), client(server.port, "/own"):
            pass
        server.until(lambda: not server.server_state.connections and not server.server_state.tasks)
        return len(os.listdir("/proc/self/fd"))

    with stage.serve(endpoint) as server:
        before = attempt(server)
        for _ in range(5):
            after = attempt(server)
    assert "no room" in stage.log[0]
    assert after <= before + 1, "descriptors leak"


def test_invalid_session_of_a_client_is_refused(stage: Stage) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await stage.manager.connect(websocket)

    with stage.serve(endpoint) as server:
        with pytest.raises(Exception) as refusal, client(server.port, "/own?session_id=a%20b%0a") as browser:
            receive(browser, "connected")
        assert not isinstance(refusal.value, TimeoutError)
        if isinstance(refusal.value, ConnectionClosed):
            assert refusal.value.rcvd is not None
            assert refusal.value.rcvd.code == 4400


def test_host_s_disconnect_ends_the_call(stage: Stage) -> None:
    async def endpoint(websocket: WebSocket) -> None:
        await stage.manager.connect(websocket, "user-1")
        with pytest.raises(WebSocketDisconnect) as end:
            await websocket.receive_text()
        stage.log.append(end.value.code)

    with stage.serve(endpoint) as server, client(server.port, "/own") as browser:
        receive(browser, "connected")
        stage.manager.disconnect_user("user-1", code=4403, reason="not any more")
        assert closed(browser) == (4403, "not any more")
        stage.wait()
    assert stage.log == [4403]
