"""WebSocketManager: a runtime, the application's handlers, and when it starts and stops.

For the package's own modules: _ready(), _serves(), _checked(), _adopt(), _bridge_open(), _conn_drain(), rest().
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import logging
import os
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

import orjson

from . import _config, _core, _processes
from ._core import ConfigError, NotFound, NotRunning, Runtime, WsManagerError
from ._dispatch import Dispatcher
from ._encode import PLAIN, Encoder
from ._handlers import Handlers, Registered
from ._look import look, tell_endpoints, warn_own_port
from ._outcomes import listed
from ._parameters import prepared, wants_text
from ._rest import Rest
from ._sending import ids
from ._types import Handler

if TYPE_CHECKING:
    from typing import Unpack

    from ._core import Receipt
    from ._options import Config
    from ._types import ConnSink

logger = logging.getLogger("ws_manager")

H = TypeVar("H", bound=Handler)

EXIT_DEADLINE = 0.5
"""Seconds that a stop may take at the end of an interpreter that has not stopped its manager."""

_managers: weakref.WeakSet[WebSocketManager] = weakref.WeakSet()


class WebSocketManager(Rest):
    """One runtime and everything that an application does with it.

    config: options by name, as docs/configuration.md lists them; None is unset. They come before the WEBSOCKET_…
    variables of the environment. ConfigError for what is no option or makes no sense.

    All calls may be made from any thread. The first call that needs the runtime starts it.
    """

    def __init__(self, **config: Unpack[Config]) -> None:
        self._lock = threading.RLock()
        self._config: dict[str, object] = {}
        self._handlers = Handlers()
        self._endpoints: dict[str, dict[str, Any] | None] = {}
        self._rooms: dict[str, dict[str, str]] = {}
        self._router: Any = None
        self._app: object = None  # which the lifespan was called for
        self._panel_is_behind_check = False
        self._checked_by: str | None = None
        self._reset()
        if config:
            self.configure(**config)
        _managers.add(self)

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

    # ---- configuration ----

    def configure(self, **config: Unpack[Config]) -> None:
        """Sets options, before the runtime starts. None unsets one. ConfigError.

        config: options by name: docs/configuration.md has them all, and so has the type Config. Besides:
        rooms: {pattern: settings}, each as a call of room().
        encoder: a function that gives something that can be encoded for values that JSON has no word for, and raises
        TypeError for those that it does not know, such as fastapi.encoders.jsonable_encoder.

        Example: ws_manager.configure(heartbeat_interval=15, allowed_origins=["https://app.example.com"])
        """
        with self._lock:
            if self._runtime is not None and self._runtime.running:
                raise ConfigError("configure() must be called before the runtime starts; it is running")
            changed: dict[str, object] = {**self._config, **config}
            rooms = changed.pop("rooms", None)
            encoder = _encoder(changed.pop("encoder", self._encoder))
            texts = _config.texts(changed)
            self._make(texts)
            for pattern, settings in _config.room_rules(rooms).items():
                self.room(pattern, **settings)
            self._config = changed
            self._encoder, self._default, self._handlers.encoder = encoder, encoder.default, encoder
        if self._router is not None and _config.takes_tokens(changed):
            from ._router import ENDPOINT_WITH_AUTH, add_endpoint

            add_endpoint(self._router, self, ENDPOINT_WITH_AUTH)

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
        dispatcher = Dispatcher(self, self._handlers, runtime)
        self._handlers.serve(runtime, dispatcher.call)
        runtime.host = dispatcher
        self._runtime, self._dispatcher = runtime, dispatcher
        return runtime

    def endpoint(
        self,
        path: str,
        rooms: str | Sequence[str] = (),
        greeting: str = "",
        heartbeat: str = "",
        firehose: bool = False,
        raw: bool = False,
    ) -> None:
        """Adds an endpoint, or replaces the one of the same path.

        path: `{name}` stands for one segment. rooms: what a connection to it joins; `{name}` is replaced in them, and
        "@all" is allowed. greeting, heartbeat: types of the first and the periodic message ("connected",
        "heartbeat"). firehose: it gets every message of every public room but `logs`. raw: both sides say what the
        application says, and nothing else: for pages that show what they get (docs/protocol.md, "Raw endpoints").

        Example: ws_manager.endpoint("/ws/board/{board}", rooms=["board:{board}"])
        """
        settings: dict[str, Any] = {"rooms": listed(rooms), "greeting": greeting, "heartbeat": heartbeat}
        settings["flags"] = (_core.ENDPOINT_FIREHOSE if firehose else 0) | (_core.ENDPOINT_RAW if raw else 0)
        with self._lock:
            self._any_runtime().endpoint_set(path, **settings)
            self._endpoints[path] = settings
        if self._router is not None:
            from ._router import add_endpoint

            add_endpoint(self._router, self, path)

    def remove_endpoint(self, path: str) -> None:
        """Removes an endpoint; connections to it stay. NotFound if there is none of that path."""
        with self._lock:
            self._any_runtime().endpoint_remove(path)
            self._endpoints[path] = None

    def room(self, pattern: str, **settings: object) -> None:
        """Says something about all rooms whose names match, at any time.

        pattern: a room's name, a beginning followed by "*" ("project:*"), or "*" for all public rooms; also "@all",
        "@user:*". The longest pattern that matches and says something about a setting decides on it.
        settings: subscribe, publish, history, presence ("anyone", "authenticated", "granted", "nobody"): who may;
        overflow ("recover", "drop_oldest", "latest", "disconnect"): for clients that fall behind; presence_events
        (bool); history_size (messages), history_ttl (seconds). None takes a setting back. Who may do what is looked up
        each time; the others hold for rooms that are made afterwards. InvalidRoom, InvalidArgument.

        Example: ws_manager.room("telemetry:*", overflow="latest", history_size=0)
        """
        with self._lock:
            runtime = self._any_runtime()
            for setting, value in settings.items():
                text = _config.room_setting(setting, value)
                runtime.room_rule_set(pattern, setting, text)
                self._rooms.setdefault(pattern, {})[setting] = text

    def _any_runtime(self) -> Runtime:
        """The runtime, made if need be but not started. Under the lock."""
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
        found = tell_endpoints(look(app, self))
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
        with self._lock:
            return self._any_runtime().match(path)

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

    # ---- handlers ----

    @overload
    def on_connect(self, handler: H, /) -> H: ...
    @overload
    def on_connect(self, handler: None = None, /, *, concurrent: bool = False) -> Callable[[H], H]: ...
    def on_connect(self, handler: Any = None, /, *, concurrent: bool = False) -> Any:
        """Decorator: handler(connection), after the greeting. Sync or async, as all handlers.

        The handlers of one client are called one after the other, in the order in which things happened: on_connect,
        then its messages and commands, at last on_disconnect. Those of different clients do not wait for each other.
        concurrent: nobody waits until this handler has ended: `@ws_manager.on_connect(concurrent=True)`. A handler that
        goes on after its client has left is cancelled after handler_timeout seconds.
        """
        return self._register(self._handlers.on_connect, handler, concurrent, 1)

    @overload
    def on_disconnect(self, handler: H, /) -> H: ...
    @overload
    def on_disconnect(self, handler: None = None, /, *, concurrent: bool = False) -> Callable[[H], H]: ...
    def on_disconnect(self, handler: Any = None, /, *, concurrent: bool = False) -> Any:
        """Decorator: handler(connection, code, reason), once those before it have ended. concurrent: as above."""
        return self._register(self._handlers.on_disconnect, handler, concurrent, 3)

    @overload
    def on_message(self, handler: H, /) -> H: ...
    @overload
    def on_message(self, handler: None = None, /, *, concurrent: bool = False) -> Callable[[H], H]: ...
    def on_message(self, handler: Any = None, /, *, concurrent: bool = False) -> Any:
        """Decorator: handler(connection, message) for what no action matches.

        message: dict or list if the text is a JSON object or array, else str; bytes if it is binary. Annotated with
        str: the text as it came; else checked as on_command() says. concurrent: as of on_connect().
        """
        return self._register(self._handlers.on_message, handler, concurrent, 2)

    def on_command(self, action: str, *, concurrent: bool = False) -> Callable[[H], H]:
        """Decorator: handler(connection, data) -> value for {"action": action}; the value goes back as `reply`.

        data: the command's `data` if it has no other field, else its fields. Where it is annotated with a pydantic
        model, a dataclass, a TypedDict or any other type, what does not fit is answered with the error `bad_request`
        (with pydantic 2). Further parameters may be Depends(…) of FastAPI. concurrent: as of on_connect().
        InvalidArgument for an action of the core, TypeError for annotations that mean nothing at run time.

        Example:
            @ws_manager.on_command("cancel_analysis")
            async def cancel(connection, data):
                return {"cancelled": data["image_id"]}
        """

        def register(handler: H) -> H:
            _check(handler)
            call = prepared(handler, 2, self._overrides, data=True)
            with self._lock:
                runtime = self._runtime or Runtime({}, env=False)
                runtime.command_add(action)
                self._handlers.commands[action] = Registered(call, concurrent)
                self._want()
            return handler

        if callable(action):
            raise TypeError('on_command wants the name of the action: @ws_manager.on_command("name")')
        return register

    def authenticate(self, handler: H) -> H:
        """Decorator: handler(request) -> who the client is, where it brings no token.

        A user id, a dict of user_id, session_id, rooms, subscribe, publish, welcome, state, or True for nobody in
        particular; None refuses with 4401. They mean what they mean to connect(): rooms are joined, subscribe
        ("project:*") may be subscribed to, publish may be published to, welcome is what the client gets first, state
        becomes connection.state. Rooms need a grant then (docs/access.md). PermissionError refuses with 4403.
        request: path, path_params, query, headers, cookies, ip.
        """
        _check(handler)
        call = prepared(handler, 1, self._overrides)
        with self._lock:
            self._handlers.authenticator = call
            self._want()
        if self._router is not None:
            from ._router import ENDPOINT_WITH_AUTH, add_endpoint

            add_endpoint(self._router, self, ENDPOINT_WITH_AUTH)
        return handler

    def authorize(self, handler: H) -> H:
        """Decorator: handler(connection, action, room) -> bool, where neither a rule nor a grant decides.

        action: "subscribe" (endpoints' rooms too; room is "*" for the firehose), "publish", "history", "presence",
        "stats" (room "*").
        """
        _check(handler)
        call = prepared(handler, 3, self._overrides)
        with self._lock:
            self._handlers.authorizer = call
            self._want()
        return handler

    def _register(self, handlers: list[Registered], handler: Any, concurrent: bool, given: int) -> Any:
        def register(handler: H) -> H:
            _check(handler)
            call = prepared(handler, given, self._overrides, data=handlers is self._handlers.on_message)
            with self._lock:
                handlers.append(Registered(call, concurrent, wants_text(handler)))
                self._want()
            return handler

        return register if handler is None else register(handler)

    def _overrides(self) -> Mapping[Any, Any]:
        return getattr(self._app, "dependency_overrides", None) or {}

    def _want(self) -> None:
        if self._runtime is not None:
            self._runtime.want(self._handlers.wanted())

    @property
    def router(self) -> Any:
        """The FastAPI router of this manager: REST, and the endpoints for servers that can't hand sockets over.

        Endpoints are in it that were made before an application includes it. ImportError without Starlette.
        """
        if self._router is None:
            from ._router import add_endpoint, make_router

            router = make_router(self)
            for path, settings in self._endpoints.items():
                if settings is not None:
                    add_endpoint(router, self, path)
            self._router = router
        return self._router

    def admin_router(self, check: Any) -> Any:
        """A FastAPI router with the admin panel alone, behind the application's own check.

        check: a dependency of the application's (with Starlette alone: a function of the request, plain or async) that
        returns something true for who may use the panel; it may also raise. Include it before `router`:
        `app.include_router(ws_manager.admin_router(staff_only))`. The option admin need not be set, and no API key
        is asked for. TypeError without a check, ImportError without Starlette.
        """
        from ._admin import make_admin_router

        router = make_admin_router(self, check)
        self._panel_is_behind_check = True
        return router

    def __repr__(self) -> str:
        state = "running" if self.running else "stopped" if self._stopped else "not started"
        return f"<WebSocketManager {state}{f', port {self.port}' if self.port else ''}>"


def _encoder(option: object) -> Encoder:
    if option is None:
        return PLAIN
    if isinstance(option, Encoder):
        return option
    if not callable(option):
        raise ConfigError(f"encoder must be a function of one value, not {type(option).__name__}")
    return Encoder(option)


def _check(handler: object) -> None:
    if not callable(handler):
        raise TypeError(f"a handler must be callable, not {type(handler).__name__}")


_default: WebSocketManager | None = None
_default_lock = threading.Lock()


def default_manager() -> WebSocketManager:
    """The process's default manager, which the module's functions act on."""
    global _default
    if _default is None:
        with _default_lock:
            if _default is None:
                _default = WebSocketManager()
    return _default


def _after_fork_in_child() -> None:
    global _default_lock
    _default_lock = threading.Lock()
    for manager in list(_managers):
        manager._forked()


def _at_exit() -> None:
    for manager in list(_managers):
        try:
            manager.stop(EXIT_DEADLINE)
        except WsManagerError as error:
            logger.debug("at exit: %s", error)


os.register_at_fork(after_in_child=_after_fork_in_child)
atexit.register(_at_exit)

__all__ = ["WebSocketManager", "default_manager", "ids"]
