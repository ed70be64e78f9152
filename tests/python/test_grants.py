"""Who hears what: grants as arguments, names that clients bring, what is kept, and one identity for HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Header, HTTPException, Request, WebSocket
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Mount, WebSocketRoute
from web_support import TIMEOUT, Process, Uvicorn, client, closed, receive
from websockets.sync.client import ClientConnection

from ws_manager import InvalidRoom, WebSocketManager, _look
from ws_manager.uvicorn import WebSocketProtocol


def ask(browser: ClientConnection, action: str, room: str) -> str:
    """The type of the answer, or the code of the error."""
    browser.send(json.dumps({"action": action, "room": room, "id": 1}))
    while (message := receive(browser)).get("id") != 1:
        pass
    return str(message["data"]["code"] if message["type"] == "error" else message["type"])


class Place:
    """An application with a manager, served by uvicorn."""

    def __init__(self, **config: Any) -> None:
        self.manager = WebSocketManager(**config)
        self.app = FastAPI(lifespan=self.manager.lifespan)
        self.app.include_router(self.manager.router)

    def serve(self, handing_over: bool = True) -> Uvicorn:
        return Uvicorn(self.app, **({"ws": WebSocketProtocol} if handing_over else {}))


@pytest.fixture(params=[True, False], ids=["hand-over", "bridge"])
def handing_over(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


# ---- an application with an endpoint of its own, and nothing else that checks


def test_an_endpoint_of_the_application_closes_what_nobody_was_given(handing_over: bool) -> None:
    place = Place()

    @place.app.websocket("/live/{board}")
    async def live(websocket: WebSocket, board: str) -> None:
        await place.manager.connect(websocket, user_id="u1", rooms=[f"board:{board}"], subscribe=["team:*"])

    with place.serve(handing_over) as server:
        with client(server.port, "/live/7") as member, client(server.port, "/ws") as stranger:
            receive(member, "connected")
            receive(stranger, "connected")
            assert ask(member, "history", "board:7") == "history"
            assert ask(member, "subscribe", "team:1") == "subscribed"
            assert ask(member, "subscribe", "board:8") == "forbidden"
            for room in ("board:7", "team:1"):
                assert ask(stranger, "subscribe", room) == ask(stranger, "history", room) == "forbidden"
            place.manager.send_to_room("board:7", {"type": "secret"})
            place.manager.broadcast({"type": "all"})
            receive(member, "secret")
            assert receive(stranger)["type"] == "all"
        for path in ("/ws/notifications", "/ws/project/7", "/ws/logs"):
            with client(server.port, path) as stranger:
                assert closed(stranger)[0] == 4403
        answer = httpx.get(f"http://127.0.0.1:{server.port}/api/ws/history?room=board:7")
        assert answer.status_code == 401
        assert "says who calls" in answer.json()["error"]["message"]


def test_what_is_found_late_is_said_and_closes(caplog: pytest.LogCaptureFixture) -> None:
    """connect() in an application whose table nobody could look at before."""
    place = Place()
    hidden = FastAPI()

    @hidden.websocket("/live")
    async def live(websocket: WebSocket) -> None:
        await place.manager.connect(websocket, user_id="u1")

    async def outside(scope: Any, receive: Any, send: Any) -> None:
        await (hidden if scope.get("path") == "/live" else place.app)(scope, receive, send)

    with Uvicorn(outside) as server, client(server.port, "/ws/project/7") as early:
        receive(early, "connection")
        with client(server.port, "/live") as browser:
            receive(browser, "connected")
        assert closed(early)[0] == 4403
    assert any(
        "route /live, which was not known at the start" in message and record.levelname == "WARNING"
        for record in caplog.records
        for message in [record.getMessage()]
    )


@pytest.mark.parametrize("access", ["open", "granted"])
def test_the_option_has_the_last_word(access: str) -> None:
    place = Place(access=access)

    @place.app.websocket("/live")
    async def live(websocket: WebSocket) -> None:
        await place.manager.connect(websocket)

    with place.serve() as server, client(server.port, "/ws") as browser:
        receive(browser)
        assert ask(browser, "subscribe", "a") == ("subscribed" if access == "open" else "forbidden")


# ---- names that a client brings


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/live/7", None),
        ("/live/*", 4400),
        ("/live/a*", 4400),
        ("/live/a%20b", 4400),
        ("/live/%0a", 4400),
        ("/live/" + "x" * 200, 4400),
        ("/query?board=7", None),
        ("/query?board=*", 4400),
        ("/query?board=a%20b", 4400),
        ("/pattern/7", None),
        ("/pattern/*", 4400),
        ("/publish/*", 4400),
        ("/whole?name=", 4400),
    ],
)
def test_a_name_that_no_room_can_have_is_the_client_s_fault(handing_over: bool, path: str, code: int | None) -> None:
    place = Place()
    connect = place.manager.connect

    @place.app.websocket("/live/{board}")
    async def live(websocket: WebSocket, board: str) -> None:
        await connect(websocket, rooms=[f"board:{board}"])

    @place.app.websocket("/query")
    async def query(websocket: WebSocket, board: str) -> None:
        await connect(websocket, rooms=f"board:{board}")

    @place.app.websocket("/whole")
    async def whole(websocket: WebSocket, name: str) -> None:
        await connect(websocket, rooms=[name])

    @place.app.websocket("/pattern/{board}")
    async def pattern(websocket: WebSocket, board: str) -> None:
        await connect(websocket, subscribe=[f"board:{board}"])

    @place.app.websocket("/publish/{board}")
    async def publish(websocket: WebSocket, board: str) -> None:
        await connect(websocket, publish=[f"board:{board}"])

    with place.serve(handing_over) as server, client(server.port, path) as browser:
        if code is None:
            receive(browser, "connected")
            assert ask(browser, "subscribe", "board:secret") == "forbidden"
        else:
            assert closed(browser)[0] == code
            assert place.manager.stats()["active_connections"] == 0


def test_a_name_that_the_application_has_wrong_is_its_own_error(handing_over: bool) -> None:
    place = Place()
    errors: list[Exception] = []

    async def trial(websocket: WebSocket, **grants: Any) -> None:
        try:
            await place.manager.connect(websocket, **grants)
        except InvalidRoom as error:
            errors.append(error)
            raise

    @place.app.websocket("/star/{x}")
    async def star(websocket: WebSocket, x: str) -> None:
        await trial(websocket, rooms=["project:*"])

    @place.app.websocket("/space/{x}")
    async def space(websocket: WebSocket, x: str) -> None:
        await trial(websocket, subscribe=["a b"])

    with place.serve(handing_over) as server:
        for path in ("/star/7", "/space/7"):
            with pytest.raises(Exception, match="HTTP"), client(server.port, path):
                pass
    assert "name them in subscribe" in str(errors[0])
    assert 'room "a b" in subscribe' in str(errors[1])


@pytest.mark.parametrize(
    ("query", "code"), [("board=7", None), ("board=*", 4400), ("board=a%20b", 4400), ("fixed=1", 1011)]
)
def test_an_authenticate_handler_makes_no_pattern_of_what_a_client_says(query: str, code: int | None) -> None:
    place = Place()

    @place.manager.authenticate
    def who(request: Any) -> dict[str, Any]:
        if "fixed" in request.query:
            return {"rooms": ["board:*"]}
        return {"user_id": "u1", "rooms": [f"board:{request.query['board']}"]}

    with place.serve() as server, client(server.port, f"/ws?{query}") as browser:
        if code is None:
            receive(browser, "connected")
            assert ask(browser, "subscribe", "board:secret") == "forbidden"
        else:
            assert closed(browser)[0] == code


# ---- what the application keeps


def test_state_reaches_every_handler(handing_over: bool) -> None:
    place = Place()
    seen: list[Any] = []

    @place.app.websocket("/live")
    async def live(websocket: WebSocket) -> None:
        await place.manager.connect(websocket, state={"tenant": "acme", "user": {"id": 1}})

    @place.manager.on_connect
    def on_connect(connection: Any) -> None:
        seen.append(connection.state.tenant)
        connection.state.n = 1

    @place.manager.on_message
    def on_message(connection: Any, message: Any) -> None:
        connection.state["n"] += 1
        seen.append((connection.state["user"], connection.state.n))

    @place.manager.on_disconnect
    def on_disconnect(connection: Any, code: int, reason: str) -> None:
        seen.append(dict(connection.state))

    with place.serve(handing_over) as server:
        with client(server.port, "/live") as browser:
            receive(browser)
            browser.send('{"hello": 1}')
            server.until(lambda: len(seen) == 2)
        server.until(lambda: len(seen) == 3)
    assert seen == ["acme", ({"id": 1}, 2), {"tenant": "acme", "user": {"id": 1}, "n": 2}]


def test_state_of_an_authenticate_handler(handing_over: bool) -> None:
    place = Place()
    seen: list[Any] = []

    @place.manager.authenticate
    def who(request: Any) -> dict[str, Any]:
        return {"user_id": "u1", "state": {"plan": request.query["plan"]}}

    @place.manager.on_command("plan")
    def plan(connection: Any, data: Any) -> str:
        seen.append(connection.state)
        with pytest.raises(AttributeError, match="it has \\['plan'\\]"):
            _ = connection.state.other
        return str(connection.state.plan)

    with place.serve(handing_over) as server, client(server.port, "/ws?plan=gold") as browser:
        receive(browser)
        browser.send('{"action": "plan", "id": 1}')
        assert receive(browser, "reply")["data"] == "gold"


# ---- one identity for sockets and HTTP


@pytest.fixture
def shop() -> Iterator[tuple[Place, httpx.Client]]:
    """An application that knows its users by a cookie, and serves history behind a check of its own as well."""
    place = Place(api_key="key-of-operators", allowed_origins="https://app.example.com")

    @place.manager.authenticate
    async def who(request: Any) -> Any:
        user = request.cookies.get("user")
        return user and {"user_id": user, "rooms": [f"inbox:{user}"], "subscribe": ["team:*"]}

    def current(authorization: str = Header("")) -> str:
        if not authorization:
            raise HTTPException(403)
        return authorization

    @place.app.get("/mine/api/ws/history")
    async def mine(request: Request, user: str = Depends(current)) -> Response:
        return await place.manager.rest(request, user_id=user, rooms=["board:7"])

    @place.app.get("/every/{call:path}")
    async def every(request: Request, call: str, user: str = Depends(current)) -> Response:
        return await place.manager.rest(request, user_id=user, rooms=["board:7"])

    with place.serve() as server, httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=TIMEOUT) as http:
        yield place, http


def history(
    http: httpx.Client, room: str, user: str | None = None, path: str = "/api/ws/history", **headers: str
) -> int:
    fields = {**headers, **({"cookie": f"user={user}"} if user else {})}
    return http.get(path, params={"room": room}, headers=fields).status_code


def test_rest_knows_the_user_that_a_socket_would_know(shop: tuple[Place, httpx.Client]) -> None:
    place, http = shop
    assert history(http, "team:1") == 401
    assert history(http, "team:1", "ana") == 200
    assert history(http, "@all", "ana") == 200
    assert history(http, "inbox:ana", "ana") == 200
    assert history(http, "inbox:bob", "ana") == 403
    place.manager.subscribe("ana", "board:9")
    assert history(http, "board:9", "ana") == 200
    assert history(http, "board:9", "bob") == 403
    assert history(http, "inbox:bob", **{"x-api-key": "key-of-operators"}) == 200


def test_a_guarded_route_answers_as_its_user(shop: tuple[Place, httpx.Client]) -> None:
    place, http = shop
    path = "/mine/api/ws/history"
    place.manager.room("staff", subscribe="authenticated")
    assert history(http, "board:7", path=path) == 403
    assert history(http, "board:7", path=path, authorization="ana") == 200
    assert history(http, "staff", path=path, authorization="ana") == 200
    assert history(http, "board:8", path=path, authorization="ana") == 403
    place.manager.subscribe("ana", "board:8")
    assert history(http, "board:8", path=path, authorization="ana") == 200


def test_a_route_of_every_path_answers_what_is_no_call_with_404(shop: tuple[Place, httpx.Client]) -> None:
    _, http = shop
    assert history(http, "board:7", path="/every/api/ws/history", authorization="ana") == 200
    for path in ("/every/nothing", "/every/api/ws/history/more", "/every/%0a"):
        answer = http.get(path, headers={"authorization": "ana"})
        assert answer.status_code == 404, path
        assert "/api/ws/history" in answer.text


def test_pages_of_allowed_origins_may_call(shop: tuple[Place, httpx.Client]) -> None:
    _, http = shop
    page = {"origin": "https://app.example.com", "cookie": "user=ana"}
    asked = http.options("/api/ws/history", headers={**page, "access-control-request-method": "GET"})
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == page["origin"]
    assert "GET" in asked.headers["access-control-allow-methods"]
    assert "x-api-key" in asked.headers["access-control-allow-headers"]
    answer = http.get("/api/ws/history?room=team:1", headers=page)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == page["origin"]
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["vary"] == "Origin"
    for origin in ("https://evil.example", "http://app.example.com", "null"):
        answer = http.get("/api/ws/history?room=team:1", headers={"origin": origin})
        assert "access-control-allow-origin" not in answer.headers
        assert http.options("/api/ws/history", headers={"origin": origin}).status_code == 405


def test_a_draining_process_lives_and_wants_no_traffic(shop: tuple[Place, httpx.Client]) -> None:
    place, http = shop
    assert (http.get("/api/ws/live").status_code, http.get("/api/ws/health").status_code) == (200, 200)
    place.manager.drain()
    assert (http.get("/api/ws/live").status_code, http.get("/api/ws/health").status_code) == (200, 503)


# ---- what an endpoint's dependencies hold


def test_a_database_session_is_given_back_before_the_connection_goes_on(handing_over: bool) -> None:
    """As docs/getting-started.md has it: a pool of two serves ten clients."""
    place = Place(max_connections_per_ip=100)
    pool = asyncio.Semaphore(2)

    @contextlib.asynccontextmanager
    async def session() -> AsyncIterator[dict[str, str]]:
        async with asyncio.timeout(TIMEOUT), pool:
            yield {"ana": "board:7"}

    async def room_of(user: str) -> str:
        async with session() as db:
            return db[user]

    @place.app.websocket("/live/{user}")
    async def live(websocket: WebSocket, room: str = Depends(room_of)) -> None:
        await place.manager.connect(websocket, rooms=room)

    with place.serve(handing_over) as server, contextlib.ExitStack() as clients:
        browsers = [clients.enter_context(client(server.port, "/live/ana")) for _ in range(10)]
        for browser in browsers:
            assert "board:7" in receive(browser, "connected")["data"]["rooms"]
        assert not pool.locked()


# ---- what the start says


@pytest.mark.parametrize(
    "command",
    [["uvicorn", "main:app", "--port", "0"], ["hypercorn", "main:app", "--bind", "127.0.0.1:0", "--log-file", "-"]],
)
def test_the_start_says_who_may_hear_what_and_where(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "main.py").write_text(
        """
from fastapi import FastAPI
import ws_manager

ws_manager.configure(port=0)
app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router, prefix="/v1")

@app.get("/v1/metrics")
def metrics(): ...
"""
    )
    with Process("-m", *command, cwd=tmp_path) as process:
        process.expect(r"the route /v1/metrics of the application is never called")
        process.expect(r"ws_manager: endpoints /v1/ws, ")
        process.expect(r"ws_manager: listening on port \d+ of localhost, which only this machine reaches")
        process.expect(r"ws_manager: access: open: everyone may hear every public room")


def test_the_start_is_silent_where_the_application_wants_warnings_only(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(
        """
import logging
from fastapi import FastAPI
import ws_manager

logging.getLogger("ws_manager").setLevel(logging.WARNING)
app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)
"""
    )
    with Process("-m", "uvicorn", "main:app", "--port", "0", cwd=tmp_path) as process:
        process.expect("running on")
        assert "access:" not in process.output


@pytest.mark.parametrize("handing_over", [True, False])
def test_a_refused_origin_is_named_with_the_rule_and_the_option(
    handing_over: bool, caplog: pytest.LogCaptureFixture
) -> None:
    place = Place(allowed_origins="https://app.example.com")
    with place.serve(handing_over) as server:
        for origin in ("https://shop.example", "null"):
            with pytest.raises(Exception, match="403"), client(server.port, "/ws?token=s3cret", origin=origin):
                pass
        server.until(lambda: len([line for line in caplog.messages if "allowed_origins" in line]) >= 2)
    lines = [line for line in caplog.messages if line.startswith("refused: a WebSocket of a page of Origin")]
    assert any(
        "https://shop.example to host 127.0.0.1" in line and "WEBSOCKET_ALLOWED_ORIGINS" in line for line in lines
    )
    assert any("Origin null" in line for line in lines)
    assert not any("s3cret" in line for line in caplog.messages)


def test_what_checks_is_named_by_its_path(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by a function's name, in Starlette's own tables and in mounted applications as well; and by no token."""
    monkeypatch.setattr(_look, "_refusals", _look.Limiter())  # of which other tests have taken nothing
    place = Place()

    async def own(websocket: WebSocket) -> None:
        await place.manager.connect(websocket, rooms=[websocket.query_params["board"]])

    async def raw(scope: Any, receive: Any, send: Any) -> None:
        await own(WebSocket(scope, receive, send))

    inner = Starlette(routes=[WebSocketRoute("/own/{key}", own)])
    place.app.router.routes += [WebSocketRoute("/own/{key}", own), Mount("/raw", raw), Mount("/in", inner)]
    paths = {"/own/s3cret": "/own/{key}", "/raw/s3cret": "/raw/...", "/in/own/s3cret": "/own/{key}"}
    with place.serve() as server:
        for path in paths:
            with client(server.port, f"{path}?board=a%20b") as browser:
                assert closed(browser)[0] == 4400
        server.until(lambda: sum(line.startswith("refused: a connection to") for line in caplog.messages) >= len(paths))
    refusals = [message for message in caplog.messages if message.startswith("refused: a connection to")]
    assert [line.split(", ")[0].rpartition(" ")[2] for line in refusals] == list(paths.values())
    assert "s3cret" not in caplog.text
