"""Who calls: ids that nobody can have, and one order and one answer of token and handler for sockets and HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI, Request, WebSocket
from starlette.responses import Response
from token_support import SECRET, token
from web_support import TIMEOUT, Uvicorn, client, closed, receive

from ws_manager import WebSocketManager, _look
from ws_manager.uvicorn import WebSocketProtocol

NO_IDS = ("", "u" * 129, "a\x1b[2J", "a\nCRITICAL forged", "\x85", "é" * 65)


@pytest.fixture(params=[True, False], ids=["hand-over", "bridge"])
def options(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Of uvicorn: each way that connections come in."""
    monkeypatch.setattr(_look.Limiter, "due", lambda _: "")
    return {"ws": WebSocketProtocol} if request.param else {}


def make_app(manager: WebSocketManager) -> FastAPI:
    app = FastAPI(lifespan=manager.lifespan)

    @app.websocket("/live")
    async def live(websocket: WebSocket) -> None:
        ids: dict[str, Any] = dict(websocket.query_params)
        await manager.connect(websocket, **{"user_id": "u", **ids})

    @app.get("/mine/api/ws/history")
    async def mine(request: Request) -> Response:
        return await manager.rest(request, user_id=request.headers["x-user"].encode("latin-1").decode(), rooms=["r"])

    app.include_router(manager.router)
    return app


def lines_are_good(server: Uvicorn, caplog: pytest.LogCaptureFixture, part: str) -> None:
    """One warning, which names what was refused and who said so, and no trace; never the value."""
    server.until(lambda: "refused" in caplog.text)  # The core's come from another thread.
    lines = [record for record in caplog.records if "refused" in record.getMessage()]
    assert len(lines) == 1, caplog.text
    assert part in lines[0].getMessage()
    assert not any(record.exc_info for record in caplog.records), caplog.text
    assert not any(word in caplog.text for word in ("forged", "uuuu", "éééé", "\x1b"))
    caplog.clear()


def test_an_id_that_nobody_can_have_refuses_its_client(
    options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with Uvicorn(make_app(WebSocketManager()), access_log=False, **options) as server:
        for name in ("user_id", "session_id", "client_id"):
            for id in NO_IDS:
                with client(server.port, f"/live?{name}={quote(id)}") as browser:
                    if not id and name != "user_id":  # none was chosen
                        receive(browser, "connected")
                        continue
                    code, reason = closed(browser)
                assert (code, name in reason) == (4400, True), (name, id)
                lines_are_good(server, caplog, f"a connection to /live, closed with 4400: {name} must")


def test_so_it_is_for_calls_of_routes_of_the_application(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_look, "_refusals", _look.Limiter())  # of which other tests have taken nothing
    with Uvicorn(make_app(WebSocketManager())) as server:
        for id in ("", "u" * 129, "\x85", "é" * 65):
            headers = {"x-user": id.encode()}
            answer = httpx.get(f"http://127.0.0.1:{server.port}/mine/api/ws/history?room=r", headers=headers)
            assert (answer.status_code, "user_id must" in answer.text) == (400, True), id
            lines_are_good(server, caplog, "/mine/api/ws/history by what rest() was given (400)")


@pytest.mark.parametrize("shape", ["text", "user", "session"])
def test_and_for_what_an_authenticate_handler_returns(
    shape: str, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    manager = WebSocketManager(port=0)

    @manager.authenticate
    def who(request: Any) -> Any:
        id = request.query["id"]
        return id if shape == "text" else {f"{shape}_id": id, "rooms": ["r"]}

    with Uvicorn(make_app(manager), access_log=False, **options) as server:
        caplog.clear()
        name = "session_id" if shape == "session" else "user_id"
        for id in NO_IDS[shape == "session" : 3]:  # The core writes ten lines of a kind a minute.
            for port in (server.port, manager.port):
                with client(port, f"/ws?id={quote(id)}") as browser:
                    assert closed(browser)[0] == 4400, id
                lines_are_good(server, caplog, f"closed with 4400: authenticate: {name} must")
                answer = httpx.get(f"http://127.0.0.1:{port}/api/ws/history?room=r&id={quote(id)}")
                assert answer.status_code == 400, id
                assert "_id must be" in answer.json()["error"]["message"]
                lines_are_good(server, caplog, 'history of "r" over REST: authenticate: ')


# ---- one order, and one answer


@pytest.fixture
def asked() -> Iterator[tuple[list[str], dict[str, int]]]:
    """What a handler was asked about, and the ports of a place that takes tokens as well."""
    questions: list[str] = []
    manager = WebSocketManager(port=0, jwt_secret=SECRET, jwt_cookie="session", jwt_query="token", exempt_ips="none")

    @manager.authenticate
    def who(request: Any) -> Any:
        questions.append(request.path)
        if "blocked" in request.query:
            raise PermissionError("this account is blocked")
        return {"user_id": "by-handler", "rooms": ["handler"]} if request.headers.get("x-user") else None

    with Uvicorn(make_app(manager)) as server:
        yield questions, {"FastAPI": server.port, "own port": manager.port}


def test_a_token_decides_before_the_handler_wherever_it_stands(asked: tuple[list[str], dict[str, int]]) -> None:
    questions, ports = asked
    mine = token(rooms=["token"])
    ways: tuple[tuple[str, dict[str, str]], ...] = (
        (f"token={mine}", {}),
        ("", {"cookie": f"session={mine}", "sec-fetch-site": "same-origin"}),
        ("", {"authorization": f"Bearer {mine}"}),
    )
    for name, port in ports.items():
        for query, headers in ways:
            url = f"http://127.0.0.1:{port}/api/ws/history?{query}&room="
            assert httpx.get(f"{url}token", headers={**headers, "x-user": "1"}).status_code == 200, (name, query)
            assert httpx.get(f"{url}handler", headers={**headers, "x-user": "1"}).status_code == 403, (name, query)
        assert questions == []
        assert httpx.get(f"http://127.0.0.1:{port}/api/ws/history?room=handler", headers={"x-user": "1"}).is_success
        assert questions.pop() == "/api/ws/history"


def test_who_is_refused_is_told_why_everywhere_and_banned_for_guessing(
    asked: tuple[list[str], dict[str, int]],
) -> None:
    _, ports = asked
    told = []
    for name, port in ports.items():
        url = f"http://127.0.0.1:{port}/api/ws/history?room=handler"
        blocked = httpx.get(f"{url}&blocked=1", timeout=TIMEOUT)
        assert (blocked.status_code, blocked.json()["error"]["message"]) == (403, "this account is blocked"), name
        before = httpx.get(f"http://127.0.0.1:{port}/api/ws/stats").json()["offences"]["token"]
        refused = httpx.get(url)
        told.append((refused.status_code, refused.json()))
        assert httpx.get(f"http://127.0.0.1:{port}/api/ws/stats").json()["offences"]["token"] == before + 1, name
    assert told[0] == told[1]
    assert told[0][0] == 401
