"""The application's handlers: who is called for what, and what becomes of results and exceptions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from . import _core
from ._chain import LAST, STOP_GRACE, Call, Chain, quietly, size_of, start
from ._connection import Connection, Request
from ._encode import PLAIN
from ._outcomes import NOBODY, Authentication, Authorization, Command, Identification, Keep, Message, Outcome

if TYPE_CHECKING:
    from ._core import Runtime
    from ._types import Handler

logger = logging.getLogger("ws_manager")


class Registered(NamedTuple):
    """A handler as it was registered."""

    handler: Handler
    concurrent: bool = False
    text: bool = False  # of on_message: no JSON is made of what it gets


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
        for registered in self.on_connect:
            self._in_turn(connection, "on_connect", registered, (connection,), NOBODY)

    def disconnect(self, connection: Connection, code: int, reason: str) -> None:
        chain = self._chains.get(connection.conn)
        if chain is not None:
            chain.end_within(self.timeout)
        for registered in self.on_disconnect:
            self._in_turn(connection, LAST, registered, (connection, code, reason), NOBODY)

    def message(self, runtime: Runtime, connection: Connection, data: bytes, binary: bool, id: bytes) -> None:
        size = size_of(len(data))
        if self._chains and self._is_too_much(runtime, connection, "", id, size):
            return
        outcome = Message(runtime, connection.conn, "", id)
        value = data if binary else parse(data)
        for registered in self.on_message:
            said = data.decode(errors="replace") if registered.text and not binary else value
            self._in_turn(connection, "on_message", registered, (connection, said), outcome, size)

    def command(self, runtime: Runtime, connection: Connection, action: str, data: bytes, id: bytes) -> None:
        size = size_of(len(data))
        if self._chains and self._is_too_much(runtime, connection, action, id, size):
            return
        registered = self.commands.get(action)
        if registered is None:  # It was removed while the command was on its way.
            runtime.reply(connection.conn, action, id, "there is no handler for this action any more", "unknown_action")
            return
        outcome = Command(runtime, connection.conn, action, id, self.encoder)
        self._in_turn(connection, action, registered, (connection, command_data(data)), outcome, size)

    def _in_turn(
        self,
        connection: Connection,
        what: str,
        registered: Registered,
        args: tuple[Any, ...],
        outcome: Outcome,
        size: int = 0,
    ) -> None:
        """Calls a handler once those before it, of the same client, have ended."""
        conn = connection.conn
        chain = self._chains.get(conn)
        if chain is not None:
            chain.add(Call(what, registered.handler, args, outcome, size, registered.concurrent))
            return
        task = start(what, registered.handler, args, outcome)
        if task is not None:
            chain = Chain(connection.client_id, self.on_loop, lambda: self._chains.pop(conn, None))
            self._chains[conn] = chain
            chain.hold(Call(what, registered.handler, args, outcome, size, registered.concurrent), task)

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

    def authenticate(self, runtime: Runtime, ticket: int, data: bytes, keep: Keep) -> None:
        """A client of a socket wants to come in. keep: what is to become its connection.state."""
        request = Request(orjson.loads(data))
        self._identify(request, Authentication(request, runtime, ticket, keep, self.encoder))

    async def identify(self, data: bytes) -> dict[str, Any]:
        """Who makes a call over HTTP, in keywords of Runtime.rest()."""
        request = Request(orjson.loads(data))
        answered: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._identify(request, Identification(request, answered))
        return await answered

    def _identify(self, request: Request, outcome: Outcome) -> None:
        if self.authenticator is None:
            outcome.failed()
        else:
            self._ask("authenticate", self.authenticator, (request,), outcome)

    def authorize(self, runtime: Runtime, ticket: int, connection: Connection, action: str, room: str) -> None:
        outcome = Authorization(runtime, ticket)
        if self.authorizer is None:
            outcome.failed()
        else:
            self._ask("authorize", self.authorizer, (connection, action, room), outcome)

    def _ask(self, what: str, handler: Handler, args: tuple[Any, ...], outcome: Outcome) -> None:
        task = start(what, handler, args, outcome)
        if task is not None:
            self._questions.add(task)
            task.add_done_callback(self._questions.discard)


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
