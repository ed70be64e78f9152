"""The life of a manager's runtime: what it is made of, when it starts and stops, and what a fork leaves of it."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import threading
import weakref
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import orjson

from . import _config, _processes
from ._core import NotFound, NotRunning, Runtime, WsManagerError
from ._dispatch import Dispatcher
from ._handlers import Handlers
from ._labels import UNKNOWN_PATH
from ._look import look, tell_endpoints, warn_own_port
from ._sending import Sending

if TYPE_CHECKING:
    from ._core import Receipt
    from ._offers import Manager
    from ._types import ConnSink

logger = logging.getLogger("ws_manager")

EXIT_DEADLINE = 0.5
"""Seconds that a stop may take at the end of an interpreter that has not stopped its manager."""

_alive: weakref.WeakSet[Life] = weakref.WeakSet()


class Life(Sending):
    """The part of a manager that has the runtime. Those that ask it, or change it, derive from this one."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._config: dict[str, object] = {}
        self._handlers = Handlers()
        self._endpoints: dict[str, dict[str, Any] | None] = {}
        self._rooms: dict[str, dict[str, str]] = {}
        self._app: object = None  # which the lifespan was called for
        self._checked_by: str | None = None
        self._reset()
        _alive.add(self)

    def _reset(self) -> None:
        """The state in which no runtime exists."""
        self._runtime: Runtime | None = None
        self._dispatcher: Dispatcher | None = None
        self._inherited = False  # this process is a fork of one whose runtime ran
        self._stopped = False  # on purpose: only start(), lifespan() and another life of the application start it again
        self._ended_on: asyncio.AbstractEventLoop | None = None  # the loop of the lifespan that has stopped it
        self._unsent = 0  # messages since then
        self._lifespans = 0
        self._publish = self._publish_first

    def _make(self, texts: dict[str, str]) -> Runtime:
        """A runtime with our endpoints and handlers, in place of the one before. Under the lock."""
        runtime = Runtime(texts)
        for path, endpoint in self._endpoints.items():
            if endpoint is not None:
                runtime.endpoint_set(path, **endpoint)
            else:
                with contextlib.suppress(NotFound):
                    runtime.endpoint_remove(path)
        for pattern, rule in self._rooms.items():
            for setting, value in rule.items():
                runtime.room_rule_set(pattern, setting, value)
        if self._runtime is not None:
            for row in orjson.loads(self._runtime.revocations()):
                runtime.revoke(row.get("jti", ""), row.get("user_id", ""), row.get("before", 0), row["until"])
        for action in self._handlers.commands:
            runtime.command_add(action)
        runtime.want(self._handlers.wanted())
        if self._checked_by is not None:
            runtime.access_checked(self._checked_by)
        dispatcher = Dispatcher(self._whole, self._handlers, runtime)
        self._handlers.serve(runtime, dispatcher.call)
        runtime.host = dispatcher
        self._runtime, self._dispatcher = runtime, dispatcher
        return runtime

    @property
    def _whole(self) -> Manager:
        """This object as the other modules see it: what derives from this class has the rest of it."""
        return cast("Manager", self)

    def _any_runtime(self) -> Runtime:
        """The runtime, made if need be but not started."""
        with self._lock:
            return self._runtime or self._make(_config.texts(self._config))

    # ---- start and stop ----

    @property
    def running(self) -> bool:
        """Whether the runtime runs."""
        return self._runtime is not None and self._runtime.running

    @property
    def port(self) -> int:
        """The port of its own that it listens on, 0 when it has none."""
        return self._runtime.port if self._runtime is not None else 0

    def start(self) -> None:
        """Starts the runtime; nothing happens if it runs. Handlers run on the event loop that is running here, if any.

        AddressInUse, SystemCallFailed, ConfigError.
        """
        with self._lock:
            self._stopped = self._inherited = False
            self._ended_on = None
            self._start(_config.texts(self._config))

    def _start(self, texts: dict[str, str]) -> Runtime:
        """Starts the runtime and takes its events. Under the lock."""
        runtime = self._runtime or self._make(texts)
        dispatcher = cast("Dispatcher", self._dispatcher)
        dispatcher.reopen()
        runtime.start()
        _processes.warn_server()
        try:
            dispatcher.attach(asyncio.get_running_loop())
        except RuntimeError:
            dispatcher.ensure()
        self._publish = runtime.publish
        return runtime

    def reload_tls(self) -> None:
        """Reads tls_cert and tls_key again, while the runtime runs.

        Connections that come from now on get the new certificate; those that are there go on. ConfigError if something
        is wrong with the files, and the old certificate stays in force.
        """
        with self._lock:
            runtime = self._any_runtime()
        runtime.reload_tls()

    @property
    def draining(self) -> bool:
        """Whether new connections are refused: after drain(), or while it stops."""
        return self._runtime is not None and self._runtime.draining

    def drain(self) -> None:
        """Refuses new connections from now on, with 503 and Retry-After; those that are there stay until stop().

        GET /api/ws/health answers 503 then, so that a load balancer sends new clients elsewhere. start() ends it.
        Nothing happens if the runtime does not run.
        """
        runtime = self._runtime
        if runtime is not None:
            with contextlib.suppress(NotRunning):
                runtime.drain()

    def stop(self, deadline: float | None = None) -> None:
        """Closes every connection with 1001, in waves, each with a hint when to come back, and ends the thread.

        deadline: seconds that it may take at most; None: drain_time and close_timeout together. A few clients that
        answer are gone in milliseconds. What was sent before is still delivered. Called again meanwhile, it may only
        become sooner. Blocks; inside an event loop use lifespan() or asyncio.to_thread().
        """
        with self._lock:
            runtime, dispatcher = self._runtime, self._dispatcher
            self._stopped = True
            if runtime is None:
                return
            self._publish = self._publish_stopped
        if deadline is None:
            runtime.stop()
        else:
            runtime.stop(max(0, int(deadline * 1000)))
        if dispatcher is not None:
            dispatcher.close()

    def _conn_drain(self, conn: int) -> None:
        """Closes an adopted or bridged connection as stop() would, in its turn. NotRunning."""
        if self._runtime is None:
            raise NotRunning("the runtime does not run")
        self._runtime.conn_drain(conn)

    @contextlib.asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:
        """Starts the runtime and stops it: FastAPI(lifespan=ws_manager.lifespan), or inside one of your own.
        app: the application, whose routes are looked at first (docs/access.md).

        Example:
            @asynccontextmanager
            async def lifespan(app):
                async with ws_manager.lifespan(app):
                    yield
        """
        found = tell_endpoints(look(app, self._whole))
        with self._lock:
            self._app = app
            self.start()
            self._lifespans += 1
        warn_own_port(found, self.port, self._runtime.access() if self._runtime is not None else "")
        try:
            yield
        finally:
            with self._lock:
                self._lifespans -= 1
                last = self._lifespans == 0
            if last:
                # In another thread: handlers and bridged connections need the loop until the end.
                loop = asyncio.get_running_loop()
                await asyncio.shield(loop.run_in_executor(None, self.stop))
                self._ended_on = loop

    def _ready(self) -> Runtime:
        """The runtime, running and with its events being taken. NotRunning after stop()."""
        runtime, dispatcher = self._runtime, self._dispatcher
        if runtime is not None and dispatcher is not None and runtime.running:
            dispatcher.ensure()
            return runtime
        with self._lock:
            if self._stopped and self._lives_again(asyncio._get_running_loop()):
                self._stopped = False
                self._ended_on = None
            if self._stopped:
                raise NotRunning("the runtime was stopped; start() or lifespan() starts it again")
            texts = _config.texts(self._config)
            if self._inherited:
                texts["port"] = ""  # The parent process has it.
            return self._start(texts)

    def _lives_again(self, running: asyncio.AbstractEventLoop | None) -> bool:
        """Whether the application is used again after its lifespan, without one: a TestClient outside of `with`.

        That has a loop of its own for each request. A server that ends has none but the one of the lifespan.
        """
        ended = self._ended_on
        return ended is not None and (ended.is_closed() or (running is not None and running is not ended))

    def _publish_first(self, *args: Any) -> Receipt:
        """Stands for Runtime.publish until there is a runtime that runs."""
        _processes.warn_sender()
        return self._ready().publish(*args)

    def _publish_stopped(self, *args: Any) -> Receipt:
        """Stands for it after stop(): the receipt says NotRunning, and the log says it once."""
        running = asyncio._get_running_loop()
        if running is not None and self._lives_again(running):  # Threads that go on sending at the end must not do it.
            return self._ready().publish(*args)
        self._unsent += 1
        if self._unsent == 1:
            logger.warning("a message was sent after the runtime had stopped: it and all that follow are dropped")
        return cast("Runtime", self._runtime).publish(*args)

    def _forked(self) -> None:
        """In a child process: what was inherited is dead. The first call makes a fresh runtime."""
        ran = self._runtime is not None and self._runtime_ran()
        self._lock = threading.RLock()
        self._handlers.forget()
        self._reset()
        if ran:
            self._inherited = True
            self._publish = self._publish_forked

    def _runtime_ran(self) -> bool:
        # A bound method of the runtime stands here from its start on.
        return self._publish not in (self._publish_first, self._publish_forked)

    def _publish_forked(self, *args: Any) -> Receipt:
        logger.warning(
            "process %d was forked from one whose ws_manager ran: it gets a runtime of its own, without the parent's "
            "clients and port",
            os.getpid(),
        )
        self._publish = self._publish_first
        return self._publish_first(*args)

    def _serves(self, path: str) -> bool:
        """Whether a path belongs to an endpoint, wherever the application has put it."""
        return self._any_runtime().match(path)

    def _label(self, path: str) -> str:
        """A path of an endpoint as it may stand in a log: without what may be a token."""
        return self._any_runtime().label(path) or UNKNOWN_PATH

    def _hides_paths(self) -> bool:
        """Whether something in a path may be a token: tokens are checked, or a handler reads what it likes."""
        try:
            return self._asks or self._any_runtime().takes_tokens
        except WsManagerError:  # No runtime can be made of the configuration; who wants one hears why.
            return True

    def _option(self, name: str) -> str:
        """What an option is, as text: as configured, else as the environment says, else the default."""
        return self._any_runtime().option(name)

    def _retry_after(self) -> str:
        """For the field of that name beside 503; "" where no runtime can be made: later is no better then."""
        try:
            return str(self._any_runtime().retry_after())
        except WsManagerError:
            return ""

    async def _move(self, joins: bool, conn: int, room: str) -> None:
        """Connection.ajoin() and aleave()."""
        runtime = self._ready()
        await runtime.host.questions.move(runtime, joins, conn, room)

    def _access(self) -> str:
        """Whether rooms need a grant, as Runtime.access() describes it."""
        return self._any_runtime().access()

    @property
    def _asks(self) -> bool:
        """Whether there is an authenticate handler."""
        return self._handlers.authenticator is not None

    async def _identify(self, question: bytes) -> dict[str, Any]:
        """Who makes a call over HTTP, by the authenticate handler, in keywords of Runtime.rest()."""
        return await self._handlers.identify(question)

    def _checked(self, by: str) -> None:
        """The application decides by itself who comes in: rooms need a grant (docs/access.md)."""
        if self._checked_by is not None:
            return
        with self._lock:
            self._checked_by = by
            if self._runtime is not None:
                self._runtime.access_checked(by)

    def _adopt(self, fd: int, request: bytes, sink: ConnSink | None, **admission: Any) -> int:
        runtime, state = self._ready(), admission.pop("state", None)
        dispatcher = cast("Dispatcher", self._dispatcher)
        return dispatcher.open(sink, lambda: runtime.adopt(fd, request, **admission), state)

    def _bridge_open(
        self, path: str, query: str, ip: str, headers: Sequence[tuple[str, str]], sink: ConnSink, **admission: Any
    ) -> int:
        runtime, state = self._ready(), admission.pop("state", None)
        dispatcher = cast("Dispatcher", self._dispatcher)
        return dispatcher.open(sink, lambda: runtime.bridge_open(path, query, ip, headers, **admission), state)


def _after_fork_in_child() -> None:
    for manager in list(_alive):
        manager._forked()


def _at_exit() -> None:
    for manager in list(_alive):
        try:
            manager.stop(EXIT_DEADLINE)
        except WsManagerError as error:
            logger.debug("at exit: %s", error)


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_at_exit)
