"""The application's handlers: called with what, on what, and what becomes of their results and exceptions."""

from __future__ import annotations

import asyncio
import datetime
import gc
import logging
import threading
from typing import Any

import pytest
from support import Calls, refusal

from ws_manager import Connection, InvalidArgument, NotFound, Refused, WebSocketManager, _chain
from ws_manager._logging import Limiter


def test_a_connection_says_who_it_is(manager: WebSocketManager, connect: Any) -> None:
    calls = Calls()
    manager.on_connect(calls)
    client = connect("/ws?session_id=s1&tag=a&tag=b&name=J%C3%BCrgen+K", user_agent_header="tester/1")
    connection: Connection = calls.wait()[0]
    assert connection.client_id == client.client_id
    assert connection.user_id is None
    assert connection.session_id == "s1"
    assert connection.path == "/ws"
    assert connection.query["name"] == "Jürgen K"
    assert connection.query["tag"] == "a"
    assert connection.query.getlist("tag") == ["a", "b"]
    assert connection.query.get("none") is None
    assert connection.ip in ("127.0.0.1", "::1")
    assert connection.user_agent == "tester/1"
    assert abs(connection.connected_at - datetime.datetime.now(datetime.UTC)) < datetime.timedelta(minutes=1)
    assert set(connection.rooms) >= {"@all", "@session:s1"}
    assert client.client_id in repr(connection)


def test_on_connect_comes_after_the_greeting(manager: WebSocketManager, connect: Any) -> None:
    manager.on_connect(lambda connection: connection.send({"type": "welcome"}))
    client = connect()
    assert client.greeting["type"] == "connected"
    assert client.next()["type"] == "welcome"


def test_a_connection_is_the_same_object_in_every_handler(manager: WebSocketManager, connect: Any) -> None:
    calls = Calls()
    manager.on_connect(calls)
    manager.on_message(lambda connection, message: calls(connection))
    manager.on_disconnect(lambda connection, code, reason: calls(connection))

    @manager.on_command("who")
    def who(connection: Connection, data: Any) -> str:
        calls(connection)
        return connection.client_id

    client = connect()
    client.send("hello")
    assert client.ask(action="who")["data"] == client.client_id
    client.close()
    connections = calls.wait(4)
    assert len({id(connection) for connection in connections}) == 1
    assert connections[0].rooms == []


def test_what_is_set_on_a_connection_stays(manager: WebSocketManager, connect: Any) -> None:
    """Nobody but the manager holds the object between the two."""

    @manager.on_connect
    def connected(connection: Any) -> None:
        connection.mark = "set"

    @manager.on_command("mark")
    def mark(connection: Any, data: Any) -> Any:
        gc.collect()
        return getattr(connection, "mark", None)

    assert connect().ask(action="mark")["data"] == "set"


def test_on_disconnect_gets_code_and_reason(manager: WebSocketManager, connect: Any) -> None:
    calls = Calls()
    manager.on_disconnect(lambda connection, code, reason: calls((code, reason)))
    connect().socket.close(4000, "bye")
    assert calls.wait() == [(4000, "bye")]


def test_close_from_a_handler(manager: WebSocketManager, connect: Any) -> None:
    manager.on_message(lambda connection, message: connection.close(4403, "not you"))
    client = connect()
    client.send("hello")
    assert client.ended() == (4403, "not you")


def test_messages_come_as_what_they_say(manager: WebSocketManager, connect: Any) -> None:
    calls = Calls()
    manager.on_message(lambda connection, message: calls(message))
    client = connect()
    for message in ("hello", '{"no_action": [1, null]}', b"\x00\xff", '"quoted"'):
        client.send(message)
    assert calls.wait(4) == ["hello", {"no_action": [1, None]}, b"\x00\xff", '"quoted"']


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_commands_are_answered_with_their_result(manager: WebSocketManager, connect: Any, kind: str) -> None:
    def double(connection: Connection, data: Any) -> Any:
        return {"twice": data["n"] * 2}

    async def double_later(connection: Connection, data: Any) -> Any:
        await asyncio.sleep(0)
        return double(connection, data)

    manager.on_command("double")(double if kind == "sync" else double_later)
    client = connect()
    reply = client.ask(action="double", n=21, id="q1")
    assert reply["type"] == "reply"
    assert reply["data"] == {"twice": 42}
    assert reply["id"] == "q1"
    assert client.ask(action="double", data={"n": 4}, id=7)["id"] == 7
    assert client.ask(action="double", data={"n": 4})["data"] == {"twice": 8}


def test_what_a_command_carries(manager: WebSocketManager, connect: Any) -> None:
    manager.on_command("echo")(lambda connection, data: [data])
    client = connect()
    assert client.ask(action="echo")["data"] == [{}]
    assert client.ask(action="echo", data="x")["data"] == ["x"]
    assert client.ask(action="echo", data="x", more=1)["data"] == [{"data": "x", "more": 1}]
    assert client.ask(action="echo", image_id="i")["data"] == [{"image_id": "i"}]


def test_a_handler_that_raises_is_logged_and_closes_nothing(
    manager: WebSocketManager, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    @manager.on_command("fail")
    async def fail(connection: Connection, data: Any) -> None:
        raise KeyError("lost")

    @manager.on_message
    def message(connection: Connection, message: Any) -> None:
        raise ZeroDivisionError

    @manager.on_connect
    def connected(connection: Connection) -> None:
        raise OSError("at the door")

    with caplog.at_level(logging.ERROR, "ws_manager"):
        client = connect()
        answer = client.ask(action="fail", id=1)
        assert answer["type"] == "error"
        assert answer["data"]["code"] == "internal"
        assert answer["id"] == 1
        assert "lost" not in str(answer)
        client.send("hello")
        assert client.next()["data"]["code"] == "internal"
        assert client.ask(action="ping")["type"] == "pong"
    texts = [record.getMessage() for record in caplog.records]
    assert len(texts) == 3
    assert all(record.exc_info for record in caplog.records)
    assert "the command 'fail'" in texts[1]
    assert "KeyError" in texts[1]


def test_what_clients_bring_about_in_a_handler_is_one_plain_line(
    manager: WebSocketManager, connect: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_chain, "_by_clients", Limiter())

    @manager.on_command("open")
    async def open(connection: Connection, data: Any) -> None:
        if data["room"] == "gone":
            raise NotFound("the connection has gone")
        if data["room"] == "full":
            raise Refused("the connection is in max_rooms (1) rooms")
        await manager.ahistory("x")
        await connection.join(data["room"])

    @manager.on_message
    def message(connection: Connection, message: Any) -> None:
        connection.join(message["join"])

    client = connect()
    answers = [client.ask(action="open", data={"room": room})["data"] for room in ("a b\nforged", "gone", "full")]
    assert [answer["code"] for answer in answers] == ["bad_request", "internal", "forbidden"]
    assert "no valid name" in answers[0]["message"]
    assert "max_rooms" in answers[2]["message"]
    for _ in range(20):
        client.send({"join": "@user:u2"})
        assert client.next()["data"]["code"] == "bad_request"
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert not any(record.exc_info for record in caplog.records)
    assert lines[0].startswith("the command 'open': InvalidRoom: room ")
    assert lines[1:3] == [
        "the command 'open': NotFound: the connection has gone",
        "the command 'open': Refused: the connection is in max_rooms (1) rooms",
    ]
    assert len(lines) == 10
    assert not any("\n" in line for line in lines)


def test_a_result_that_cannot_be_encoded_is_internal(
    manager: WebSocketManager, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    manager.on_command("bad")(lambda connection, data: {"x": object()})
    assert connect().ask(action="bad")["data"]["code"] == "internal"
    assert "the result of the command 'bad'[\"x\"]: object" in caplog.text


def test_unknown_actions_are_the_cores(manager: WebSocketManager, connect: Any) -> None:
    client = connect()
    assert client.ask(action="nothing")["data"]["code"] == "unknown_action"
    manager.on_command("later")(lambda connection, data: "now")
    assert client.ask(action="later")["data"] == "now"


def test_the_cores_own_actions_cannot_be_taken(manager: WebSocketManager) -> None:
    with pytest.raises(InvalidArgument, match="subscribe"):
        manager.on_command("subscribe")(lambda connection, data: None)
    with pytest.raises(TypeError, match="name of the action"):
        manager.on_command(lambda connection, data: None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="callable"):
        manager.on_connect("nothing")  # type: ignore[type-var]


def test_a_handler_cannot_end_the_thread_of_the_events(
    manager: WebSocketManager, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = threading.Event()

    @manager.on_message
    def message(connection: Connection, message: Any) -> None:
        if message == "end":
            raise SystemExit
        go_on.wait(30)

    manager.on_command("after")(lambda connection, data: "still here")
    client = connect()
    # While the first is being handled, the others come in: they are one batch.
    client.send("wait")
    client.send("end")
    client.send({"action": "after"})
    while manager.stats()["total_messages_received"] < 3:
        pass
    go_on.set()
    assert client.next()["data"] == "still here"
    assert "tried to end the process" in caplog.text


def test_several_handlers_of_one_kind(manager: WebSocketManager, connect: Any) -> None:
    first, second = Calls(), Calls()
    manager.on_connect(first)
    manager.on_connect(second)
    connect()
    assert first.wait() == second.wait()


def test_a_decorated_function_stays_what_it_was(manager: WebSocketManager) -> None:
    def handler(*args: Any) -> None:
        return None

    assert manager.on_connect(handler) is handler
    assert manager.on_command("x")(handler) is handler
    assert manager.authenticate(handler) is handler


# ---- authenticate ----


def test_authenticate_sees_the_request_and_names_the_user(manager: WebSocketManager, connect: Any) -> None:
    requests = Calls()

    @manager.authenticate
    def who(request: Any) -> dict[str, Any]:
        requests(request)
        return {"user_id": "user-1", "subscribe": ["project:*"]}

    calls = Calls()
    manager.on_connect(calls)
    client = connect(
        "/ws/project/P1?token=t%201", additional_headers={"Authorization": "Bearer me", "Cookie": 'a=1; sid="s 2"'}
    )
    (request,) = requests.wait()
    assert request.path == "/ws/project/P1"
    assert request.path_params == {"project_id": "P1"}
    assert request.query["token"] == "t 1"
    assert request.headers["authorization"] == request.headers["Authorization"] == "Bearer me"
    assert request.headers.get("AUTHORIZATION") == "Bearer me"
    assert "Authorization" in request.headers
    assert "authorisation" not in request.headers
    assert request.cookies == {"a": "1", "sid": "s 2"}
    assert request.ip in ("127.0.0.1", "::1")
    assert client.greeting["data"]["user_id"] == "user-1"
    assert calls.wait()[0].user_id == "user-1"


def test_authenticate_may_decide_on_session_and_rooms(manager: WebSocketManager, connect: Any) -> None:
    manager.authenticate(lambda request: {"user_id": 7, "session_id": "s", "rooms": ["team:1"]})
    client = connect()
    assert client.greeting["data"]["user_id"] == "7"
    assert client.greeting["data"]["session_id"] == "s"
    assert manager.subscribers("team:1") == 1


def test_authenticate_may_let_anybody_in(manager: WebSocketManager, connect: Any) -> None:
    async def anybody(request: Any) -> bool:
        await asyncio.sleep(0)
        return True

    manager.authenticate(anybody)
    assert connect().greeting["type"] == "connected"


class Refusal(Exception):
    code = 4429
    reason = "too often"


class HTTPError(Exception):
    status_code = 403
    detail = "not yours"


@pytest.mark.parametrize(
    ("decide", "code"),
    [
        (lambda request: None, 4401),
        (lambda request: False, 4401),
        (lambda request: (_ for _ in ()).throw(PermissionError("no")), 4403),
        (lambda request: (_ for _ in ()).throw(Refusal), 4429),
        (lambda request: (_ for _ in ()).throw(HTTPError), 4403),
    ],
)
def test_authenticate_refuses(manager: WebSocketManager, decide: Any, code: int) -> None:
    manager.authenticate(decide)
    manager.start()
    assert refusal(manager.port, "/ws") == code


@pytest.mark.parametrize("decide", [lambda request: 1 / 0, lambda request: [1], lambda request: {"user": "u"}])
def test_authenticate_that_fails_lets_nobody_in(
    manager: WebSocketManager, decide: Any, caplog: pytest.LogCaptureFixture
) -> None:
    manager.authenticate(decide)
    manager.start()
    assert refusal(manager.port, "/ws") in (1011, 4401)
    assert "authenticate" in caplog.text
    assert manager.stats()["active_connections"] == 0


# ---- authorize ----


def test_authorize_decides_on_rooms(manager: WebSocketManager, connect: Any) -> None:
    asked = Calls()

    @manager.authorize
    async def may(connection: Connection, action: str, room: str) -> bool:
        asked((action, room))
        return room.startswith("open:")

    client = connect()
    assert client.ask(action="subscribe", room="open:1")["type"] == "subscribed"
    answer = client.ask(action="subscribe", room="closed:1")
    assert answer["data"]["code"] == "forbidden"
    assert client.ask(action="history", room="closed:1")["data"]["code"] == "forbidden"
    assert ("subscribe", "closed:1") in asked.all
    assert ("history", "closed:1") in asked.all


def test_authorize_that_fails_forbids(
    manager: WebSocketManager, connect: Any, caplog: pytest.LogCaptureFixture
) -> None:
    manager.authorize(lambda connection, action, room: 1 / 0)
    assert connect().ask(action="subscribe", room="r")["data"]["code"] == "forbidden"
    assert "ZeroDivisionError" in caplog.text


def test_a_concurrent_handler_does_not_hold_up_others(manager: WebSocketManager, connect: Any) -> None:
    release = asyncio.Event()

    @manager.on_command("slow", concurrent=True)
    async def slow(connection: Connection, data: Any) -> str:
        await release.wait()
        return "slow"

    @manager.on_command("release")
    def let_go(connection: Connection, data: Any) -> str:
        release.set()
        return "released"

    client = connect()
    client.send({"action": "slow"})
    assert client.ask(action="release")["data"] == "released"
    assert client.next()["data"] == "slow"


def test_the_trace_of_what_a_handler_raises_forges_no_line(python: Any) -> None:
    output = python(
        """
        import logging
        from ws_manager import WebSocketManager
        from ws_manager._chain import start
        from ws_manager._outcomes import NOBODY

        logging.basicConfig(format="%(levelname)s %(message)s")
        words = "board \\x1b[2J\\nCRITICAL forged\\u202e"

        def handler():
            try:
                raise KeyError(words)
            except KeyError as error:
                raise ValueError(words) from error

        start("on_message", handler, (), NOBODY)
        """
    )
    lines = output.splitlines()
    assert lines[0] == "ERROR on_message: the handler raised ValueError"
    assert lines[-1] == "ValueError: board \\x1b[2J\\nCRITICAL forged\\u202e"
    assert sum(line.startswith("  File ") and line.endswith(" in handler") for line in lines) == 2
    assert not any(line.startswith("CRITICAL") for line in lines)
    assert output.isascii()
    assert "\x1b" not in output
