"""Takes the runtime's events on an event loop of the host and calls whom they concern.

The loop is the one that runs while lifespan() or start() is called; where there is none, or when it has closed, a
daemon thread has one of its own. Events are handled in order; a long run of them is interrupted now and then so that
the loop's other work goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections import deque
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from . import _core
from ._chain import STOP_GRACE
from ._connection import Connection
from ._handlers import Handlers
from ._look import say, warn
from ._questions import Questions
from ._receipt import complete, complete_report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._core import Runtime
    from ._offers import Manager
    from ._types import ConnSink

logger = logging.getLogger("ws_manager")

BATCH = 200
"""Events that are handled before the loop's other work gets a turn."""

STATES_MAX = 65536
"""States that wait for the first handler of their connection."""

LEVELS = {
    1: logging.DEBUG,
    2: logging.INFO,
    3: logging.INFO,
    4: logging.WARNING,
    5: logging.ERROR,
    6: logging.CRITICAL,
}


class Dispatcher:
    """The host's side of one runtime's event queue."""

    def __init__(self, manager: Manager, handlers: Handlers, runtime: Runtime) -> None:
        self.pid = os.getpid()
        self._manager = manager
        self._handlers = handlers
        self._runtime = runtime
        self._lock = threading.Lock()  # of the attachment and of _sinks
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._guard: asyncio.Task[None] | None = None
        self._queue: deque[tuple[Any, ...]] = deque()
        self._scheduled = False
        self._open = True
        self._sinks: dict[int, ConnSink] = {}
        self.questions = Questions()
        self._states: dict[int, Mapping[str, Any]] = {}  # of connections that no handler has seen yet
        self._known: dict[int, Connection] = {}
        self._seen: WeakValueDictionary[int, Connection] = WeakValueDictionary()
        self._kinds: dict[int, Callable[..., None]] = {
            _core.EVENT_CONNECT: self._on_connect,
            _core.EVENT_DISCONNECT: self._on_disconnect,
            _core.EVENT_MESSAGE: self._on_message,
            _core.EVENT_COMMAND: self._on_command,
            _core.EVENT_AUTHENTICATE: self._on_authenticate,
            _core.EVENT_AUTHORIZE: self._on_authorize,
            _core.EVENT_LOG: self._on_log,
            _core.EVENT_BRIDGE_SEND: self._on_bridge_send,
            _core.EVENT_CLOSED: self._on_closed,
        }

    # ---- where events are taken ----

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop that handlers run on."""
        return self._loop

    def ensure(self) -> None:
        """Makes sure that a loop takes the events: the one that has them, the running one, or a thread's."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            return
        try:
            self.attach(asyncio.get_running_loop())
        except RuntimeError:
            self._start_thread()

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Takes events on `loop`, which is the running one, from now on."""
        with self._lock:
            if self._loop is loop or not self._open:
                return
            self._detach()
            self._take_over(loop)
            self._guard = loop.create_task(self._guard_loop(loop), name="ws_manager-events")
            # A loop that is closed without ending its tasks is no error; see _guard_loop().
            self._guard._log_destroy_pending = False  # type: ignore[attr-defined]

    def close(self) -> None:
        """Takes what has come, and no more. The runtime has been stopped."""
        with self._lock:
            self._open = False
            loop, thread = self._loop, self._thread
            running = asyncio._get_running_loop()
        if loop is running or loop is None or loop.is_closed():
            self._drain_all()
        else:
            drained = threading.Event()
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._drain_and_tell, drained)
                if drained.wait(1.0) and self._handlers.busy:
                    self._wait_for_handlers(loop)
        with self._lock:
            self._detach()
        for sink in list(self._sinks.values()):
            self._to_sink(sink, sink.closed, 1006, "the runtime has stopped")
        self._sinks.clear()
        self.questions.close()
        if thread is not None and thread is not threading.current_thread():
            thread.join(1.0)

    def _wait_for_handlers(self, loop: asyncio.AbstractEventLoop) -> None:
        """On another thread than the loop's: on_disconnect handlers, and those before them, are to have their turn."""
        finished = asyncio.run_coroutine_threadsafe(self._handlers.finish(), loop)
        with contextlib.suppress(TimeoutError):
            finished.result(2 * STOP_GRACE + 1.0)

    def call(self, call: Callable[..., None], *args: Any) -> None:
        """Calls on the loop that takes the events; here and now if there is none, or it is the running one."""
        loop = self._loop
        if loop is None or loop is asyncio._get_running_loop():
            call(*args)
            return
        with contextlib.suppress(RuntimeError):  # It has closed; the next one calls Handlers.moved().
            loop.call_soon_threadsafe(call, *args)

    def reopen(self) -> None:
        """After close(): the runtime is about to start again."""
        with self._lock:
            self._open = True

    def _take_over(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        loop.add_reader(self._runtime.event_fd, self._on_readable, loop)
        if self._queue and not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._work)
        if self._handlers.busy:
            loop.call_soon(self._handlers.moved)

    def _detach(self) -> None:
        """Leaves the present loop; a thread's loop ends. Under the lock, on any thread."""
        loop, self._loop = self._loop, None
        thread, self._thread = self._thread, None
        guard, self._guard = self._guard, None
        self._scheduled = False
        if loop is None or loop.is_closed():
            return
        if loop is asyncio._get_running_loop():
            loop.remove_reader(self._runtime.event_fd)
            if guard is not None:
                guard.cancel()
            return
        with contextlib.suppress(RuntimeError):  # It may close in this very moment.
            if thread is not None:
                loop.call_soon_threadsafe(loop.stop)
            else:
                loop.call_soon_threadsafe(loop.remove_reader, self._runtime.event_fd)
                if guard is not None:
                    loop.call_soon_threadsafe(guard.cancel)
        if thread is not None and thread is not threading.current_thread():
            thread.join(1.0)

    async def _guard_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ends with its loop, by cancellation or by being collected; the thread takes over then."""
        try:
            await asyncio.Event().wait()
        finally:
            if self._loop is loop and self._open:
                with self._lock:
                    self._loop = self._guard = None
                    self._scheduled = False
                if not loop.is_closed():
                    loop.remove_reader(self._runtime.event_fd)
                if self._runtime.running:
                    self._start_thread()

    def _start_thread(self) -> None:
        with self._lock:
            if not self._open or (self._loop is not None and not self._loop.is_closed()):
                return
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=self._run_thread, args=(loop,), name="ws_manager-events", daemon=True)
            self._thread = thread
            self._scheduled = False
            self._take_over(loop)
            try:
                thread.start()
            except RuntimeError:  # The interpreter is ending.
                self._loop = self._thread = None
                loop.close()

    def _run_thread(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            while True:
                try:
                    loop.run_forever()
                    break
                except (SystemExit, KeyboardInterrupt):
                    # Only the main thread can end the process; the events of others must go on.
                    logger.exception("a handler tried to end the process from the thread of the events")
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            if tasks:  # Not gather(): it asks the policy for a loop, and the policy may be another one by now.
                loop.run_until_complete(asyncio.wait(tasks))
        finally:
            loop.close()

    # ---- taking ----

    def _on_readable(self, loop: asyncio.AbstractEventLoop) -> None:
        # While some are still to be handled, the others wait in the runtime, which bounds them (max_events).
        if self._loop is not loop or self._queue:
            return
        self._queue.extend(self._runtime.take_events())
        if not self._scheduled:
            self._work()

    def _work(self) -> None:
        """Handles a batch; the rest comes in the loop's next turn, also if a handler raises SystemExit."""
        self._scheduled = False
        queue = self._queue
        try:
            for _ in range(BATCH):
                if not queue:
                    return
                self._handle(queue.popleft())
        finally:
            loop = self._loop
            if queue and loop is not None and not loop.is_closed():
                self._scheduled = True
                loop.call_soon(self._work)

    def _drain_all(self) -> None:
        self._queue.extend(self._runtime.take_events())
        while self._queue:
            self._handle(self._queue.popleft())

    def _drain_and_tell(self, drained: threading.Event) -> None:
        try:
            self._drain_all()
        finally:
            drained.set()

    def _handle(self, event: tuple[Any, ...]) -> None:
        kind = event[0]
        if kind == _core.EVENT_RECEIPT:
            if event[7] is not None:
                complete(event[7])
            return
        if kind == _core.EVENT_REPORT:
            complete_report(event[7])
            return
        if kind == _core.EVENT_ANSWER:
            self.questions.answered(event[2], (event[4], event[8], event[9]))
            return
        try:
            self._kinds[kind](event)
        except Exception:
            # Nothing that a handler does may stop the events of others.
            logger.exception("an event of kind %d could not be handled", kind)

    # ---- events ----

    def _connection(self, info: Any) -> Connection:
        conn = info.conn
        connection = self._known.get(conn) or self._seen.get(conn)
        if connection is None:
            with self._lock:
                state = self._states.get(conn)
            connection = self._seen[conn] = Connection(self._manager, info, state)
        return connection

    def _on_connect(self, event: tuple[Any, ...]) -> None:
        connection = self._connection(event[6])
        self._known[connection.conn] = connection
        self.keep_state(connection.conn, None)
        self._handlers.connect(connection)

    def _on_disconnect(self, event: tuple[Any, ...]) -> None:
        connection = self._connection(event[6])
        self._known.pop(connection.conn, None)
        self._handlers.disconnect(connection, event[4], event[8])

    def _on_message(self, event: tuple[Any, ...]) -> None:
        self._handlers.message(self._runtime, self._connection(event[6]), event[9], event[5], event[10])

    def _on_command(self, event: tuple[Any, ...]) -> None:
        self._handlers.command(self._runtime, self._connection(event[6]), event[8], event[9], event[10])

    def _on_authenticate(self, event: tuple[Any, ...]) -> None:
        def keep(state: Mapping[str, Any] | None) -> None:
            if event[1]:  # else it is about a REST call, of which no Connection is made
                self.keep_state(event[1], state)

        self._handlers.authenticate(self._runtime, event[2], event[9], keep)

    def _on_authorize(self, event: tuple[Any, ...]) -> None:
        room = event[9].decode(errors="replace")
        self._handlers.authorize(self._runtime, event[2], self._connection(event[6]), event[8], room)

    def _on_log(self, event: tuple[Any, ...]) -> None:
        level = LEVELS.get(event[3], logging.INFO)
        if level == logging.INFO:
            say("ws_manager: %s", event[8])
        else:
            warn("%s", event[8], level=level)

    # ---- connections whose sockets came from the host's server ----

    def open(self, sink: ConnSink | None, call: Callable[[], int], state: Mapping[str, Any] | None = None) -> int:
        """Makes the call that opens a connection, and registers sink and state before its events are looked at."""
        self.ensure()
        if sink is None:
            return call()
        with self._lock:
            conn = call()
            self._sinks[conn] = sink
            if state and self._handlers.wanted() & _core.WANT_CONNECT:
                self._states[conn] = state
        return conn

    def keep_state(self, conn: int, state: Mapping[str, Any] | None) -> None:
        """For the Connection of that number, once a handler gets it; None: not any more."""
        with self._lock:
            self._states.pop(conn, None)
            if state and self._handlers.wanted() & _core.WANT_CONNECT:
                self._states[conn] = state
                # One that was refused after all is not heard of again.
                while len(self._states) > STATES_MAX:
                    del self._states[next(iter(self._states))]

    def _on_bridge_send(self, event: tuple[Any, ...]) -> None:
        with self._lock:
            sink = self._sinks.get(event[1])
        if sink is not None:
            self._to_sink(sink, sink.send, event[9], event[5])

    def _on_closed(self, event: tuple[Any, ...]) -> None:
        with self._lock:
            sink = self._sinks.pop(event[1], None)
            self._states.pop(event[1], None)
        if sink is not None:
            self._to_sink(sink, sink.closed, event[4], event[8])

    def _to_sink(self, sink: ConnSink, call: Callable[..., None], *args: Any) -> None:
        if sink.loop is asyncio._get_running_loop():
            call(*args)
            return
        with contextlib.suppress(RuntimeError):  # Its loop has closed: the server is gone, and so is the socket.
            sink.loop.call_soon_threadsafe(call, *args)
