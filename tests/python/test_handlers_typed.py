"""Handlers whose parameters say what they want: data that is checked, and FastAPI's dependencies."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import threading
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, TypedDict

import pytest
from fastapi import Depends, FastAPI, HTTPException, Request, WebSocketException
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict, Field
from support import Calls

import ws_manager
from ws_manager import Connection, WebSocketManager

if TYPE_CHECKING:
    from decimal import Decimal


class Cancel(BaseModel):
    image_id: int
    reason: str = "none"
    at: Annotated[int, Field(alias="atFrame", ge=0)] = 0


@dataclasses.dataclass
class Move:
    steps: list[int]
    when: datetime.date | None = None


class Named(TypedDict):
    name: str
    nick: NotRequired[str]


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    day: datetime.date


def test_a_model_is_what_the_handler_gets(manager: WebSocketManager, connect: Any) -> None:
    @manager.on_command("cancel")
    async def cancel(connection: Connection, data: Cancel) -> Any:
        assert isinstance(data, Cancel)
        return [data.image_id, data.at]

    client = connect()
    assert client.ask(action="cancel", image_id="7", atFrame=3)["data"] == [7, 3]
    assert client.ask(action="cancel", data={"image_id": 8})["data"] == [8, 0]
    answer = client.ask(action="cancel", image_id="seven", id=4)
    assert answer["type"] == "error"
    assert answer["id"] == 4
    assert answer["data"]["code"] == "bad_request"
    assert answer["data"]["message"].startswith("image_id: Input should be a valid integer")
    assert "seven" not in answer["data"]["message"]
    assert client.ask(action="cancel")["data"]["message"] == "image_id: Field required"
    assert client.ask(action="cancel", data=[1])["data"]["message"].startswith("data: ")


def test_dataclasses_typed_dicts_and_plain_types(manager: WebSocketManager, connect: Any) -> None:
    manager.on_command("move")(move)
    manager.on_command("name")(name)

    @manager.on_command("sum")
    def sum_of(connection: Connection, data: list[int]) -> int:
        return sum(data)

    @manager.on_command("day")
    def day(connection: Connection, data: Strict) -> Any:
        return data.day

    client = connect()
    assert client.ask(action="move", steps=[1, 2], when="2026-01-15")["data"] == "15 [1, 2]"
    assert client.ask(action="move", steps=[1, "x"])["data"]["message"].startswith("steps[1]: Input should be")
    assert client.ask(action="name", name="N")["data"] == "N"
    assert client.ask(action="name")["data"]["message"] == "name: Field required"
    assert client.ask(action="sum", data=[1, 2])["data"] == 3
    assert client.ask(action="sum", data="x")["data"]["code"] == "bad_request"
    assert client.ask(action="day", day="2026-01-15")["data"] == "2026-01-15"
    assert client.ask(action="move", steps=["a", "b", "c", "d", "e"])["data"]["message"].endswith("(and 2 more)")


def move(connection: Connection, data: Move) -> str:
    return f"{data.when.day if data.when else 0} {data.steps}"


def name(connection: Connection, data: Named) -> str:
    return data["name"]


def test_messages_may_be_checked_too(manager: WebSocketManager, connect: Any) -> None:
    seen = Calls()

    @manager.on_message
    async def message(connection: Connection, message: Cancel | bytes) -> None:
        seen(message.image_id if isinstance(message, Cancel) else message)

    client = connect()
    client.send({"image_id": 7})
    client.send(b"\x00\xff")
    assert seen.wait(2) == [7, b"\x00\xff"]
    assert client.ask(nothing=1, id=9)["data"]["code"] == "bad_request"


def test_what_is_local_to_a_function_is_found(manager: WebSocketManager, connect: Any) -> None:
    class Local(BaseModel):
        n: int

    @manager.on_command("local")
    def local(connection: Connection, data: Local) -> int:
        return data.n

    assert connect().ask(action="local", n=3)["data"] == 3


def test_an_annotation_that_means_nothing_is_refused(manager: WebSocketManager) -> None:
    def handler(connection: Connection, data: Decimal) -> None: ...

    with pytest.raises(TypeError, match=r"handler\(\): the annotation 'Decimal' of 'data'.*TYPE_CHECKING"):
        manager.on_command("x")(handler)


def test_without_pydantic_models_are_refused_and_the_rest_is_as_before(python: Any) -> None:
    output = python("""
        import sys
        sys.modules["pydantic"] = None
        import dataclasses
        from typing import Any
        import ws_manager

        @dataclasses.dataclass
        class Data:
            n: int

        @ws_manager.on_command("plain")
        def plain(connection, data: dict[str, Any]): ...

        try:
            @ws_manager.on_command("checked")
            def checked(connection, data: Data): ...
        except TypeError as error:
            print(error)
    """)
    assert output == "checked(): pydantic 2 checks 'data' against its annotation: pip install pydantic\n"


# ---- Depends ----


class Database:
    """Counts who has it open."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.threads: set[str] = set()

    @contextlib.contextmanager
    def session(self, what: str) -> Iterator[str]:
        self.threads.add(threading.current_thread().name)
        self.log.append(f"open {what}")
        try:
            yield what
        except ValueError:
            self.log.append(f"rollback {what}")
            raise
        finally:
            self.log.append(f"close {what}")


database = Database()


def get_db() -> Iterator[str]:
    with database.session("sync") as session:
        yield session


async def get_async_db() -> AsyncIterator[str]:
    with database.session("async") as session:
        yield session


def get_path(connection: Connection) -> str:
    return connection.path


class Service:
    def __init__(self, db: Annotated[str, Depends(get_db)], path: str = Depends(get_path)) -> None:
        self.words = f"{db} {path}"


@pytest.fixture
def db() -> Database:
    database.log.clear()
    database.threads.clear()
    return database


def test_dependencies_are_opened_and_closed_for_each_call(
    manager: WebSocketManager, connect: Any, db: Database
) -> None:
    @manager.on_command("do")
    async def do(
        connection: Connection,
        data: Cancel,
        service: Annotated[Service, Depends()],
        db: str = Depends(get_db),
        other: str = Depends(get_async_db),
        plain: int = 5,
    ) -> str:
        database.log.append("handler")
        return f"{service.words} {db} {other} {plain} {data.image_id}"

    client = connect()
    for _ in range(2):
        db.log.clear()
        assert client.ask(action="do", image_id=1)["data"] == "sync /ws sync async 5 1"
        assert db.log == ["open sync", "open async", "handler", "close async", "close sync"]
    assert any(thread.startswith("asyncio") for thread in db.threads)  # what is not async may block
    db.log.clear()
    assert client.ask(action="do", image_id="x")["data"]["code"] == "bad_request"
    assert db.log == []


def test_a_dependency_sees_the_error_of_the_handler(manager: WebSocketManager, connect: Any, db: Database) -> None:
    @manager.on_command("fail")
    def fail(connection: Connection, data: Any, db: str = Depends(get_db)) -> None:
        raise ValueError

    assert connect().ask(action="fail")["data"]["code"] == "internal"
    assert db.log == ["open sync", "rollback sync", "close sync"]


def test_every_handler_may_have_dependencies(manager: WebSocketManager, connect: Any, db: Database) -> None:
    def token(request: ws_manager.Request) -> str:
        return request.query.get("token", "")

    calls = Calls()

    @manager.authenticate
    async def who(request: ws_manager.Request, token: str = Depends(token)) -> str | None:
        return token or None

    @manager.authorize
    def may(connection: Connection, action: str, room: str, db: str = Depends(get_db)) -> bool:
        return room == f"{db}-room"

    @manager.on_connect
    async def connected(connection: Connection, db: str = Depends(get_db)) -> None:
        calls(f"connect {connection.user_id} {db}")

    @manager.on_message
    async def message(connection: Connection, message: Any, path: str = Depends(get_path)) -> None:
        calls(f"{message} {path}")

    @manager.on_disconnect
    async def gone(connection: Connection, code: int, reason: str, db: str = Depends(get_db)) -> None:
        calls(f"gone {db}")

    manager.endpoint("/own")
    client = connect("/own?token=u1")
    assert client.ask(action="subscribe", room="sync-room")["type"] == "subscribed"
    assert client.ask(action="subscribe", room="other")["type"] == "error"
    client.send("hi")
    client.close()
    assert calls.wait(3) == ["connect u1 sync", "hi /own", "gone sync"]


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (HTTPException(403, "admins only"), "forbidden", "admins only"),
        (HTTPException(401), "forbidden", "Unauthorized"),
        (WebSocketException(1008, "not you"), "forbidden", "not you"),
        (PermissionError("not yours"), "forbidden", "not yours"),
        (HTTPException(404, "no such image"), "bad_request", "no such image"),
        (HTTPException(503, "secret host is down"), "internal", "the handler of this command failed"),
        (PermissionError(13, "Permission denied", "/etc/secret"), "internal", "the handler of this command failed"),
    ],
)
def test_errors_that_are_the_clients_business_are_told(
    manager: WebSocketManager, connect: Any, error: Exception, code: str, message: str
) -> None:
    def guard() -> None:
        raise error

    @manager.on_command("do")
    async def do(connection: Connection, data: Any, guarded: None = Depends(guard)) -> None: ...

    answer = connect().ask(action="do")["data"]
    assert (answer["code"], answer["message"]) == (code, message)


def test_what_a_dependency_cannot_have_is_refused_at_once(manager: WebSocketManager) -> None:
    def wants_request(request: Request) -> None: ...
    def wants_query(q: str) -> None: ...

    for dependency, parameter in ((wants_request, "request"), (wants_query, "q")):
        with pytest.raises(
            TypeError, match=rf"{dependency.__name__}\(\) asks for '{parameter}'.*ws_manager.Connection"
        ):

            @manager.on_command("x")
            def handler(connection: Connection, data: Any, value: None = Depends(dependency)) -> None: ...


def test_dependency_overrides_of_the_application_hold() -> None:
    def setting() -> str:
        return "real"

    manager = WebSocketManager()

    @manager.on_command("which")
    def which(connection: Connection, data: Any, setting: str = Depends(setting)) -> str:
        return setting

    app = FastAPI(lifespan=manager.lifespan)
    app.include_router(manager.router)
    with TestClient(app) as client, client.websocket_connect("/ws") as ws:
        ws.receive_json()
        for expected in ("real", "test"):
            ws.send_json({"action": "which"})
            assert ws.receive_json()["data"] == expected
            app.dependency_overrides[setting] = lambda: "test"


def test_a_type_that_cannot_be_checked_is_refused(manager: WebSocketManager) -> None:
    class Plain: ...

    def handler(connection: Connection, data: Plain) -> None: ...

    with pytest.raises(TypeError, match=r"handler\(\): pydantic does not know how to check 'data'"):
        manager.on_command("x")(handler)
