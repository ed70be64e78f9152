"""What one client's handlers have to do: one thing after the other, in the order in which it came.

A chain exists only while something of its client is in hand: a handler that does not wait is called where its event is
taken, and leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ._core import InvalidRoom, NotFound, Receipt, Refused, WsManagerError
from ._labels import visible
from ._logging import Limiter

if TYPE_CHECKING:
    from ._outcomes import Outcome
    from ._types import Handler

logger = logging.getLogger("ws_manager")

STOP_GRACE = 1.0
"""Seconds that handlers have when the runtime has stopped."""


LAST = "on_disconnect"
"""What is neither dropped nor cancelled."""

SIZE_UNIT = 1024
"""Bytes of a message that count as a further one towards max_handler_queue."""


def size_of(length: int) -> int:
    """What a message of so many bytes counts for."""
    return 1 + length // SIZE_UNIT


class Call:
    """One call of a handler that waits or is in hand."""

    __slots__ = ("args", "concurrent", "handler", "outcome", "size", "what")

    def __init__(
        self, what: str, handler: Handler, args: tuple[Any, ...], outcome: Outcome, size: int, concurrent: bool
    ) -> None:
        self.what = what
        self.handler = handler
        self.args = args
        self.outcome = outcome
        self.size = size  # towards max_handler_queue
        self.concurrent = concurrent  # the next one does not wait for it

    @property
    def is_last(self) -> bool:
        """Whether it is of on_disconnect, and no command of that name."""
        return self.what == LAST and not self.outcome.answers

    def start(self) -> asyncio.Task[None] | None:
        """start()."""
        return start(self.what, self.handler, self.args, self.outcome)


def start(what: str, handler: Handler, args: tuple[Any, ...], outcome: Outcome) -> asyncio.Task[None] | None:
    """Calls a handler; the task that ends when it has ended, None if it has already.

    what: the name of the decorator, or of the command, for the log.
    """
    try:
        result = handler(*args)
        if isinstance(result, Awaitable) and (outcome.answers or not isinstance(result, Receipt)):
            return asyncio.ensure_future(_finish(what, result, outcome))
        outcome.done(result)
    except Exception as error:  # noqa: BLE001 - the application's code may raise whatever it likes: it ends here
        _report(what, error, outcome)
    return None


async def _finish(what: str, result: Awaitable[Any], outcome: Outcome) -> None:
    try:
        outcome.done(await result)
    except asyncio.CancelledError:
        quietly(outcome.failed)
        raise
    except Exception as error:  # noqa: BLE001 - as above
        _report(what, error, outcome)


def _report(what: str, error: Exception, outcome: Outcome) -> None:
    """A refusal where the exception means one, else a log entry and the answer `internal`."""
    ours = isinstance(error, BY_CLIENTS)
    if ours:
        more = _by_clients.due()
        if more is not None:
            logger.warning("%s: %s: %s%s", named(what), type(error).__name__, visible(error), more)
    if quietly(outcome.refused, error):
        return
    if ours:
        quietly(outcome.failed)
        return
    logger.error("%s: the handler raised %s", named(what), type(error).__name__, exc_info=error)
    quietly(outcome.failed)


def named(what: str) -> str:
    """on_connect … as they are; other names are commands."""
    return what if what in DECORATORS else f"the command {what!r}"


BY_CLIENTS = (InvalidRoom, NotFound, Refused)
"""What clients bring about in handlers that are as they should be: a name that is none, an end, one room too many.

A trace of it, for each of them, would help nobody.
"""

_by_clients = Limiter()

DECORATORS = frozenset(("on_connect", LAST, "on_message", "authenticate", "authorize"))


class Chain:
    """The calls of one client that are in hand or wait. Used on the dispatcher's loop only."""

    def __init__(self, client_id: str, on_loop: Callable[..., None], empty: Callable[[], object]) -> None:
        self.size = 0
        """What is in hand and waits, as max_handler_queue counts it."""
        self.overflowed = False
        self._client_id = client_id
        self._on_loop = on_loop
        self._empty = empty
        self._waiting: deque[Call] = deque()
        self._running: dict[asyncio.Task[None], Call] = {}
        self._head: asyncio.Task[None] | None = None  # whom the next one waits for
        self._timer: asyncio.TimerHandle | None = None

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """Of the handlers that are in hand."""
        return list(self._running)

    def add(self, call: Call) -> None:
        """Starts a call once those before it have ended."""
        self.size += call.size
        self._waiting.append(call)
        self._go_on()

    def hold(self, call: Call, task: asyncio.Task[None]) -> None:
        """Takes one that has started."""
        self.size += call.size
        self._watch(call, task)

    def _watch(self, call: Call, task: asyncio.Task[None]) -> None:
        self._running[task] = call
        if not call.concurrent:
            self._head = task
        task.add_done_callback(self._on_done)

    def _go_on(self) -> None:
        """Starts what may start, and says when nothing is left."""
        while self._waiting and self._head is None:
            call = self._waiting.popleft()
            try:
                task = call.start()
            except BaseException:  # SystemExit: the rest has its turn all the same.
                self.size -= call.size
                asyncio.get_running_loop().call_soon(self._go_on)
                raise
            if task is None:
                self.size -= call.size
            else:
                self._watch(call, task)
        if not self._running and not self._waiting:
            if self._timer is not None:
                self._timer.cancel()
            self._empty()

    def _on_done(self, task: asyncio.Task[None]) -> None:
        """On the task's loop, which may be one that the events have left."""
        self._on_loop(self._ended, task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        call = self._running.pop(task, None)
        if call is None:  # It was given up.
            return
        self.size -= call.size
        if task is self._head:
            self._head = None
        self._go_on()

    def moved(self) -> None:
        """The events are taken on another loop. Of tasks whose loop has closed nobody says any more that they end."""
        for task in self.tasks:
            if task.get_loop().is_closed():
                self._ended(task)

    # ---- the end of the connection ----

    def end_within(self, seconds: float) -> None:
        """The client has gone: what still goes on is cancelled after so long."""
        loop = asyncio._get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
        if loop is not None:
            self._timer = loop.call_later(seconds, self._expire, seconds)

    def _expire(self, seconds: float) -> None:
        """Cancels what runs and drops what waits, on_disconnect excepted."""
        waiting = len(self._waiting)
        self._waiting = deque(call for call in self._waiting if call.is_last)
        dropped = waiting - len(self._waiting)
        running = {task: call for task, call in self._running.items() if not call.is_last}
        if running or dropped:
            logger.warning(
                "client %s has gone: %s did not end within handler_timeout (%g s) and is cancelled; messages that "
                "were not handled any more: %d",
                self._client_id,
                ", ".join(named(call.what) for call in running.values()) or "nothing",
                seconds,
                dropped,
            )
        for task in running:
            task.cancel()
        if running:
            self._timer = asyncio.get_running_loop().call_later(max(seconds, 1.0), self._give_up, list(running))
        self._go_on()

    def _give_up(self, tasks: list[asyncio.Task[None]]) -> None:
        """Goes on without handlers that have kept the cancellation to themselves."""
        for task in tasks:
            call = self._running.get(task)
            if call is not None:
                logger.error("%s: the handler goes on although it was cancelled", named(call.what))
                self._ended(task)


def quietly(call: Callable[..., Any], *args: Any) -> Any:
    """An answer to somebody who may have gone, of a runtime that may have stopped: True then."""
    try:
        return call(*args)
    except WsManagerError as error:
        logger.debug("an answer could not be given: %s", error)
        return True
