"""What handlers get: connections, and requests that want to become one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from ._receipt import COMPLETED, Completed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Unpack

    from ._core import ConnInfo, Receipt
    from ._offers import Manager
    from ._types import SendOptions


class Query(dict[str, str]):
    """The parameters of a query, decoded; of a name that occurs several times, the first value."""

    def __init__(self, text: str) -> None:
        self._pairs = parse_qsl(text, keep_blank_values=True)
        super().__init__(reversed(self._pairs))

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """All of them, in order."""
        return self._pairs

    def getlist(self, name: str) -> list[str]:
        """All values of a name."""
        return [value for key, value in self._pairs if key == name]


class State(dict[str, Any]):
    """What the application keeps with a connection: a dict whose members are attributes, too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the connection's state has no {name!r}; it has {sorted(self)}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]


class Connection:
    """One client's connection. The same object in every handler, from on_connect to on_disconnect.

    Attributes of your own may be set on it.
    """

    def __init__(self, manager: Manager, info: ConnInfo, state: Mapping[str, Any] | None = None) -> None:
        self._manager = manager
        self.state = State(state or {})
        """What connect(state=...), or the authenticate handler, has given; yours to change."""
        self._query: Query | None = None
        self.conn: int = info.conn
        """Number of the connection in this process, never used again."""
        self.client_id: str = info.client_id
        self.user_id: str | None = info.user_id or None
        self.session_id: str | None = info.session_id or None
        self.path: str = info.path
        self.ip: str = info.ip
        self.user_agent: str = info.user_agent
        self.connected_at: datetime = datetime.fromtimestamp(info.connected_at / 1000, UTC)
        self._query_text: str = info.query

    @property
    def query(self) -> Query:
        """The parameters of the request."""
        if self._query is None:
            self._query = Query(self._query_text)
        return self._query

    @property
    def rooms(self) -> list[str]:
        """The rooms that it is in now; none once it is gone. Asks the runtime."""
        return self._manager._rooms_of(self.client_id)

    async def arooms(self) -> list[str]:
        """rooms, awaited: it holds up no event loop."""
        return await self._manager._arooms_of(self.client_id)

    def send(self, message: object, **options: Unpack[SendOptions]) -> Receipt:
        """Sends to this connection only; options as of every sending call."""
        return self._manager.send_to_client(self.client_id, message, **options)

    def join(self, room: str) -> Completed:
        """This connection, and no other of its user, joins a room until it leaves or ends; the client is told.

        It may read the room's history meanwhile. It counts as a subscription of the client's own. InvalidRoom; NotFound
        if the connection has gone, or is not let in yet (say it by rooms= of connect() then); Refused over max_rooms.
        """
        self._manager._ready().conn_join(self.conn, room)
        return COMPLETED

    async def ajoin(self, room: str) -> None:
        """join(), awaited: it holds up no event loop. Overloaded: as of astats()."""
        await self._manager._move(True, self.conn, room)

    def leave(self, room: str) -> Completed:
        """It leaves the room, whatever it was there for; nothing happens if it is not there. InvalidRoom, NotFound."""
        self._manager._ready().conn_leave(self.conn, room)
        return COMPLETED

    async def aleave(self, room: str) -> None:
        """leave(), awaited."""
        await self._manager._move(False, self.conn, room)

    def close(self, code: int = 4409, reason: str = "") -> Any:
        """Closes it with a close code (1000-1013 or 3000-4999) and a reason of at most 123 bytes."""
        return self._manager.disconnect(self.client_id, code=code, reason=reason)

    def __repr__(self) -> str:
        who = f" user_id={self.user_id!r}" if self.user_id else ""
        return f"<Connection {self.client_id!r}{who} path={self.path!r}>"


class Headers(dict[str, str]):
    """Headers of a request; names in any case."""

    def __init__(self, items: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in items.items()})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


class Request:
    """A request for a connection, as an authenticate handler gets it."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.path: str = fields.get("path", "")
        self.path_params: dict[str, str] = dict(fields.get("path_params") or {})
        self.query = Query(fields.get("query") or "")
        headers = fields.get("headers") or {}
        self.headers = Headers(dict(headers))
        self.ip: str = fields.get("ip", "")

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies of the request."""
        pairs = (part.partition("=") for part in self.headers.get("cookie", "").split(";"))
        return {name.strip(): value.strip().strip('"') for name, sign, value in pairs if sign}

    def __repr__(self) -> str:
        return f"<Request {self.path!r} from {self.ip}>"
