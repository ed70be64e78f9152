"""WebSocketManager: a runtime, how it is configured, and the application's handlers.

What it is made of, from the ground up, each derived from the one before: EventMethods, Sending, Life, Clients, Tokens,
Rest. What it offers the package's own modules: Manager of _offers.py.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from . import _config, _core
from ._core import ConfigError, Runtime
from ._encode import PLAIN, Encoder
from ._handlers import Registered
from ._outcomes import listed
from ._parameters import prepared, wants_text
from ._rest import Rest
from ._sending import ids
from ._types import Handler

if TYPE_CHECKING:
    from typing import Unpack

    from ._options import Config

H = TypeVar("H", bound=Handler)


class WebSocketManager(Rest):
    """One runtime and everything that an application does with it.

    config: options by name, as docs/configuration.md lists them; None is unset. They come before the WEBSOCKET_…
    variables of the environment. ConfigError for what is no option or makes no sense.

    All calls may be made from any thread. The first call that needs the runtime starts it.
    """

    def __init__(self, **config: Unpack[Config]) -> None:
        super().__init__()
        self._router: Any = None
        self._panel_is_behind_check = False
        if config:
            self.configure(**config)

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
        if self._router is not None and self._any_runtime().takes_tokens:
            from ._router import add_endpoints_with_auth

            add_endpoints_with_auth(self._router, self)

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
        (bool); history_size (messages), history_ttl (seconds); store ("memory", "disk"): where the history is, in
        memory or in the file of the option `store`, which survives the process. None takes a setting back. Who may do
        what is looked up each time, and a change of `store` holds for rooms that are there; the others hold for rooms
        that are made afterwards. InvalidRoom, InvalidArgument; StoreNotConfigured: "disk" without the option `store`.

        Example: ws_manager.room("telemetry:*", overflow="latest", history_size=0)
        """
        with self._lock:
            runtime = self._any_runtime()
            for setting, value in settings.items():
                text = _config.room_setting(setting, value)
                runtime.room_rule_set(pattern, setting, text)
                self._rooms.setdefault(pattern, {})[setting] = text

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
            from ._router import add_endpoints_with_auth

            add_endpoints_with_auth(self._router, self)
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


os.register_at_fork(after_in_child=_after_fork_in_child)

__all__ = ["WebSocketManager", "default_manager", "ids"]
