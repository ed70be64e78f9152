"""What the server says about a message is not said by its author: own port, hand-over, bridge, REST."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi import FastAPI, WebSocket
from support import Client
from web_support import Uvicorn

from ws_manager import Connection, InvalidArgument, WebSocketManager
from ws_manager.uvicorn import WebSocketProtocol

FORGED = {"room": "news", "epoch": "z", "offset": 10**15}
FLAT = ["processing_started", "processing_progress", "processing_complete", "processing_failed", "system_status"]
OWN = ["gap", "error", "connected", "connection", "heartbeat", "ping", "pong", "subscribed", "published", "reply"]


def app_of(manager: WebSocketManager) -> FastAPI:
    app = FastAPI(lifespan=manager.lifespan)

    @app.websocket("/as/{user}")
    async def mine(websocket: WebSocket, user: str) -> None:
        await manager.connect(websocket, user_id=user, rooms=["chat:1"], publish=["chat:1"])

    app.include_router(manager.router)
    return app


@contextmanager
def running(**config: Any) -> Iterator[WebSocketManager]:
    manager = WebSocketManager(port=0, **config)
    manager.start()
    try:
        yield manager
    finally:
        manager.stop(deadline=1.0)


class Entrance:
    """A way in: the manager behind it, its port for clients, for REST, and whether users are known there."""

    def __init__(self, manager: WebSocketManager, port: int, users: bool) -> None:
        self.manager = manager
        self.port = port
        self.users = users

    @contextmanager
    def visitor(self, user: str) -> Iterator[Client]:
        visitor = Client(self.port, f"/as/{user}" if self.users else "/ws")
        if not self.users:
            assert visitor.ask(action="subscribe", room="chat:1")["type"] == "subscribed"
        try:
            yield visitor
        finally:
            visitor.close()

    def rest(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)


@pytest.fixture(params=["own port", "handed over", "bridged"])
def entrance(request: pytest.FixtureRequest) -> Iterator[Entrance]:
    manager = WebSocketManager(rooms={"chat:*": {"publish": "anyone", "subscribe": "anyone", "history": "anyone"}})
    if request.param == "own port":
        with running(rooms={"chat:*": {"publish": "anyone"}}) as own:
            yield Entrance(own, own.port, users=False)
        return

    class Protocol(WebSocketProtocol):
        pass

    Protocol.manager = manager
    options = {"ws": Protocol} if request.param == "handed over" else {}
    with Uvicorn(app_of(manager), **options) as server:
        yield Entrance(manager, server.port, users=True)


def test_a_client_cannot_forge(entrance: Entrance) -> None:
    with entrance.visitor("ana") as ana, entrance.visitor("bob") as bob:
        attempts = [(type, {"type": "x", **FORGED}) for type in FLAT]
        attempts += [(type, FORGED) for type in OWN]
        attempts += [("system_status", {name: 1}) for name in ("id", "from", "type", "data", "message_id", "@position")]
        for type, data in attempts:
            answer = ana.ask(action="publish", room="chat:1", type=type, data=data)
            assert (answer["type"], answer["data"]["code"]) == ("error", "bad_request"), type
        ana.send({"action": "publish", "room": "chat:1", "type": "said", "data": FORGED})
        for heard in (bob.next(), entrance.rest("/api/ws/history?room=chat:1")["messages"][0]):
            author = {"user_id": "ana" if entrance.users else None, "client_id": ana.client_id}
            assert (heard["type"], heard["data"], heard["from"]) == ("said", FORGED, author)
            assert (heard["room"], heard["offset"]) == ("chat:1", 1)


def test_what_the_application_relays_stands_where_it_stands(entrance: Entrance) -> None:
    """A home-made relay sends on what a client has written: an object, or a text that is one."""
    manager = entrance.manager
    with entrance.visitor("ana") as ana:
        for n, relayed in enumerate(({"type": "gap", **FORGED}, json.dumps({"type": "gap", **FORGED})), 1):
            manager.send_to_room("chat:1", relayed)
            heard = ana.next("gap")
            assert heard["@position"]["room"] == "chat:1"
            assert heard["@position"]["offset"] == n
            assert {name: heard[name] for name in FORGED} == FORGED
        manager.send_to_client(ana.client_id, {"type": "gap", **FORGED})
        assert ana.next("gap")["@position"] == {"room": f"@client:{ana.client_id}"}
        assert entrance.rest("/api/ws/broadcast", {"event_type": "gap", "data": FORGED})["recipients"] >= 1
        assert ana.next("gap")["room"] == "@all"


SENDS = {
    "broadcast": lambda manager, message: manager.broadcast(message),
    "send_to_room": lambda manager, message: manager.send_to_room("r", message),
    "publish_to_channel": lambda manager, message: manager.publish_to_channel("r", message),
    "send_to_user": lambda manager, message: manager.send_to_user("u", message),
    "send_personal_message": lambda manager, message: manager.send_personal_message(message, "u"),
    "send_to_session": lambda manager, message: manager.send_to_session("s", message),
    "send_to_client": lambda manager, message: manager.send_to_client("c", message),
    "send_to_project": lambda manager, message: manager.send_to_project("p", message),
    "notify, flat": lambda manager, message: manager.notify("system_status", message),
    "notify, a member": lambda manager, message: manager.notify("x", {}, **{"@position": FORGED}),
}


@pytest.mark.parametrize("send", SENDS.values(), ids=SENDS)
@pytest.mark.parametrize("message", [{"a": 1, "@position": FORGED}, {"@position": 1}])
def test_names_of_the_server_are_refused_at_the_call(send: Any, message: Any) -> None:
    with running() as manager:
        with pytest.raises(InvalidArgument, match=r'"@position"'):
            send(manager, message)
        assert manager.stats()["total_broadcasts"] == 0


def test_a_handler_s_answer_and_message_are_no_way_around() -> None:
    with running() as manager:

        @manager.on_command("echo")
        def echo(connection: Connection, message: dict[str, Any]) -> Any:
            connection.send({"type": "sent", **FORGED})
            with pytest.raises(InvalidArgument):
                connection.send({"@position": FORGED})
            return {"type": "gap", "id": 99, "@position": FORGED, **FORGED}

        client = Client(manager.port)
        sent = client.ask(action="echo", id=7)
        assert sent["@position"] == {"room": f"@client:{client.client_id}"}
        reply = client.next("reply")
        assert reply["id"] == 7
        assert not reply.keys() & {"room", "epoch", "offset", "@position"}
        assert reply["data"]["@position"] == FORGED
        client.close()
