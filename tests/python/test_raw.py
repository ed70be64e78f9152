"""Raw endpoints, what a client is told first, and one connection that joins and leaves."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from pydantic import BaseModel
from support import Calls
from token_support import SECRET, token
from web_support import TIMEOUT, Uvicorn, client, closed, receive

from ws_manager import Connection, InvalidRoom, NotFound, Refused, WebSocketManager
from ws_manager.uvicorn import WebSocketProtocol

Serve = Callable[..., Any]


class Point(BaseModel):
    x: int


# ---- what goes out ----


def test_what_is_published_is_all_that_is_sent(serve: Serve) -> None:
    with serve(heartbeat_interval=0.1) as (manager, port):
        manager.endpoint("/plain", rooms=["chat"], raw=True)
        manager.endpoint("/usual", rooms=["chat"])
        with client(port, "/plain") as raw, client(port, "/usual") as usual:
            receive(usual, "connected")
            receive(usual, "heartbeat")  # the raw one has had the time for its own
            for message, text in (
                ("hello", "hello"),
                ('{ "a": 1 }', '{ "a": 1 }'),
                ({"a": "é"}, '{"a":"é"}'),
                ({}, "{}"),
                ([1, "2"], '[1,"2"]'),
                (7, "7"),
                (None, "null"),
                (Point(x=1), '{"x":1}'),
                ({"room": "mine", "timestamp": 1}, '{"room":"mine","timestamp":1}'),
                (b"\x00\x01", b"\x00\x01"),
            ):
                manager.send_to_room("chat", message)
                assert raw.recv(20) == text
            manager.notify("moved", {"x": 1}, room="chat", by="me")
            assert raw.recv(20) == '{"type":"moved","data":{"x":1}}'


def test_others_of_the_room_get_strings_as_they_are(serve: Serve) -> None:
    with serve() as (manager, port):
        manager.endpoint("/usual", rooms=["chat"])
        with client(port, "/usual") as usual:
            receive(usual, "connected")
            manager.send_to_room("chat", "hello")
            assert usual.recv(20) == "hello"
            manager.send_to_room("chat", '{"a": 1}')
            message = receive(usual)
            assert (message["a"], message["room"]) == (1, "chat")


# ---- what comes in ----


def test_what_clients_say_reaches_on_message(serve: Serve) -> None:
    said, texts = Calls(), Calls()
    with serve() as (manager, port):
        manager.endpoint("/plain", rooms=["chat"], raw=True)

        @manager.on_message
        def on_message(connection: Any, message: Any) -> None:
            said(message)

        @manager.on_message
        def on_text(connection: Any, message: str) -> None:
            texts(message)

        with client(port, "/plain") as raw:
            sent = ["ping", "hello", '{"action": "subscribe", "room": "x"}', "[1, 2]", "{", ""]
            for text in sent:
                raw.send(text)
            raw.send(b"\x01")
            assert said.wait(7) == [
                "ping",
                "hello",
                {"action": "subscribe", "room": "x"},
                [1, 2],
                "{",
                "",
                b"\x01",
            ]
            assert texts.wait(6)[:6] == sent
            manager.send_to_room("chat", "the first")
            assert raw.recv(20) == "the first"


def test_arrays_reach_on_message_of_other_endpoints_too(serve: Serve) -> None:
    said = Calls()
    with serve() as (manager, port), client(port, "/ws") as usual:
        receive(usual, "connected")
        manager.on_message(lambda connection, message: said(message))
        usual.send("[1, 2]")
        assert said.wait() == [[1, 2]]


def test_a_handler_that_fails_is_not_heard_of(serve: Serve) -> None:
    with serve() as (manager, port):
        manager.endpoint("/plain", rooms=["chat"], raw=True)

        @manager.on_message
        def on_message(connection: Any, message: Any) -> None:
            try:
                raise PermissionError("no")
            finally:
                connection.send("after")

        with client(port, "/plain") as raw:
            raw.send("x")
            assert raw.recv(20) == "after"
            raw.send("y")
            assert raw.recv(20) == "after"


def told_in_the_log(monkeypatch: pytest.MonkeyPatch, part: str) -> threading.Event:
    """Set as soon as a line has that part."""
    told = threading.Event()

    def emit(handler: logging.Handler, record: logging.LogRecord) -> None:
        if part in record.getMessage():
            told.set()

    listener = type("Listener", (logging.Handler,), {"emit": emit})()
    monkeypatch.setattr(logging.getLogger("ws_manager"), "handlers", [listener])
    return told


def test_what_a_handler_cannot_take_is_said_in_the_log(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client hears nothing, as always at a raw endpoint."""
    told = told_in_the_log(monkeypatch, "a message to the raw endpoint /plain, without a word to its client: ")
    with serve() as (manager, port):

        @manager.on_message
        def handle(connection: Connection, message: dict[str, int]) -> None:
            connection.send("taken")

        manager.endpoint("/plain", rooms=["chat"], raw=True)
        with client(port, "/plain") as raw:
            raw.send("not json")
            assert told.wait(TIMEOUT)
            raw.send('{"x":1}')
            assert raw.recv(20) == "taken"


def test_without_a_handler_it_is_said_in_the_log(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    told = told_in_the_log(monkeypatch, "the application has no on_message handler")
    with serve() as (manager, port):
        manager.endpoint("/plain", rooms=["chat"], raw=True)
        with client(port, "/plain") as raw:
            raw.send("hello")
            assert told.wait(TIMEOUT)
            raw.send(b"x")
            assert closed(raw)[0] == 1003


# ---- who may ----


def test_tokens_and_grants_hold_as_everywhere(serve: Serve) -> None:
    """The first message is the token where none came before; from then on a command is a word like any other."""
    with serve(jwt_secret=SECRET, auth_timeout=0.5) as (manager, port):

        @manager.on_message
        def say(connection: Connection, message: str) -> None:
            connection.send(f"{connection.user_id}: {message}")

        manager.endpoint("/plain", rooms=["chat"], raw=True)
        command = '{"action":"subscribe","room":"other"}'
        for first, code in (
            (None, 4401),
            ("hello", 4401),
            (command, 4401),
            ('{"action":"auth","token":"x"}', 4401),
            (f'{{"action":"auth","token":"{token(rooms=["other"])}"}}', 4403),
        ):
            with client(port, "/plain") as raw:
                if first is not None:
                    raw.send(first)
                manager.send_to_room("chat", "for members")
                assert closed(raw)[0] == code, first
        for headers, first in (
            ({}, f'{{"action":"auth","token":"{token(rooms=["chat"])}"}}'),
            ({"Authorization": f"Bearer {token(rooms=['chat'])}"}, None),
        ):
            with client(port, "/plain", additional_headers=headers) as raw:
                if first is not None:
                    raw.send(first)
                raw.send(command)
                assert raw.recv(20) == f"ana: {command}"
                manager.send_to_room("other", "for others")
                manager.send_to_room("chat", "for members")
                assert raw.recv(20) == "for members"


# ---- a client that is about to be let in ----


def test_a_welcome_comes_behind_the_greeting(serve: Serve) -> None:
    with serve() as (manager, port):

        @manager.authenticate
        async def who(request: Any) -> Any:
            return {"user_id": "7", "welcome": [{"type": "first"}, "second", [3]]}

        manager.send_to_user("7", {"type": "waited"})
        with client(port, "/ws") as browser:
            receive(browser, "connected")
            assert receive(browser, "first")["room"].startswith("@client:")
            assert browser.recv(20) == "second"
            assert browser.recv(20) == "[3]"


def test_a_binary_welcome_lets_nobody_in(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    with serve() as (manager, port):

        @manager.authenticate
        def who(request: Any) -> Any:
            return {"welcome": b"x"}

        with client(port, "/ws") as browser:
            assert closed(browser)[0] == 1011
        assert "send it in on_connect" in caplog.text


@pytest.mark.parametrize("hands_over", [True, False], ids=["hand-over", "bridge"])
@pytest.mark.parametrize("raw", [True, False], ids=["raw", "usual"])
def test_a_welcome_of_connect(hands_over: bool, raw: bool) -> None:
    manager = WebSocketManager()
    app = FastAPI(lifespan=manager.lifespan)
    faults: list[str] = []

    @app.websocket("/own")
    async def own(websocket: WebSocket) -> None:
        try:
            await manager.connect(websocket, welcome=["a", object()])
        except TypeError as error:
            faults.append(str(error))
        await manager.connect(websocket, rooms=["r"], welcome={"n": 1}, raw=raw)

    @manager.on_connect
    async def on_connect(connection: Any) -> None:
        await connection.send("joined")

    with Uvicorn(app, **({"ws": WebSocketProtocol} if hands_over else {})) as server, client(server.port, "/own") as it:
        if raw:
            assert it.recv(20) == '{"n":1}'
        else:
            receive(it, "connected")
            assert receive(it)["n"] == 1
        assert it.recv(20) == "joined"
    assert re.match(r"message: .*object", faults[0])


# ---- one connection ----


def test_one_connection_joins_and_leaves(serve: Serve) -> None:
    seen: list[Any] = []
    gone = Calls()
    with serve(max_rooms=1) as (manager, port):

        @manager.on_connect
        async def on_connect(connection: Any) -> None:
            if not seen:
                seen.append(connection)
                await connection.join("desk")
                connection.send({"type": "ready"})

        @manager.on_disconnect
        def on_disconnect(connection: Any, code: int, reason: str) -> None:
            gone(code)

        with client(port, "/ws") as one, client(port, "/ws") as other:
            receive(one, "connected")
            assert receive(one, "subscribed")["data"]["room"] == "desk"
            receive(one, "ready")
            receive(other, "connected")
            manager.send_to_room("desk", {"type": "for one"})
            manager.broadcast({"type": "for all"})
            receive(one, "for one")
            receive(other, "for all")
            (connection,) = seen
            assert "desk" in connection.rooms
            with pytest.raises(InvalidRoom, match="@all"):
                connection.join("@all")
            with pytest.raises(InvalidRoom):
                connection.leave("a b")
            with pytest.raises(Refused, match="max_rooms"):
                connection.join("another")
            connection.leave("desk")
            connection.leave("elsewhere")
            assert "desk" not in connection.rooms
            receive(one, "for all")
            assert receive(one, "unsubscribed")["data"]["room"] == "desk"
            one.close()
            gone.wait()
            with pytest.raises(NotFound, match="gone"):
                connection.join("desk")
            with pytest.raises(NotFound):
                connection.leave("desk")
