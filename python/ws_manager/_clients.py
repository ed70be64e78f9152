"""Who is there, what was said, and what becomes of connections: the calls about clients."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any, cast

import orjson

from . import _core
from ._core import NotFound, NotRunning
from ._life import Life
from ._receipt import COMPLETED, Completed
from ._sending import Id, one_id
from ._types import Ban, ConnectionRow, History, Position, Presence


class Clients(Life):
    """The part of a manager that asks the runtime about its clients and acts on them."""

    # ---- who is there, and what was said ----

    def _query(self, kind: int, **question: Any) -> Any:
        return orjson.loads(self._ready().query(kind, **question))

    async def _aquery(self, kind: int, **question: Any) -> Any:
        return orjson.loads(await self._ask(kind, **question))

    async def _ask(self, kind: int, **question: Any) -> bytes:
        runtime = self._ready()
        return cast("bytes", await runtime.host.questions.ask(runtime, kind, **question))

    def stats(self) -> dict[str, Any]:
        """What GET /api/ws/stats answers: connections, messages, drops."""
        return cast("dict[str, Any]", self._query(_core.QUERY_STATS))

    async def astats(self) -> dict[str, Any]:
        """stats(), awaited: it holds up no event loop. As of all such: Overloaded, while 1,024 are unanswered."""
        return cast("dict[str, Any]", await self._aquery(_core.QUERY_STATS))

    def connections(self) -> list[ConnectionRow]:
        """One row for each connection."""
        return cast("list[ConnectionRow]", self._query(_core.QUERY_CONNECTIONS))

    async def aconnections(self) -> list[ConnectionRow]:
        """connections(), awaited."""
        return cast("list[ConnectionRow]", await self._aquery(_core.QUERY_CONNECTIONS))

    def subscribers(self, room: str) -> int:
        """How many connections are in a room."""
        return cast("int", self._query(_core.QUERY_SUBSCRIBERS, room=room))

    async def asubscribers(self, room: str) -> int:
        """subscribers(), awaited."""
        return cast("int", await self._aquery(_core.QUERY_SUBSCRIBERS, room=room))

    def presence(self, room: str, limit: int = 1000, after: str = "") -> Presence:
        """The clients and users that are in a room: their numbers, and one page of their ids.

        limit: ids of each kind, at most 1000; 0: only the numbers. after: `next` of the page before. Whoever stays
        meanwhile is in one of the pages; if others leave, somebody may be in two. InvalidArgument.
        """
        return cast("Presence", self._query(_core.QUERY_PRESENCE, room=room, limit=limit, after=after))

    async def apresence(self, room: str, limit: int = 1000, after: str = "") -> Presence:
        """presence(), awaited."""
        return cast("Presence", await self._aquery(_core.QUERY_PRESENCE, room=room, limit=limit, after=after))

    def history(self, room: str, limit: int = 0, since: int = 0, epoch: str = "") -> History:
        """Messages of a room, oldest first.

        limit: the newest so many; 0: all that are kept. since, epoch: those after that position; if the epoch is not
        the room's, none, and `recovered` is False.
        """
        return cast("History", self._query(_core.QUERY_HISTORY, room=room, limit=limit, since=since, epoch=epoch))

    async def ahistory(self, room: str, limit: int = 0, since: int = 0, epoch: str = "") -> History:
        """history(), awaited."""
        question = {"room": room, "limit": limit, "since": since, "epoch": epoch}
        return cast("History", await self._aquery(_core.QUERY_HISTORY, **question))

    def position(self, room: str) -> Position:
        """Where a room stands: what a page rendered now has to resume from. Makes the room if there is none."""
        return cast("Position", self._query(_core.QUERY_POSITION, room=room))

    async def aposition(self, room: str) -> Position:
        """position(), awaited."""
        return cast("Position", await self._aquery(_core.QUERY_POSITION, room=room))

    def metrics(self) -> str:
        """Figures in the text format of Prometheus."""
        return self._ready().query(_core.QUERY_METRICS).decode()

    async def ametrics(self) -> str:
        """metrics(), awaited."""
        return (await self._ask(_core.QUERY_METRICS)).decode()

    def rest(
        self,
        method: str,
        path: str,
        query: str = "",
        ip: str = "",
        authorization: str = "",
        api_key: str = "",
        origin: str = "",
        forwarded: str = "",
        x_forwarded_for: str = "",
        body: bytes = b"",
        host: str = "",
        *,
        headers: Iterable[tuple[str, str]] = (),
        tls: bool = False,
    ) -> tuple[int, str, bytes]:
        """One REST call of docs/protocol.md: (HTTP status, content type, body).

        ip: of who sent it. tls: it came over TLS. headers: all header fields of the request, believed as docs/limits.md
        says; the usual ones may be given by their names as well. Who is to count as a caller on this machine needs
        both: ip="127.0.0.1", host="localhost".
        """
        fields = {
            "authorization": authorization,
            "x-api-key": api_key,
            "origin": origin,
            "forwarded": forwarded,
            "x-forwarded-for": x_forwarded_for,
            "host": host,
        }
        headers = [*((name, value) for name, value in fields.items() if value), *headers]
        status, content_type, _, answer = self._ready().rest(method, path, query, ip, headers, body, tls)
        return status, content_type, answer

    def _rooms_of(self, client_id: str) -> list[str]:
        try:
            return cast("list[str]", self._query(_core.QUERY_ROOMS_OF, room=client_id))
        except (NotFound, NotRunning):
            return []

    async def _arooms_of(self, client_id: str) -> list[str]:
        try:
            return cast("list[str]", await self._aquery(_core.QUERY_ROOMS_OF, room=client_id))
        except (NotFound, NotRunning):
            return []

    # ---- connections ----

    def subscribe(self, user_id: Id, channel: str) -> Completed:
        """Every connection of a user, now and later, joins a room. InvalidRoom."""
        self._ready().subscribe(one_id(user_id, "user_id"), channel)
        return COMPLETED

    def unsubscribe(self, user_id: Id, channel: str) -> Completed:
        """Ends subscribe(); what a client has subscribed to itself goes on."""
        self._ready().unsubscribe(one_id(user_id, "user_id"), channel)
        return COMPLETED

    def disconnect(
        self,
        client_id: Any,
        user_id: object = None,  # noqa: ARG002 - home-made managers are given it
        *,
        code: int = 4409,
        reason: str = "",
    ) -> Completed:
        """Closes a connection, by client id or Connection.

        Also takes the WebSocket that was given to connect(), and then does nothing if that has ended.
        """
        client = self._client_id(client_id)
        if client:
            with contextlib.suppress(NotRunning):
                self._ready().disconnect(client, code, reason)
        return COMPLETED

    def disconnect_user(self, user_id: Id, code: int = 4409, reason: str = "") -> Completed:
        """Closes every connection of a user."""
        with contextlib.suppress(NotRunning):
            self._ready().disconnect_user(one_id(user_id, "user_id"), code, reason)
        return COMPLETED

    # ---- addresses ----

    def ban(self, ip: str, seconds: float = 3600, reason: str = "") -> Completed:
        """Turns away every connection from an IP address, and closes those that are there with 4403.

        ip: of IPv6, its whole /64 network is meant. reason: shown by bans() and in the log. A ban that is there already
        is replaced; all end with the runtime. InvalidArgument.
        """
        self._ready().ban(ip, seconds, reason)
        return COMPLETED

    def unban(self, ip: str) -> Completed:
        """Lifts a ban, automatic or not, and forgets what is held against the address. InvalidArgument."""
        self._ready().unban(ip)
        return COMPLETED

    def bans(self) -> list[Ban]:
        """The addresses that are turned away now; of more than 1,000 those that are for longest."""
        return cast("list[Ban]", self._query(_core.QUERY_BANS))

    async def abans(self) -> list[Ban]:
        """bans(), awaited."""
        return cast("list[Ban]", await self._aquery(_core.QUERY_BANS))

    def _client_id(self, client: Any) -> str:
        if isinstance(client, str):
            return client
        client_id = getattr(client, "client_id", None)
        if isinstance(client_id, str):
            return client_id
        scope = getattr(client, "scope", None)
        if isinstance(scope, dict):
            return cast("str", scope.get("ws_manager.client_id", ""))
        raise TypeError(f"client_id must be str, a Connection or a WebSocket, not {type(client).__name__}")

    async def connect(
        self,
        websocket: Any,
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
        """Gives a WebSocket of the application's own endpoint, after its own checks, to the runtime.

        websocket: of Starlette or FastAPI, best before accept(): the runtime answers the upgrade then. Under
        ws_manager.uvicorn the socket itself is handed over; elsewhere, and after accept(), the bridge carries it.
        user_id: whom send_to_user() means; the application vouches for it. session_id: the application vouches for it,
        too; if both are None and nothing authenticates clients, `?session_id=` of the request. identity, by position:
        the user_id too; but what the request itself gives as `?session_id=` is taken as the session only, since
        anybody can claim it. client_id: one is made if None; a connection that has it already is closed with 4409. Ids
        may be of any type; str() is taken. rooms: joined at once, besides @all; names. subscribe: rooms that it may
        subscribe to; also beginnings ("board:*"), and "*" for all. publish: those that it may publish to. greeting,
        heartbeat: types of the first and the periodic message ("connected", "heartbeat"). raw: both sides say what the
        application says, and nothing else, as at endpoint(raw=True). welcome: a message, or a list of them, that this
        client gets right behind the greeting. skip_origin: do not look at the request's Origin. state: what handlers
        find in connection.state.

        As the application decides here who comes in, public rooms need a grant from then on (docs/access.md). A client
        whose path or query makes a name that no room can have, or brings a "*" into subscribe or publish, is closed
        with 4400; other names that are wrong raise InvalidRoom.

        What the endpoint's dependencies hold stays held for as long as the client stays: docs/getting-started.md,
        "Your own endpoint", shows how a database session is given back first.

        Returns the client id when the client has gone. The object then behaves as one whose client has just left:
        receive_…() raises WebSocketDisconnect with the code of the close, and close() does nothing; so a loop that
        reads from it may follow. If the call is cancelled, the connection is closed with 1001. InvalidRoom,
        InvalidArgument.

        Example:
            @app.websocket("/live/{board}")
            async def live(websocket: WebSocket, board: str, user: User = Depends(current_user)):
                await ws_manager.connect(websocket, user_id=user.id, rooms=[f"board:{board}"])
        """
        from ._connect import connect

        return await connect(
            self._whole,
            websocket,
            identity,
            user_id=user_id,
            session_id=session_id,
            client_id=client_id,
            rooms=rooms,
            subscribe=subscribe,
            publish=publish,
            greeting=greeting,
            heartbeat=heartbeat,
            raw=raw,
            welcome=welcome,
            skip_origin=skip_origin,
            state=state,
        )
