"""The WebSocket protocol class for uvicorn: `uvicorn main:app --ws ws_manager.uvicorn:WebSocketProtocol`.

The application is asked about every upgrade, as under any server: what it has no route for does not exist, and what it
guards is guarded. Where the way leads to an endpoint of `ws_manager.router`, or to one of the application's own that
calls `ws_manager.connect(websocket, ...)` before it accepts, the socket is handed over to the runtime, and uvicorn
never hears of the connection again. Every other upgrade is served by uvicorn's own implementation.

`DirectWebSocketProtocol` hands over without asking where nothing of the application's stands before the endpoint: a
third of the work of a handshake, for who has measured that it matters.

Works with uvicorn 0.30 and later (`--ws` takes an import string since 0.36), on asyncio and uvloop, with h11, httptools
and zttp. Where uvicorn ends TLS the socket can't be handed over; the bridge carries the same paths then.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
import os
import re
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast
from urllib.parse import unquote_to_bytes

from uvicorn.protocols.utils import ClientDisconnected, get_remote_addr
from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol

from ws_manager._bridge import ClosedSink, Message, Receive, Send, endpoint_path, quoted
from ws_manager._core import WsManagerError
from ws_manager._handover import EXTENSION, Admission
from ws_manager._labels import UNKNOWN_PATH, route_label, visible
from ws_manager._look import look, prefix_of, tell_refused
from ws_manager._manager import default_manager
from ws_manager._routes import unguarded

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.server import ServerState

    from ws_manager._offers import Manager
    from ws_manager._types import ConnSink

__all__ = ["CheckedWebSocketProtocol", "DirectWebSocketProtocol", "WebSocketProtocol"]

MAX_HELD = 65536
"""Bytes that a client may send before it has an answer; then its socket is not read until there is one."""

PARAMETER = re.compile(r"\{[^}]*\}")

MAX_HEAD = 32768
MAX_FIELDS = 100
"""Of a request's head, in bytes and in fields: as the core has it (docs/protocol.md)."""

PHRASES = {
    400: "Bad Request",
    426: "Upgrade Required",
    431: "Request Header Fields Too Large",
    501: "Not Implemented",
    503: "Service Unavailable",
}

MAX_LINE = 8190
"""Bytes of a line of a head that the package websockets reads."""

logger = logging.getLogger("uvicorn.error")


class _Request(NamedTuple):
    """The head of the upgrade request, as far as it matters here."""

    raw: bytes
    raw_path: str
    path: str
    headers: list[tuple[bytes, bytes]]

    @classmethod
    def parse(cls, raw: bytes) -> _Request | None:
        """uvicorn passes the whole head in one piece, checked and rebuilt; None for anything else."""
        head, end, _ = raw.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        parts = first.split(b" ")
        if not end or len(parts) != 3 or not parts[1].startswith(b"/"):
            return None
        raw_path = parts[1].partition(b"?")[0]
        headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
        path = unquote_to_bytes(raw_path).decode(errors="replace")
        return cls(raw, raw_path.decode("latin-1"), path, headers)

    @property
    def size(self) -> int:
        """Bytes of the head."""
        return len(self.raw)

    def short(self) -> bytes:
        """The request as uvicorn's implementations read it: they take no line of more than 8,190 bytes.

        What is left out, and the target where that is too long, are put back into the scope: see _whole().
        """
        first, *lines = self.raw.removesuffix(b"\r\n\r\n").split(b"\r\n")
        kept = [line for line in lines if len(line) <= MAX_LINE or line[:13].lower() == b"sec-websocket"]
        if len(first) > MAX_LINE:
            first = b"GET / HTTP/1.1"
        return b"\r\n".join([first, *kept]) + b"\r\n\r\n"

    def version_is_served(self) -> bool:
        """RFC 6455 section 4.4; one version, as the field may come once (section 11.3.5)."""
        return [value for name, value in self.headers if name == b"sec-websocket-version"] == [b"13"]

    def moved(self, path: str) -> bytes:
        """The request with another path, percent-encoded; the query stays."""
        if path in ("", self.raw_path):
            return self.raw
        method, _, rest = self.raw.partition(b" ")
        return method + b" " + path.encode("ascii") + rest[len(self.raw_path) :]


class WebSocketProtocol(asyncio.Protocol):
    """One upgraded connection, until it belongs to the runtime or to uvicorn's own implementation."""

    direct: ClassVar[bool] = False
    """Whether what the application has no say in is handed over without asking it."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self.config = config
        self.server_state = server_state
        self.app_state = app_state
        self.loop = _loop or asyncio.get_running_loop()
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.request: _Request | None = None
        self.handed_over = False
        self._inner: Any = None  # uvicorn's own protocol
        self._held: list[bytes] | None = None  # what the client sent before it had an answer
        self._stay: _StaySink | None = None
        self._reached = False  # one of our endpoints, or connect(), has the connection
        self._refused = False  # by the application
        self._label = ""  # what uvicorn's own line is to say in place of the path

    # ---- what the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.request is None and self._inner is None:
            self._begin(data)
        elif self._held is not None:
            self._held.append(data)
            if sum(map(len, self._held)) > MAX_HELD:
                self.transport.pause_reading()
        elif self._inner is not None:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return cast("bool | None", self._inner.eof_received()) if self._inner is not None else None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._inner is not None:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        if self._inner is not None:
            self._inner.resume_writing()

    def shutdown(self) -> None:
        """The server stops. It calls this only while an endpoint of the application waits for its client to go."""
        if self._stay is not None:
            self._stay.end()
        elif self._inner is not None:
            self._inner.shutdown()

    # ---- who gets the connection

    def _begin(self, data: bytes) -> None:
        self.request = request = _Request.parse(data)
        if request is not None and (request.size > MAX_HEAD or len(request.headers) > MAX_FIELDS):
            self._answer(431, f"The request's head has more than {MAX_HEAD // 1024} KiB or {MAX_FIELDS} fields.")
            return
        if request is not None and not request.version_is_served():
            # As the runtime says it: the implementations differ. The client is to learn which version is served.
            fields = "upgrade: websocket\r\nsec-websocket-version: 13\r\n"
            self._answer(426, "only WebSocket version 13 is served", fields)
            return
        look(self.config.loaded_app)
        endpoint = None
        if request is not None and self.direct and self.can_hand_over():
            endpoint = unguarded(self.config.loaded_app, request.path, request.headers, self.config.root_path)
        if endpoint is None or request is None:
            self._delegate(data)
            return
        path = endpoint_path(request.path, endpoint.pattern)
        try:
            moved = "" if path == request.path else quoted(path)
            self.hand_over(endpoint.manager, None, Admission(), moved, endpoint.manager._label(path))
        except WsManagerError as error:
            logger.error("An upgrade of %s can't be handed over: %s", endpoint.pattern, visible(error))
            seconds = endpoint.manager._retry_after()
            self._answer(503, str(error), f"retry-after: {seconds}\r\n" if seconds else "")

    def can_hand_over(self) -> bool:
        """Nothing has been answered, no TLS is in between, and the client is still there."""
        transport = self.transport
        return not (
            self.handed_over
            or transport.is_closing()
            or transport.get_extra_info("sslcontext") is not None
            or transport.get_extra_info("socket") is None
            or transport.get_write_buffer_size() > 0
        )

    def hand_over(self, manager: Manager, sink: ConnSink | None, admission: Admission, path: str, label: str) -> int:
        """Gives the socket to the runtime. After an error this server still has it. label: the path, for the log."""
        assert self.request is not None
        if not manager.running:
            manager._ready()
            _Stopper(self.server_state, manager)
        request = self.request.moved(path) + b"".join(self._held or ())
        self.transport.pause_reading()
        fd = os.dup(self.transport.get_extra_info("socket").fileno())
        try:
            conn = manager._adopt(fd, request, sink, **admission)
        except BaseException:
            os.close(fd)
            self.transport.resume_reading()
            raise
        self.handed_over = True
        self._held = None
        if self.config.access_log:
            client = get_remote_addr(self.transport)
            address = f"{client[0]}:{client[1]}" if client else ""
            logger.info('%s - "WebSocket %s" [handed over]', address, self._prefix() + label)
        # Closes this descriptor without a word to the client: the connection lives on in the duplicate.
        self.transport.abort()
        return conn

    def _prefix(self) -> str:
        """What the application has put before one of our endpoints, for the log."""
        path = self.request.path if self.request is not None else ""
        return prefix_of(self.config.loaded_app, path, self.config.root_path)

    # ---- uvicorn's own implementation

    def _delegate(self, data: bytes) -> None:
        if AutoWebSocketsProtocol is None:
            logger.warning("This WebSocket needs uvicorn's own implementation: pip install 'uvicorn[standard]'.")
            self._answer(501, "This server has no WebSocket implementation for this path.")
            return
        inner: Any = AutoWebSocketsProtocol(
            config=self.config, server_state=self.server_state, app_state=self.app_state, _loop=self.loop
        )
        self._inner = inner
        inner.connection_made(self.transport)
        if self.request is not None and hasattr(inner, "app"):
            inner.app = self._run
            self._held = []
            data = self.request.short()
        inner.data_received(data)
        if getattr(getattr(inner, "conn", None), "handshake_exc", None) is not None and not self.transport.is_closing():
            # The implementation has refused, and would leave its answer where it is.
            self._answer(
                400,
                "This is no handshake of RFC 6455: a character that no header may have, a line too long, or a body.",
            )

    async def _run(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """The application, with the offer to hand over in its scope."""
        self._whole(scope)
        scope["extensions"] = {**(scope.get("extensions") or {}), EXTENSION: _Offer(self)}

        async def watched_send(message: Message) -> None:
            if not self.handed_over:
                self._name_in_log(scope)
                await send(message)
                if message["type"] == "websocket.accept":
                    self._settle()
                elif message["type"] in ("websocket.close", "websocket.http.response.start"):
                    self._refused = self._held is not None  # it has not been accepted
            elif message["type"] == "websocket.send":
                raise ClientDisconnected

        try:
            await self.config.loaded_app(scope, receive, watched_send)
        except Exception as error:
            # The client's end, after a hand-over, is no error of an endpoint that waits for it in the usual loop.
            if not (self.handed_over and type(error).__name__ == "WebSocketDisconnect"):
                raise
        if self.handed_over:
            self._abandon_handshake()
            raise ClientDisconnected  # What uvicorn's implementations take as an end without a word.
        if self._refused and not self._reached and self.request is not None:
            tell_refused(self.config.loaded_app, self.request.path, self.config.root_path, default_manager)

    def _whole(self, scope: MutableMapping[str, Any]) -> None:
        """The head as it came, where a part of it was too long for uvicorn's implementation."""
        request = self.request
        if request is None or request.short() == request.raw:
            return
        target = request.raw.split(b" ", 2)[1]
        root = scope.get("root_path", "")
        scope["path"] = root + request.path
        scope["raw_path"] = root.encode() + request.raw_path.encode("latin-1")
        scope["query_string"] = target.partition(b"?")[2]
        scope["headers"] = request.headers

    def _name_in_log(self, scope: MutableMapping[str, Any]) -> None:
        """uvicorn's implementation logs path and query of its scope, and uses it for nothing else any more.

        What is refused is named like what is accepted: a good token may have come to the wrong path.
        """
        if self._held is not None:
            path = PARAMETER.sub("...", self._label or route_label(None, scope))  # Some versions quote the braces.
            self._inner.scope = {**self._inner.scope, "path": path, "raw_path": path.encode(), "query_string": b""}
            self._label = ""

    def _settle(self) -> None:
        """The application has accepted: from here on the connection is uvicorn's own, without a layer in between."""
        held, self._held = self._held, None
        if self.transport.is_closing():
            return
        self.transport.set_protocol(self._inner)
        if held:
            self.transport.resume_reading()
            self._inner.data_received(b"".join(held))

    def _abandon_handshake(self) -> None:
        """The implementation on the older `websockets` waits in a task of its own for an answer that never comes."""
        task = getattr(self._inner, "handler_task", None)
        if isinstance(task, asyncio.Task):
            task.cancel()

    def stay(self, sink: _StaySink) -> None:
        """An endpoint of the application waits for the client: the server counts the connection until it ends."""
        self._stay = sink
        self.server_state.connections.add(self)  # type: ignore[arg-type]  # a set of uvicorn's own classes

    def carries(self, manager: Manager, label: str) -> None:
        """The bridge is going to carry this connection."""
        self._label = self._prefix() + label
        with contextlib.suppress(WsManagerError):  # The bridge says it.
            _bound(self._inner, int(manager._option("max_message_size")))

    def carried(self, manager: Manager, conn: int) -> None:
        """The bridge has this connection: when the server stops, the client is sent away in its turn.

        uvicorn's own implementation would close all at once, with 1012.
        """
        close_at_once = self._inner.shutdown

        def shutdown() -> None:
            if not _send_away(manager, conn):
                close_at_once()

        self._inner.shutdown = shutdown

    def left(self) -> None:
        """The client of stay() has gone."""
        self._stay = None
        self.server_state.connections.discard(self)

    def _answer(self, status: int, sentence: str, fields: str = "") -> None:
        phrase = PHRASES[status]
        body = sentence.encode()
        head = (
            f"HTTP/1.1 {status} {phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n{fields}\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


CheckedWebSocketProtocol = WebSocketProtocol
"""The name from when the other class did not ask."""


class DirectWebSocketProtocol(WebSocketProtocol):
    """Hands over at once what leads to an endpoint of ours with nothing before it: no dependency, mount, middleware.

    Everything else is asked as by WebSocketProtocol. What the application has no route for does not exist here either.
    """

    direct: ClassVar[bool] = True


class _StaySink:
    """A handed-over connection that an endpoint of the application waits for."""

    def __init__(self, protocol: WebSocketProtocol, manager: Manager, sink: ConnSink) -> None:
        self.loop = sink.loop
        self.conn = 0  # number of the connection, once it is the runtime's
        self._protocol = protocol
        self._manager = manager
        self._sink = sink

    def send(self, data: bytes, binary: bool) -> None:
        self._sink.send(data, binary)

    def closed(self, code: int, reason: str) -> None:
        """The client has gone: the server is told, then the one who waits."""
        self._protocol.left()
        self._sink.closed(code, reason)

    def end(self) -> None:
        """The server stops. It does not wait for the client's turn and answer: the runtime does, when it stops."""
        _send_away(self._manager, self.conn)
        self.closed(1001, "The server shuts down.")


def _bound(inner: Any, max_size: int) -> None:
    """Lets uvicorn's implementation end a message of one connection where the runtime would, before it is inflated.

    It knows only limits of all connections, which are the application's own. Each implementation has its place: wsproto
    looks at the configuration when it accepts, and inflates without a bound, so it does not offer to; the two on
    `websockets` stop inflating at the limit.
    """
    inner.config = config = copy.copy(inner.config)
    config.ws_max_size = max_size
    config.ws_per_message_deflate = False
    conn = getattr(inner, "conn", None)
    for place, name in ((inner, "max_size"), (conn, "max_size"), (conn, "max_message_size")):
        if hasattr(place, name):
            setattr(place, name, max_size)
    if hasattr(inner, "buffer") and hasattr(inner.buffer, "max_length"):
        inner.buffer.max_length = max_size


def _send_away(manager: Manager, conn: int) -> bool:
    """Lets the runtime close a connection in its turn; False if it can't, since it has stopped."""
    try:
        manager._conn_drain(conn)
    except WsManagerError as error:
        logger.debug("connection %d has ended already: %s", conn, error)
        return False
    return True


class _Stopper:
    """Stops a runtime that a hand-over has started, for want of a lifespan, when the server stops.

    It stands among the server's connections, so that the server tells it and waits for it.
    """

    def __init__(self, server_state: ServerState, manager: Manager) -> None:
        self._connections: set[Any] = cast("set[Any]", server_state.connections)
        self._manager = manager
        self._connections.add(self)

    def shutdown(self) -> None:
        stopped = asyncio.get_running_loop().run_in_executor(None, self._manager.stop)
        stopped.add_done_callback(lambda _: self._connections.discard(self))


class _Offer:
    """HandOver of one connection; see _handover.py."""

    def __init__(self, protocol: WebSocketProtocol) -> None:
        self._protocol = protocol

    @property
    def possible(self) -> bool:
        self._protocol._reached = True
        return self._protocol.can_hand_over()

    def take(
        self,
        manager: Manager,
        sink: ConnSink | None,
        admission: Admission,
        *,
        label: str = UNKNOWN_PATH,
        path: str = "",
        stay: bool,
    ) -> int:
        protocol = self._protocol
        if not stay:
            return protocol.hand_over(manager, sink, admission, path, label)
        waiting = _StaySink(protocol, manager, sink or ClosedSink(protocol.loop))
        protocol.stay(waiting)
        try:
            waiting.conn = protocol.hand_over(manager, waiting, admission, path, label)
        except BaseException:
            protocol.left()
            raise
        return waiting.conn

    def carries(self, manager: Manager, label: str) -> None:
        self._protocol.carries(manager, label)

    def carried(self, manager: Manager, conn: int) -> None:
        self._protocol.carried(manager, conn)
