"""The application's handlers: who is called for what, and what becomes of results and exceptions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from . import _core
from ._chain import STOP_GRACE, Call, Chain, quietly
from ._connection import Connection, Request
from ._encode import PLAIN
from ._parameters import BadRequest

if TYPE_CHECKING:
    from ._core import Runtime
    from ._types import Handler

logger = logging.getLogger("ws_manager")

INTERNAL_ERROR = 1011
"""Close code where a handler failed that had to decide (RFC 6455, 7.4.1)."""

SIZE_UNIT = 1024
"""Bytes of a message that count as a further one towards max_handler_queue."""


class Registered(NamedTuple):
    """A handler as it was registered."""

    handler: Handler
    concurrent: bool = False


class Handlers:
    """All handlers of one manager. Called on the dispatcher's loop."""

    def __init__(self) -> None:
        self.on_connect: list[Registered] = []
        self.on_disconnect: list[Registered] = []
        self.on_message: list[Registered] = []
        self.commands: dict[str, Registered] = {}
        self.authenticator: Handler | None = None
        self.authorizer: Handler | None = None
        self.encoder = PLAIN
        self.max_queue = 0
        self.timeout = 0.0
        self.on_loop: Callable[..., None] = lambda call, *args: call(*args)
        self._chains: dict[int, Chain] = {}  # by connection; only of those with something in hand
        self._questions: set[asyncio.Task[Any]] = set()

    def serve(self, runtime: Runtime, on_loop: Callable[..., None]) -> None:
        """A new runtime asks. on_loop(call, *args): calls on the loop that its events are taken on."""
        self.max_queue = int(runtime.option("max_handler_queue"))
        self.timeout = float(runtime.option("handler_timeout"))
        self.on_loop = on_loop

    def wanted(self) -> int:
        """The mask for Runtime.want()."""
        mask = _core.WANT_LOG
        if self.on_connect or self.on_disconnect or self.on_message or self.commands or self.authorizer:
            # Connection objects live from one to the other.
            mask |= _core.WANT_CONNECT | _core.WANT_DISCONNECT
        if self.on_message:
            mask |= _core.WANT_MESSAGE
        if self.authenticator:
            mask |= _core.WANT_AUTHENTICATE
        if self.authorizer:
            mask |= _core.WANT_AUTHORIZE
        return mask

    # ---- one client's events, in order ----

    def connect(self, connection: Connection) -> None:
        for handler, concurrent in self.on_connect:
            self._in_turn(connection, Call("on_connect", handler, connection, concurrent=concurrent))

    def disconnect(self, connection: Connection, code: int, reason: str) -> None:
        chain = self._chains.get(connection.conn)
        if chain is not None:
            chain.end_within(self.timeout)
        for handler, concurrent in self.on_disconnect:
            call = Call("on_disconnect", handler, connection, code, reason, last=True, concurrent=concurrent)
            self._in_turn(connection, call)

    def message(self, runtime: Runtime, connection: Connection, data: bytes, binary: bool, id: bytes) -> None:
        conn, size = connection.conn, 1 + len(data) // SIZE_UNIT
        if self._is_too_much(runtime, connection, "", id, size):
            return

        def failed() -> None:
            runtime.reply(conn, "", id, "the server failed to handle this message", "internal")

        def refused(error: Exception) -> bool:
            return objected(runtime, conn, "", id, error)

        value = data if binary else parse(data)
        for handler, concurrent in self.on_message:
            call = Call(
                "on_message",
                handler,
                connection,
                value,
                failed=failed,
                refused=refused,
                size=size,
                concurrent=concurrent,
            )
            self._in_turn(connection, call)

    def command(self, runtime: Runtime, connection: Connection, action: str, data: bytes, id: bytes) -> None:
        conn, size = connection.conn, 1 + len(data) // SIZE_UNIT
        if self._is_too_much(runtime, connection, action, id, size):
            return

        def failed() -> None:
            runtime.reply(conn, action, id, "the handler of this command failed", "internal")

        def refused(error: Exception) -> bool:
            return objected(runtime, conn, action, id, error)

        def answer(value: Any) -> None:
            runtime.reply(conn, action, id, self.encoder.dumps(value, f"the result of the command {action!r}"))

        registered = self.commands.get(action)
        if registered is None:  # It was removed while the command was on its way.
            runtime.reply(conn, action, id, "there is no handler for this action any more", "unknown_action")
            return
        call = Call(
            f"the command {action!r}",
            registered.handler,
            connection,
            command_data(data),
            done=answer,
            failed=failed,
            refused=refused,
            size=size,
            concurrent=registered.concurrent,
        )
        self._in_turn(connection, call)

    def _in_turn(self, connection: Connection, call: Call) -> None:
        """Calls a handler once those before it, of the same client, have ended."""
        conn = connection.conn
        chain = self._chains.get(conn)
        if chain is not None:
            chain.add(call)
            return
        task = call.start()
        if task is not None:
            chain = Chain(connection.client_id, self.on_loop, lambda: self._chains.pop(conn, None))
            self._chains[conn] = chain
            chain.hold(call, task)

    def _is_too_much(self, runtime: Runtime, connection: Connection, action: str, id: bytes, size: int) -> bool:
        """Whether a message is over max_handler_queue; the client is told, and the core counts it."""
        chain = self._chains.get(connection.conn)
        if chain is None or chain.size + size <= self.max_queue:
            return False
        if not chain.overflowed:  # a line for each time that it falls behind, not for each message
            chain.overflowed = True
            logger.warning(
                "client %s: its handlers are behind by more than max_handler_queue (%d): further messages are refused",
                connection.client_id,
                self.max_queue,
            )
        quietly(runtime.reply, connection.conn, action, id, "", "rate_limited")
        return True

    def moved(self) -> None:
        """The events are taken on another loop now."""
        for chain in list(self._chains.values()):
            chain.moved()

    def forget(self) -> None:
        """In a child process: what is in hand is the parent's."""
        self._chains.clear()
        self._questions.clear()

    async def finish(self) -> None:
        """The runtime has stopped: waits until the handlers have ended, which have a second and then are cancelled."""
        loop = asyncio.get_running_loop()
        until = loop.time() + 2 * STOP_GRACE
        for chain in list(self._chains.values()):
            chain.end_within(min(self.timeout, STOP_GRACE))
        while (left := until - loop.time()) > 0:
            tasks = [task for chain in self._chains.values() for task in chain.tasks if task.get_loop() is loop]
            if not tasks:
                return
            await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)

    @property
    def busy(self) -> bool:
        """Whether any handler is in hand."""
        return bool(self._chains)

    # ---- questions, which are answered out of turn: a handler in hand may wait for what depends on them ----

    def authenticate(self, runtime: Runtime, ticket: int, data: bytes) -> None:
        def refuse(code: int = 0, reason: str = "") -> None:
            runtime.authenticated(ticket, False, code=code, reason=reason)

        def answer(value: Any) -> None:
            if value is None or value is False:
                refuse()
            else:
                runtime.authenticated(ticket, True, **decision(value))

        def failed() -> None:
            refuse(INTERNAL_ERROR, "The authentication handler failed.")

        def refused(error: Exception) -> bool:
            meant = refusal(error)
            if meant is not None:
                refuse(*meant)
            return meant is not None

        if self.authenticator is None:
            failed()
            return
        request = Request(orjson.loads(data))
        self._ask(Call("authenticate", self.authenticator, request, done=answer, failed=failed, refused=refused))

    def authorize(self, runtime: Runtime, ticket: int, connection: Connection, action: str, room: str) -> None:
        def refuse() -> None:
            runtime.authorized(ticket, False)

        def refused(error: Exception) -> bool:
            meant = refusal(error)
            if meant is not None:
                refuse()
            return meant is not None

        def answer(value: Any) -> None:
            runtime.authorized(ticket, bool(value))

        if self.authorizer is None:
            refuse()
            return
        self._ask(
            Call("authorize", self.authorizer, connection, action, room, done=answer, failed=refuse, refused=refused)
        )

    def _ask(self, call: Call) -> None:
        task = call.start()
        if task is not None:
            self._questions.add(task)
            task.add_done_callback(self._questions.discard)


def refusal(error: Exception) -> tuple[int, str] | None:
    """The close code and reason that an exception means, None if it is an error and no refusal.

    PermissionError, and what FastAPI's users raise: WebSocketException(code, reason), HTTPException(401 or 403). Not
    the operating system's PermissionError, which is a failure and names a file.
    """
    if isinstance(error, PermissionError):
        return (4403, str(error)) if error.errno is None else None
    code = getattr(error, "code", None)
    if isinstance(code, int) and (3000 <= code <= 4999 or code == 1008):
        return (code if code != 1008 else 4403), str(getattr(error, "reason", "") or "")
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        return 4000 + int(status), str(getattr(error, "detail", "") or "")
    return None


def objected(runtime: Runtime, conn: int, action: str, id: bytes, error: Exception) -> bool:
    """Answers a message whose handler raised what is the client's business; False if it is an error of the handler."""
    if isinstance(error, BadRequest):
        runtime.reply(conn, action, id, str(error), "bad_request")
        return True
    meant = refusal(error)
    if meant is not None:
        runtime.reply(conn, action, id, meant[1] or "this is not allowed", "forbidden")
        return True
    status, detail = getattr(error, "status_code", None), getattr(error, "detail", None)
    if isinstance(status, int) and 400 <= status < 500:  # an HTTPException
        runtime.reply(conn, action, id, detail if isinstance(detail, str) else "bad request", "bad_request")
        return True
    return False


def decision(value: Any) -> dict[str, Any]:
    """The keywords of Runtime.authenticated() for what an authenticate handler has returned."""
    if value is True:
        return {}
    if not isinstance(value, Mapping):
        if isinstance(value, (str, int)) or type(value).__name__ == "UUID":
            return {"user_id": str(value)}
        raise TypeError(
            "an authenticate handler must return a user id, a dict (user_id, session_id, rooms, subscribe, publish), True or "
            f"None, not {type(value).__name__}"
        )
    unknown = set(value) - {"user_id", "session_id", "rooms", "subscribe", "publish"}
    if unknown:
        raise TypeError(
            f"an authenticate handler returned a dict with {sorted(unknown)!r}; "
            "it may have user_id, session_id, rooms, subscribe, publish"
        )
    return {
        "user_id": "" if value.get("user_id") is None else str(value["user_id"]),
        "session_id": "" if value.get("session_id") is None else str(value["session_id"]),
        "rooms": listed(value.get("rooms")),
        "subscribe": listed(value.get("subscribe")),
        "publish": listed(value.get("publish")),
    }


def listed(rooms: Any) -> list[str]:
    """One room, several, or None."""
    if isinstance(rooms, Mapping):
        raise TypeError(f"rooms must be a name or several, not {type(rooms).__name__}")
    return [rooms] if isinstance(rooms, str) else list(rooms or ())


def parse(data: bytes) -> Any:
    """A text message: what its JSON says if it is an object or an array, else the text."""
    if data[:1] in (b"{", b"["):
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            pass
    return data.decode(errors="replace")


def command_data(data: bytes) -> Any:
    """What a command carries: its `data` if that is all it has, else its fields without `action` and `id`."""
    fields: dict[str, Any] = orjson.loads(data)
    fields.pop("action", None)
    fields.pop("id", None)
    return fields["data"] if fields.keys() == {"data"} else fields
