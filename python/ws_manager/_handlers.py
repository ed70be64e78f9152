"""The application's handlers: who is called for what, and what becomes of results and exceptions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from . import _core
from ._connection import Connection, Request
from ._core import Receipt
from ._encode import dumps

if TYPE_CHECKING:
    from ._core import Runtime
    from ._types import Handler

logger = logging.getLogger("ws_manager")

INTERNAL_ERROR = 1011
"""Close code where a handler failed that had to decide (RFC 6455, 7.4.1)."""


class Handlers:
    """All handlers of one manager. Called on the dispatcher's loop."""

    def __init__(self) -> None:
        self.on_connect: list[Handler] = []
        self.on_disconnect: list[Handler] = []
        self.on_message: list[Handler] = []
        self.commands: dict[str, Handler] = {}
        self.authenticator: Handler | None = None
        self.authorizer: Handler | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

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

    def connect(self, connection: Connection) -> None:
        for handler in self.on_connect:
            self._run("on_connect", handler, connection)

    def disconnect(self, connection: Connection, code: int, reason: str) -> None:
        for handler in self.on_disconnect:
            self._run("on_disconnect", handler, connection, code, reason)

    def message(self, connection: Connection, data: bytes, binary: bool) -> None:
        value = data if binary else parse(data)
        for handler in self.on_message:
            self._run(
                "on_message", handler, connection, value, failed=lambda: connection.send(error_message("internal"))
            )

    def command(self, runtime: Runtime, connection: Connection, action: str, data: bytes, id: bytes) -> None:
        conn = connection.conn

        def failed() -> None:
            runtime.reply(conn, action, id, "the handler of this command failed", "internal")

        def answer(value: Any) -> None:
            runtime.reply(conn, action, id, dumps(value, f"the result of the command {action!r}"))

        handler = self.commands.get(action)
        if handler is None:  # It was removed while the command was on its way.
            runtime.reply(conn, action, id, "there is no handler for this action any more", "unknown_action")
            return
        self._run(f"the command {action!r}", handler, connection, command_data(data), done=answer, failed=failed)

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

        if self.authenticator is None:
            failed()
            return
        request = Request(orjson.loads(data))
        self._run("authenticate", self.authenticator, request, done=answer, failed=failed, refused=refuse)

    def authorize(self, runtime: Runtime, ticket: int, connection: Connection, action: str, room: str) -> None:
        def refuse(*_: object) -> None:
            runtime.authorized(ticket, False)

        def answer(value: Any) -> None:
            runtime.authorized(ticket, bool(value))

        if self.authorizer is None:
            refuse()
            return
        self._run("authorize", self.authorizer, connection, action, room, done=answer, failed=refuse, refused=refuse)

    # ---- calling ----

    def _run(
        self,
        what: str,
        handler: Handler,
        *args: Any,
        done: Callable[[Any], None] | None = None,
        failed: Callable[[], Any] | None = None,
        refused: Callable[[int, str], None] | None = None,
    ) -> None:
        """Calls a handler. done: gets its result. failed: it raised. refused: it raised what means a refusal."""
        try:
            result = handler(*args)
            if isinstance(result, Awaitable) and not (done is None and isinstance(result, Receipt)):
                task = asyncio.ensure_future(self._finish(what, result, done, failed, refused))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            elif done is not None:
                done(result)
        except Exception as error:  # noqa: BLE001 - the application's code may raise whatever it likes: it ends here
            report(what, error, failed, refused)

    async def _finish(
        self,
        what: str,
        result: Awaitable[Any],
        done: Callable[[Any], None] | None,
        failed: Callable[[], Any] | None,
        refused: Callable[[int, str], None] | None,
    ) -> None:
        try:
            value = await result
            if done is not None:
                done(value)
        except asyncio.CancelledError:
            if failed is not None:
                quietly(failed)
            raise
        except Exception as error:  # noqa: BLE001 - as above
            report(what, error, failed, refused)


def report(
    what: str,
    error: Exception,
    failed: Callable[[], Any] | None,
    refused: Callable[[int, str], None] | None,
) -> None:
    """What becomes of an exception: a refusal where it means one, else a log entry and the answer `internal`."""
    meant = refusal(error) if refused is not None else None
    if refused is not None and meant is not None:
        quietly(refused, *meant)
        return
    logger.error("%s: the handler raised %s", what, type(error).__name__, exc_info=error)
    if failed is not None:
        quietly(failed)


def quietly(call: Callable[..., Any], *args: Any) -> None:
    """An answer to somebody who may have gone, of a runtime that may have stopped."""
    try:
        call(*args)
    except _core.WsManagerError as error:
        logger.debug("an answer could not be given: %s", error)


def refusal(error: Exception) -> tuple[int, str] | None:
    """The close code and reason that an exception means, None if it is an error and no refusal.

    PermissionError, and what FastAPI's users raise: WebSocketException(code, reason), HTTPException(401 or 403).
    """
    if isinstance(error, PermissionError):
        return 4403, str(error)
    code = getattr(error, "code", None)
    if isinstance(code, int) and (3000 <= code <= 4999 or code == 1008):
        return (code if code != 1008 else 4403), str(getattr(error, "reason", "") or "")
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        return 4000 + int(status), str(getattr(error, "detail", "") or "")
    return None


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


def error_message(code: str) -> dict[str, Any]:
    return {"type": "error", "data": {"code": code, "message": "the server failed to handle this message"}}
