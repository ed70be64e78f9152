"""Connections whose socket the ASGI server keeps: TLS ended in the server, hypercorn, the test client, and others.

The runtime sees such a connection as any other. What it wants to say comes as events, which the manager's dispatcher
hands to a sink; what the client says is passed on; what has been written is confirmed: so a slow client is noticed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from ws_manager._core import (
    InvalidArgument,
    InvalidRoom,
    NotRunning,
    Overloaded,
    Refused,
    WsManagerError,
    refusal_code,
)
from ws_manager._handover import EXTENSION
from ws_manager._labels import UNKNOWN_PATH, visible

if TYPE_CHECKING:
    from ws_manager._core import Runtime
    from ws_manager._handover import Admission, HandOver
    from ws_manager._offers import Manager

logger = logging.getLogger("ws_manager")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PATH_SAFE = "/:@!$&'()*+,;=~-._"
"""What a path may hold as it is (RFC 3986, pchar and "/")."""

SUBPROTOCOL = "ws_manager.v1"
"""The one that is served; a client that offers others needs to offer it too."""

DRAIN_TIMEOUT = 5.0
"""Seconds that a client gets to read the rest, and the close, once the runtime has ended the connection."""

LEAVE_TIMEOUT = 1.0
"""Seconds that a close may take where the application was cancelled."""

CANCELLED = "The application ended the connection."

END_TIMEOUT = 10.0
"""Seconds in which the runtime confirms that a connection has ended."""


class Ending(NamedTuple):
    """How a connection ended."""

    code: int
    reason: str


class ClosedSink:
    """Waits for the end of a connection whose traffic the runtime carries itself."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.ending: asyncio.Future[Ending] = loop.create_future()

    def send(self, data: bytes, binary: bool) -> None:
        """Never called: the runtime has the socket."""

    def closed(self, code: int, reason: str) -> None:
        if not self.ending.done():
            self.ending.set_result(Ending(code, reason))


class BridgeSink(ClosedSink):
    """Holds what the runtime wants to say until the server takes it. The runtime bounds it (option max_queue)."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.messages: deque[tuple[bytes, bool]] = deque()
        self.changed = asyncio.Event()

    def send(self, data: bytes, binary: bool) -> None:
        self.messages.append((data, binary))
        self.changed.set()

    def closed(self, code: int, reason: str) -> None:
        super().closed(code, reason)
        self.changed.set()


def client_ip(scope: Mapping[str, Any]) -> str:
    """The client's address as the server gives it, "" if it has none (a Unix socket).

    Starlette's test client, which is in this process, calls itself "testclient"; it counts as loopback.
    """
    client = scope.get("client")
    if not client:
        return ""
    return "127.0.0.1" if is_test_client(scope) else str(client[0])


def is_test_client(scope: Mapping[str, Any]) -> bool:
    """Whether Starlette's test client calls, which no server is between: a server says which ASGI it speaks.

    A server may have "testclient" and a port from X-Forwarded-For, where anybody can write them.
    """
    return tuple(scope.get("client") or ()) == ("testclient", 50000) and "asgi" not in scope


def via(scope: Mapping[str, Any]) -> str:
    """The address that a proxy called, where the server has the client's from X-Forwarded-For.

    uvicorn does so with --proxy-headers, the default. "" where the address is the socket's own: no header names it.
    The server has decided whom it believes; the core is told, so that it believes the same proxy about the scheme and
    the host.
    """
    client = str((scope.get("client") or [""])[0])
    named = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
    if not client or not any(client == address_of(node) for node in named.split(",")):
        return ""
    return str((scope.get("server") or ["unknown"])[0] or "unknown")


def address_of(node: str) -> str:
    """What X-Forwarded-For has between two commas, without a port and brackets."""
    node = node.strip()
    if node.startswith("["):
        return node[1:].partition("]")[0]
    return node.partition(":")[0] if node.count(":") == 1 else node


async def bridge(
    manager: Manager,
    scope: Mapping[str, Any],
    receive: Receive,
    send: Send,
    admission: Admission,
    *,
    path: str,
    label: str = UNKNOWN_PATH,
    accepted: bool = False,
) -> Ending:
    """Carries one connection, whose websocket.connect has been received, until it has ended.

    label: the path as it may stand in a log.
    path: of the endpoint, percent-encoded, without what the application or a proxy put before it.
    accepted: the application has accepted the connection already.
    """
    try:
        sink = BridgeSink(asyncio.get_running_loop())
    except RuntimeError:
        raise RuntimeError(
            "ws_manager carries WebSockets on asyncio only; under trio let it listen on a port of its own (option port)"
        ) from None
    offer: HandOver | None = (scope.get("extensions") or {}).get(EXTENSION)
    if offer is not None:
        offer.carries(manager, label)
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    query = scope["query_string"].decode("latin-1")
    try:
        runtime = manager._ready()
        tls = scope.get("scheme") == "wss"
        conn = manager._bridge_open(path, query, client_ip(scope), headers, sink, tls=tls, via=via(scope), **admission)
    except Refused as refusal:
        logger.info("WebSocket %s refused: %s", label, visible(refusal))
        retry_after = manager._retry_after() if refusal.http_status == 503 else ""
        return await _refuse(scope, send, refusal.http_status, str(refusal), accepted, retry_after)
    except (InvalidArgument, InvalidRoom):
        raise  # what the application asked for
    except WsManagerError as error:
        logger.error("WebSocket %s can't be served: %s", label, visible(error))
        return await _refuse(scope, send, 503, str(error), accepted, manager._retry_after())
    if offer is not None:
        offer.carried(manager, conn)
    subprotocol = SUBPROTOCOL if SUBPROTOCOL in scope.get("subprotocols", ()) else None
    return await _Bridge(runtime, conn, sink, receive, send, subprotocol).run(accepted)


async def _refuse(
    scope: Mapping[str, Any], send: Send, status: int, sentence: str, accepted: bool, retry_after: str
) -> Ending:
    """Says no, by HTTP as long as that is possible. A close before the acceptance means 403 in ASGI."""
    ending = Ending(refusal_code(status), sentence)
    if not accepted and status != 403 and "websocket.http.response" in (scope.get("extensions") or {}):
        body = sentence.encode()
        fields = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        if retry_after:
            fields.append((b"retry-after", retry_after.encode()))
        # Starlette before 0.37 does not let such an answer pass.
        with contextlib.suppress(RuntimeError):
            await send({"type": "websocket.http.response.start", "status": status, "headers": fields})
            await send({"type": "websocket.http.response.body", "body": body})
            return ending
    await send({"type": "websocket.close", "code": ending.code, "reason": _cut(sentence)})
    return ending


class _Bridge:
    """The two directions of one connection, as a task each."""

    def __init__(
        self, runtime: Runtime, conn: int, sink: BridgeSink, receive: Receive, send: Send, subprotocol: str | None
    ) -> None:
        self._subprotocol = subprotocol
        self._runtime = runtime
        self._conn = conn
        self._sink = sink
        self._receive = receive
        self._send = send
        self._client_gone = False

    async def run(self, accepted: bool) -> Ending:
        reader = writer = None
        try:
            if not accepted:
                await self._to_client({"type": "websocket.accept", "subprotocol": self._subprotocol})
            writer = asyncio.create_task(self._write())
            reader = asyncio.create_task(self._read())
            ending = await asyncio.shield(self._sink.ending)
            await self._finish(writer, ending)
            return ending
        except asyncio.CancelledError:
            await self._leave()
            raise
        finally:
            for task in (reader, writer):
                if task is not None:
                    task.cancel()

    async def _read(self) -> None:
        while True:
            try:
                message = await self._receive()
            except Exception as error:  # noqa: BLE001  # Middleware may raise anything: the client can't be heard.
                logger.debug("connection %d: the server can't receive: %r", self._conn, error)
                message = {"type": "websocket.disconnect", "code": 1006}
            if message["type"] == "websocket.disconnect":
                self._gone(message.get("code") or 1005, message.get("reason") or "")
                await self._expect_end()
                return
            text = message.get("text")
            if not await self._to_runtime(message["bytes"] if text is None else text):
                return

    async def _to_runtime(self, data: bytes | str) -> bool:
        while True:
            try:
                self._runtime.bridge_receive(self._conn, data)
                return True
            except Overloaded:
                await asyncio.sleep(0.01)  # The client waits meanwhile: nothing more is read from it.
            except NotRunning:
                return False

    async def _expect_end(self) -> None:
        """Ends the connection on this side if the runtime says nothing any more."""
        done, _ = await asyncio.wait([self._sink.ending], timeout=END_TIMEOUT)
        if not done:
            logger.warning("the runtime did not confirm the end of connection %d", self._conn)
            self._sink.closed(1006, "")

    async def _write(self) -> None:
        while True:
            while self._sink.messages:
                data, binary = self._sink.messages.popleft()
                if not self._client_gone:
                    await self._to_client(
                        {"type": "websocket.send", "bytes": data}
                        if binary
                        else {"type": "websocket.send", "text": data.decode(errors="replace")}
                    )
                self._written(len(data))
            if self._sink.ending.done():
                return
            await self._sink.changed.wait()
            self._sink.changed.clear()

    async def _finish(self, writer: asyncio.Task[None], ending: Ending) -> None:
        """What was sent before the end still goes out, and the close after it, if the client takes them in time."""
        try:
            async with asyncio.timeout(DRAIN_TIMEOUT):
                await writer
                if not self._client_gone:
                    close = {"type": "websocket.close", "code": ending.code, "reason": _cut(ending.reason)}
                    await self._to_client(close)
        except TimeoutError:
            logger.debug("connection %d did not read in time to see its close", self._conn)

    async def _leave(self) -> None:
        """The application ends the connection. The client is told, if it can be told at once; the runtime always."""
        if self._client_gone or self._sink.ending.done():
            return
        self._gone(1001, CANCELLED)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_TIMEOUT):
                await self._to_client({"type": "websocket.close", "code": 1001, "reason": CANCELLED})

    async def _to_client(self, message: Message) -> None:
        try:
            await self._send(message)
        except Exception as error:  # noqa: BLE001  # What a send to a client that has gone raises is each server's own.
            logger.debug("connection %d: the server can't send: %r", self._conn, error)
            self._gone(1006, "")

    def _gone(self, code: int, reason: str) -> None:
        if self._client_gone or self._sink.ending.done():
            return
        self._client_gone = True
        try:
            self._runtime.bridge_closed(self._conn, code, reason)
        except WsManagerError as error:  # The runtime is gone, and with it the connection.
            self._sink.closed(1006, str(error))

    def _written(self, size: int) -> None:
        try:
            self._runtime.bridge_written(self._conn, size)
        except WsManagerError as error:
            self._sink.closed(1006, str(error))


def endpoint_path(path: str, pattern: str) -> str:
    """The part of a path that belongs to a pattern: as many segments from its end as the pattern has.

    >>> endpoint_path("/v1/live/ws/project/7", "/ws/project/{project_id}")
    '/ws/project/7'
    """
    return "/" + "/".join(path.split("/")[-pattern.count("/") :])


def quoted(path: str) -> str:
    """A decoded path, percent-encoded again."""
    return quote(path, safe=PATH_SAFE)


def _cut(reason: str) -> str:
    """At most the 123 bytes that a close frame has room for (RFC 6455, 5.5)."""
    return reason.encode()[:123].decode(errors="ignore")
