"""What a manager offers the package's own modules: they know this and not the class, so that no two need each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from ._core import Receipt, Runtime
    from ._encode import Encoder
    from ._receipt import Completed
    from ._types import ConnSink, SendOptions


class Manager(Protocol):
    """A WebSocketManager, as connections, the bridge, the hand-over, the router and the look see it."""

    _encoder: Encoder
    _panel_is_behind_check: bool
    """The application has admin_router() somewhere."""
    _rooms: dict[str, dict[str, str]]
    """What was said about rooms: pattern, setting, text."""

    # ---- the runtime ----

    @property
    def running(self) -> bool:
        """Whether the runtime runs."""

    def stop(self, deadline: float | None = None) -> None:
        """Stops it; blocks."""

    def _ready(self) -> Runtime:
        """The runtime, running and with its events being taken. NotRunning after stop()."""

    def _any_runtime(self) -> Runtime:
        """The runtime, made if need be but not started."""

    def _option(self, name: str) -> str:
        """What an option is, as text."""

    # ---- who comes in ----

    def _serves(self, path: str) -> bool:
        """Whether a path belongs to an endpoint, wherever the application has put it."""

    def _label(self, path: str) -> str:
        """A path of an endpoint as it may stand in a log: without what may be a token."""

    def _hides_paths(self) -> bool:
        """Whether something in a path may be a token."""

    def _retry_after(self) -> str:
        """For the field of that name beside 503; "" for none."""

    def _access(self) -> str:
        """Whether rooms need a grant, as Runtime.access() describes it."""

    def _checked(self, by: str) -> None:
        """The application decides by itself who comes in: rooms need a grant (docs/access.md)."""

    @property
    def _asks(self) -> bool:
        """Whether there is an authenticate handler."""

    async def _identify(self, question: bytes) -> dict[str, Any]:
        """Who makes a call over HTTP, by that handler, in keywords of Runtime.rest()."""

    # ---- connections ----

    def _adopt(self, fd: int, request: bytes, sink: ConnSink | None, **admission: Any) -> int:
        """Gives a socket to the runtime; the number of the connection."""

    def _bridge_open(
        self, path: str, query: str, ip: str, headers: Sequence[tuple[str, str]], sink: ConnSink, **admission: Any
    ) -> int:
        """The same for one whose socket stays with the server."""

    def _conn_drain(self, conn: int) -> None:
        """Closes such a connection as stop() would, in its turn. NotRunning."""

    def _rooms_of(self, client_id: str) -> list[str]:
        """The rooms that a client is in now; none once it is gone."""

    async def _arooms_of(self, client_id: str) -> list[str]:
        """The same, awaited."""

    async def _move(self, joins: bool, conn: int, room: str) -> None:
        """A connection joins a room, or leaves it."""

    def send_to_client(self, client_id: str, message: object, **options: Unpack[SendOptions]) -> Receipt:
        """Sends to one connection."""

    def disconnect(self, client_id: Any, user_id: object = None, *, code: int = 4409, reason: str = "") -> Completed:
        """Closes a connection."""
