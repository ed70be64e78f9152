"""connect(): a connection that the application has checked itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ws_manager._bridge import CANCELLED, SUBPROTOCOL, ClosedSink, Ending, Message, bridge, quoted
from ws_manager._core import WsManagerError
from ws_manager._handover import Admission, offered
from ws_manager._labels import UNKNOWN_PATH, route_label
from ws_manager._look import route_of, tell
from ws_manager._names import client_fault, words_of
from ws_manager._outcomes import listed

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection
    from starlette.websockets import WebSocket

    from ws_manager._handover import HandOver
    from ws_manager._names import Words
    from ws_manager._offers import Manager

CLIENT_ID = "ws_manager.client_id"
"""Where scope keeps the id of a connection, so that disconnect(websocket) finds it."""


async def connect(
    manager: Manager,
    websocket: WebSocket,
    identity: object = None,
    *,
    user_id: object = None,
    session_id: object = None,
    client_id: object = None,
    rooms: str | Iterable[str] = (),
    subscribe: str | Iterable[str] = (),
    publish: str | Iterable[str] = (),
    greeting: str = "",
    heartbeat: str = "",
    raw: bool = False,
    welcome: object = None,
    skip_origin: bool = False,
    state: Mapping[str, Any] | None = None,
) -> str:
    """WebSocketManager.connect()."""
    if identity is not None:
        if user_id is not None:
            raise TypeError("connect() got the user's id twice: by position and as user_id")
        # Home-made managers are called as connect(websocket, session_id) as well as connect(websocket, user_id). A
        # session is what the client says it is; nobody must become a user by naming one.
        if str(identity) not in ("", websocket.query_params.get("session_id")):
            user_id = identity
    admission = Admission(
        admitted=True,
        skip_origin=skip_origin,
        client_id=_id(client_id) or uuid4().hex,
        user_id=_id(user_id),
        session_id=_id(session_id),
        rooms=listed(rooms),
        subscribe=listed(subscribe),
        publish=listed(publish),
        greeting=greeting,
        heartbeat=heartbeat,
        raw=raw,
        welcome=manager._encoder.welcome(welcome),
        state=dict(state or {}),
    )
    manager._checked(f"connect() in the application's WebSocket route {_route(websocket)}")
    websocket.scope[CLIENT_ID] = admission["client_id"]
    accepted = _accepted(websocket)
    said = {**admission, "user_id": None if user_id is None else admission["user_id"]}
    fault = client_fault(said, words_in(websocket))
    if fault is not None:
        _retire(websocket, await _refuse_name(websocket, fault, accepted))
        return admission["client_id"]
    offer = None if accepted else offered(websocket.scope)
    if offer is not None:
        ending = await _hand_over(manager, offer, admission, route_label(manager, websocket.scope))
    else:
        label = route_label(manager, websocket.scope)
        ending = await carry(
            manager, websocket, admission, quoted(websocket.scope["path"]), label=label, accepted=accepted
        )
    _retire(websocket, ending)
    return admission["client_id"]


async def carry(
    manager: Manager,
    websocket: WebSocket,
    admission: Admission,
    path: str,
    *,
    label: str,
    accepted: bool = False,
) -> Ending:
    """The bridge, through an object of Starlette's, so that its state stays true."""
    from starlette.websockets import WebSocketState

    if websocket.client_state is WebSocketState.CONNECTING:
        await websocket.receive()
    return await bridge(
        manager,
        websocket.scope,
        websocket.receive,
        websocket.send,
        admission,
        path=path,
        label=label,
        accepted=accepted,
    )


async def _hand_over(manager: Manager, offer: HandOver, admission: Admission, label: str) -> Ending:
    sink = ClosedSink(asyncio.get_running_loop())
    offer.take(manager, sink, admission, label=label, stay=True)
    try:
        return await sink.ending
    except asyncio.CancelledError:
        # The application's decision (a time limit, its end): without its endpoint the connection must not go on.
        # An error means that the runtime has stopped, and its connections with it.
        with contextlib.suppress(WsManagerError):
            manager.disconnect(admission["client_id"], code=1001, reason=CANCELLED)
        raise


def words_in(connection: HTTPConnection) -> Words:
    """What a client has said in a request."""
    query = connection.query_params.multi_items()
    return words_of(connection.scope["path"], connection.path_params, query, connection.headers.items())


def _route(websocket: WebSocket) -> str:
    """For people."""
    return route_of(websocket.scope) or UNKNOWN_PATH


async def _refuse_name(websocket: WebSocket, fault: str, accepted: bool) -> Ending:
    """Closes with 4400 what has been upgraded: a browser does not see why an upgrade was refused."""
    tell(4400, _route(websocket), fault)
    with contextlib.suppress(Exception):  # What a send to a client that has gone raises is each server's own.
        if not accepted:
            await websocket.accept(SUBPROTOCOL if SUBPROTOCOL in websocket.scope.get("subprotocols", ()) else None)
        await websocket.close(4400, fault)
    return Ending(4400, fault)


def _id(value: object) -> str:
    """Ids may be numbers or UUIDs, as they are in many applications."""
    return "" if value is None else str(value)


def _accepted(websocket: WebSocket) -> bool:
    from starlette.websockets import WebSocketState

    return websocket.application_state is not WebSocketState.CONNECTING


def _retire(websocket: WebSocket, ending: Ending) -> None:
    """Makes the object behave as one whose client has just gone, whoever carried the connection.

    The usual loop after it (`while True: await websocket.receive_json()`) then ends with WebSocketDisconnect(code), and
    close() does nothing.
    """
    from starlette.websockets import WebSocketState

    async def receive() -> Message:
        return {"type": "websocket.disconnect", "code": ending.code, "reason": ending.reason}

    async def send(message: Message) -> None:
        if message["type"] == "websocket.send":
            raise OSError("the client has gone")  # Starlette makes a WebSocketDisconnect of it.

    retired: Any = websocket
    retired._receive = receive
    retired._send = send
    websocket.client_state = websocket.application_state = WebSocketState.CONNECTED
