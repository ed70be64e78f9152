"""The C extension: a thin layer over ws_manager.h. Private; use the package's functions instead.

Calls never touch the network. Those marked [blocks] release the GIL while they wait for the runtime thread.
Every class of error is a WsManagerError with the attribute `code` (str).
"""

from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Final, NoReturn, TypeAlias, final

from ws_manager._types import Delivery, DeliveryReport

VERSION: Final[str]
PROTOCOL_VERSION: Final[int]

# enum wsm_target
TO_AUTO: Final[int]
TO_ALL: Final[int]
TO_ROOM: Final[int]
TO_PROJECT: Final[int]
TO_USER: Final[int]
TO_SESSION: Final[int]
TO_CLIENT: Final[int]
# WSM_PUBLISH_…
NO_HISTORY: Final[int]
BINARY: Final[int]
TEXT: Final[int]
FLAT: Final[int]
REPORT: Final[int]
# enum wsm_priority
PRIORITY_DEFAULT: Final[int]
CRITICAL: Final[int]
NORMAL: Final[int]
LOW: Final[int]
# WSM_ENDPOINT_…
ENDPOINT_FIREHOSE: Final[int]
ENDPOINT_AUTH: Final[int]
ENDPOINT_RAW: Final[int]
# WSM_WANT_…
WANT_CONNECT: Final[int]
WANT_DISCONNECT: Final[int]
WANT_MESSAGE: Final[int]
WANT_AUTHENTICATE: Final[int]
WANT_AUTHORIZE: Final[int]
WANT_LOG: Final[int]
# enum wsm_event_kind
EVENT_CONNECT: Final[int]
EVENT_DISCONNECT: Final[int]
EVENT_MESSAGE: Final[int]
EVENT_COMMAND: Final[int]
EVENT_AUTHENTICATE: Final[int]
EVENT_AUTHORIZE: Final[int]
EVENT_RECEIPT: Final[int]
EVENT_LOG: Final[int]
EVENT_BRIDGE_SEND: Final[int]
EVENT_CLOSED: Final[int]
EVENT_REPORT: Final[int]
EVENT_ANSWER: Final[int]
REST_BODY_MAX: Final[int]
QUERY_TIMEOUT_MS: Final[int]
# enum wsm_query_kind
QUERY_STATS: Final[int]
QUERY_CONNECTIONS: Final[int]
QUERY_ROOMS_OF: Final[int]
QUERY_SUBSCRIBERS: Final[int]
QUERY_PRESENCE: Final[int]
QUERY_HISTORY: Final[int]
QUERY_POSITION: Final[int]
QUERY_METRICS: Final[int]
QUERY_BANS: Final[int]

class WsManagerError(Exception):
    """Base of every error of ws_manager; `code` is the short, stable name of its kind."""

    code: str

class OutOfMemory(WsManagerError, MemoryError): ...
class InvalidArgument(WsManagerError, ValueError): ...
class ConfigError(WsManagerError, ValueError): ...
class NotRunning(WsManagerError): ...
class Overloaded(WsManagerError): ...
class InvalidRoom(WsManagerError, ValueError): ...
class MessageTooLarge(WsManagerError, ValueError): ...
class NotFound(WsManagerError, LookupError): ...
class AddressInUse(WsManagerError): ...
class SystemCallFailed(WsManagerError): ...
class Forked(WsManagerError): ...
class QueryTimeout(WsManagerError): ...
class InvalidJSON(WsManagerError, ValueError): ...
class StoreNotConfigured(WsManagerError): ...
class StoreLocked(WsManagerError): ...
class Unavailable(WsManagerError): ...

class Refused(WsManagerError):
    """A connection request that the runtime does not take."""

    http_status: int
    """403 or 404."""

def options() -> list[tuple[str, str, str, str, float, float, str]]:
    """The configuration table: (name, env, type, fallback, min, max, doc); type is uint, secs, string, list or bool."""

def rest_routes() -> list[tuple[str, str, str, str, str, str]]:
    """The table of REST calls: (name, method, path, parameters, caller, doc); docs/protocol.md.

    parameters: names with commas. caller: anyone, member, reader, writer or admin.
    """

def endpoint_defaults() -> list[tuple[str, int]]:
    """The endpoints that every runtime begins with: (path, ENDPOINT_… flags)."""

def refusal_code(http_status: int, /) -> int:
    """The close code that says what an HTTP status says, where a host can no longer answer by HTTP."""

def level_parse(word: str) -> int:
    """The number of a level word ("info" -> 2); -1 for a word that is none."""

def fail(code: int, sentence: str, /) -> NoReturn:
    """Raises the error whose status is minus that number: `code` and `text` of an EVENT_ANSWER."""

def id_valid(id: str, /) -> bool:
    """Whether a text can be an id of a user, a session or a client."""

def room_valid(name: str, pattern: bool = False, /) -> bool:
    """Whether a text can name a public room; with pattern, also a beginning of names followed by "*"."""

def store_info(path: str | PathLike[str], /) -> str:
    """[blocks] What a store holds, as JSON. These five: ConfigError, StoreLocked, OutOfMemory."""

def store_check(path: str | PathLike[str], /) -> None:
    """[blocks] Reads a store from end to end; raises what is damaged."""

def store_backup(path: str | PathLike[str], to: str | PathLike[str], /) -> None:
    """[blocks] Copies a store, in use or not, to another file."""

def store_new_epoch(path: str | PathLike[str], /) -> int:
    """[blocks] Gives all rooms new epochs; how many."""

def store_prune(path: str | PathLike[str], room: str, before_ms: int, /) -> int:
    """[blocks] Lets messages before a time (Unix, ms) go; how many. room: a name, a beginning and '*', '' for all."""

def set_hooks(
    delivery: type[Delivery],
    suspend: Callable[[Receipt], Any],
    report: type[DeliveryReport],
    wait_report: Callable[[Receipt, float | None], Coroutine[Any, Any, DeliveryReport]],
    /,
) -> None:
    """What Receipts need from Python: classes of their results, what to yield while one is pending, and report()."""

@final
class ConnInfo:
    """What is fixed about a connection."""

    @property
    def conn(self) -> int: ...
    @property
    def connected_at(self) -> int:
        """Unix time, milliseconds."""
    @property
    def client_id(self) -> str: ...
    @property
    def user_id(self) -> str: ...
    @property
    def session_id(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query(self) -> str:
        """Percent-encoded, without "?"."""
    @property
    def ip(self) -> str: ...
    @property
    def user_agent(self) -> str: ...

@final
class Receipt:
    """What became of one publication.

    It may be ignored, awaited any number of times from any event loop, or handed to whatever takes a coroutine
    (asyncio.create_task, gather, wait_for …). Awaiting raises Overloaded or NotRunning if the message was dropped,
    and Unavailable if its room is on disk and could not keep it: nobody got it then.
    """

    def done(self) -> bool:
        """Whether the runtime has handled the publication."""
    def delivery(self) -> Delivery | None:
        """The outcome, or None while it is pending. Raises as awaiting does."""
    def watch(self) -> bool:
        """Asks for one EVENT_RECEIPT. False if it is done already. A receipt is watched at most once."""
    def report(self, timeout: float | None = 5.0) -> Coroutine[Any, Any, DeliveryReport]:
        """What became of each delivery, for a message that was sent with report=True (else InvalidArgument).

        timeout: seconds to wait until all have an outcome; None: as long as it takes. After that the report says what
        is known, and `settled` is False; it can be asked for again. Raises as awaiting does.

        Example: report = await ws_manager.broadcast({"n": 1}, report=True).report()
        """
    def figures(self) -> DeliveryReport:
        """The report of this moment. InvalidArgument."""
    def watch_report(self) -> bool:
        """Asks for one EVENT_REPORT. False if none will come: it is settled, or was asked for before."""
    @property
    def runtime(self) -> Runtime | None: ...
    @property
    def waiters(self) -> list[Any] | None:
        """For the host's use: who waits for it."""
    @waiters.setter
    def waiters(self, value: list[Any] | None) -> None: ...
    @property
    def report_waiters(self) -> list[Any] | None:
        """For the host's use: who waits for its report."""
    @report_waiters.setter
    def report_waiters(self, value: list[Any] | None) -> None: ...
    def __await__(self) -> Generator[Any, None, Delivery]: ...
    def __next__(self) -> Any: ...
    # The protocol of coroutines: asyncio.create_task() insists on it.
    def send(self, value: None, /) -> Any: ...
    def throw(self, typ: Any, val: Any = ..., tb: Any = ..., /) -> Any: ...
    def close(self) -> None: ...

# (kind, conn, ticket, level, code, binary, info, receipt, text, data, id); what a kind does not have is 0, "" or None.
_Event: TypeAlias = tuple[int, int, int, int, int, bool, ConnInfo | None, Receipt | None, str, bytes, bytes]

@final
class Runtime:
    """One runtime thread with its connections, rooms and history.

    config: option name -> text, checked by the table (ConfigError). env: read the WEBSOCKET_… variables first.
    """

    def __new__(cls, config: Mapping[str, str] = ..., env: bool = True) -> Runtime: ...
    @property
    def event_fd(self) -> int:
        """Readable when there are events to take. Belongs to this object."""
    @property
    def host(self) -> Any:
        """Who takes the events; for the host's use."""
    @host.setter
    def host(self, value: Any) -> None: ...
    @property
    def running(self) -> bool: ...
    @property
    def port(self) -> int:
        """The port that is listened on, 0 when there is none."""
    def option(self, name: str, /) -> str:
        """An option's value in force, as text; a key that is set is "***". KeyError for a name that is none."""
    def start(self) -> None:
        """[blocks] Starts the thread and listens. AddressInUse, SystemCallFailed, Forked."""
    @property
    def draining(self) -> bool: ...
    def drain(self) -> None: ...
    @property
    def takes_tokens(self) -> bool:
        """Whether there is a key for tokens."""
    def retry_after(self) -> int:
        """Seconds, for Retry-After of a client that is refused with 503."""
    def conn_drain(self, conn: int, /) -> None: ...
    def stop(self, deadline_ms: int = ...) -> None:
        """[blocks] Closes every connection with 1001 and ends the thread."""
    def publish(
        self,
        target: int,
        ids: str | Sequence[str] | None,
        type: str | None,
        payload: bytes | str,
        key: str | None = None,
        max_rate: float = 0.0,
        priority: int = 0,
        level: int = 0,
        exclude: str | Sequence[str] | None = None,
        members: Mapping[str, bytes] | None = None,
        flags: int = 0,
        once: str | None = None,
        /,
    ) -> Receipt:
        """Queues a publication. InvalidRoom, InvalidArgument, InvalidJSON, MessageTooLarge, NotRunning, Forked."""
    def subscribe(self, user_id: str, room: str, /) -> None: ...
    def unsubscribe(self, user_id: str, room: str, /) -> None: ...
    def disconnect(self, client_id: str, code: int = 0, reason: str = "", /) -> None: ...
    def disconnect_user(self, user_id: str, code: int = 0, reason: str = "", /) -> None: ...
    def ban(self, ip: str, seconds: float, reason: str = "", /) -> None:
        """Turns an address away, and closes its connections with 4403. InvalidArgument, NotRunning, Forked."""
    def unban(self, ip: str, /) -> None: ...
    def revoke(self, jti: str, user_id: str, before: int = 0, until: int = 0, /) -> None:
        """One of jti and user_id is ""; times in Unix milliseconds, 0: now, and after revocation_ttl."""
    def unrevoke(self, jti: str, user_id: str, /) -> None:
        """NotFound."""
    def revocations(self) -> bytes:
        """JSON: [{jti, until} or {user_id, before, until}]."""
    def reload_keys(self, jwt_secret: str | None, jwt_public_key: str | None, /) -> None:
        """[blocks] None: as configured. ConfigError; the old keys stay in force then."""
    def reload_tls(self) -> None:
        """[blocks] ConfigError; the old certificate stays in force then."""
    def endpoint_set(
        self, path: str, rooms: Sequence[str] = (), greeting: str = "", heartbeat: str = "", flags: int = 0
    ) -> None: ...
    def endpoint_remove(self, path: str, /) -> None:
        """NotFound if there is none of that pattern."""
    def room_rule_set(self, pattern: str, setting: str, value: str, /) -> None: ...
    def label(self, path: str, /) -> str:
        """A request path as it may stand in a log: without what may be a token; "" where no endpoint has it."""
    def match(self, path: str, /) -> bool:
        """Whether a request path, without query, belongs to an endpoint."""
    def adopt(
        self,
        fd: int,
        request: bytes,
        *,
        admitted: bool = False,
        skip_origin: bool = False,
        client_id: str = "",
        user_id: str = "",
        session_id: str = "",
        rooms: Sequence[str] = (),
        subscribe: Sequence[str] = (),
        publish: Sequence[str] = (),
        greeting: str = "",
        heartbeat: str = "",
        raw: bool = False,
        welcome: Sequence[str] = (),
    ) -> int:
        """Hands a socket over; the runtime owns `fd` from the return on. Returns the number of the connection,
        for which EVENT_CLOSED follows some time. After an error the caller still owns `fd`."""
    def bridge_open(
        self,
        path: str,
        query: str,
        ip: str,
        headers: Iterable[tuple[str, str]],
        *,
        admitted: bool = False,
        skip_origin: bool = False,
        client_id: str = "",
        user_id: str = "",
        session_id: str = "",
        rooms: Sequence[str] = (),
        subscribe: Sequence[str] = (),
        publish: Sequence[str] = (),
        greeting: str = "",
        heartbeat: str = "",
        raw: bool = False,
        welcome: Sequence[str] = (),
        tls: bool = False,
        via: str = "",
    ) -> int:
        """A connection whose socket the host keeps; its number. Refused with `http_status`.

        tls: it came over TLS, as far as the server knows. via: the server has `ip` from a proxy that it trusts itself;
        the address of ours that the proxy called.
        """
    def bridge_receive(self, conn: int, data: bytes | str, /) -> None:
        """A message of the client: bytes are a binary one, str a text one."""
    def bridge_written(self, conn: int, size: int, /) -> None:
        """So many bytes of the messages of EVENT_BRIDGE_SEND have gone out."""
    def bridge_closed(self, conn: int, code: int = 1006, reason: str = "", /) -> None: ...
    def want(self, mask: int, /) -> None: ...
    def access_checked(self, by: str, /) -> None:
        """The application checks clients by itself; `by` says what, for the log."""
    def access(self) -> str:
        """Whether public rooms need a grant ("open: …", "granted: …"), and why."""
    def command_add(self, action: str, /) -> None: ...
    def command_remove(self, action: str, /) -> None: ...
    def authenticated(
        self,
        ticket: int,
        allow: bool,
        user_id: str = "",
        session_id: str = "",
        rooms: Sequence[str] = (),
        subscribe: Sequence[str] = (),
        publish: Sequence[str] = (),
        code: int = 0,
        reason: str = "",
        welcome: Sequence[str] = (),
    ) -> None: ...
    def authorized(self, ticket: int, allow: bool, /) -> None: ...
    def reply(self, conn: int, action: str, id: bytes, json: bytes | str, error_code: str | None = None, /) -> None: ...
    def conn_join(self, conn: int, room: str, /) -> None:
        """[blocks] InvalidRoom; NotFound: it has gone, or is not let in yet; Refused: max_rooms; NotRunning."""
    def conn_leave(self, conn: int, room: str, /) -> None:
        """[blocks] InvalidRoom, NotFound, NotRunning."""
    def conn_join_later(self, ticket: int, conn: int, room: str, /) -> None:
        """The same without waiting, as query_later(); the answer is empty."""
    def conn_leave_later(self, ticket: int, conn: int, room: str, /) -> None: ...
    def query(
        self, kind: int, room: str = "", epoch: str = "", since: int = 0, limit: int = 0, after: str = ""
    ) -> bytes:
        """[blocks] Answers after all that this thread has queued before. NotFound, NotRunning, QueryTimeout."""
    def query_later(
        self, ticket: int, kind: int, room: str = "", epoch: str = "", since: int = 0, limit: int = 0, after: str = ""
    ) -> None:
        """The same without waiting: one EVENT_ANSWER with that ticket comes. Overloaded: 1,024 wait to be taken."""
    def rest(
        self,
        method: str,
        path: str,
        query: str = "",
        ip: str = "",
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        tls: bool = False,
        via: str = "",
        vouched: bool = False,
        admitted: bool = False,
        user_id: str = "",
        rooms: Sequence[str] = (),
        subscribe: Sequence[str] = (),
        asks: bool = False,
        refused: bool = False,
        code: int = 0,
        reason: str = "",
    ) -> tuple[int, str, str, bytes]:
        """[blocks] One REST call: (status, content type, further header lines, body).

        tls, via: as for bridge_open().
        vouched: the host has found out itself that the caller may use the admin panel.
        admitted: it has found out who calls: user_id, and what that one may read. InvalidRoom.
        asks: an authenticate handler can be asked. Where nothing else says who calls, the status is 0 and the body the
        question; the same call then comes again, admitted, or refused with the handler's code (0: 4401) and reason.
        """
    def take_events(self) -> list[_Event]:
        """Clears event_fd and takes all events, oldest first. One thread at a time."""
