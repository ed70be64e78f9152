"""Types that are shared by the modules of the package."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypedDict

if TYPE_CHECKING:
    from uuid import UUID

Priority = Literal["critical", "normal", "low"]
Level = Literal["debug", "info", "success", "warning", "error", "critical"]


class Delivery(NamedTuple):
    """What a Receipt yields.

    recipients: connections that the message was queued for.
    room: where it was published; "" if there were several rooms.
    epoch, offset: its position; "" and 0 where the room keeps no history, or there were several rooms.
    message_id: as in the message, unless that has one of its own.
    superseded: it was held back by max_rate, and a newer message of its key took its place.
    stored: it is in the file of its room (room(…, store="disk")); of several rooms, of one at least.
    duplicate: its `once` was published there before. epoch and offset are those of the first; nothing was sent, and
    message_id is "". Of several rooms, in one at least.
    """

    recipients: int
    room: str
    epoch: str
    offset: int
    message_id: str
    superseded: bool
    stored: bool
    duplicate: bool


class DeliveryReport(NamedTuple):
    """What became of the deliveries of one call: one for each connection that its message was for.

    deliveries: how many; the sum of all the others.
    written: handed to the operating system (where the socket is another server's: to that server).
    conflated: a newer message of the same key took its place while it waited.
    dropped: the connection ended or left the room first, its queue was full, or history moved on.
    lagging: the client reads slowly, and will be sent it from history.
    pending: waits in the queue of its connection.
    settled: nothing is lagging or pending, so this is final.
    """

    deliveries: int
    written: int
    conflated: int
    dropped: int
    lagging: int
    pending: int
    settled: bool


class CommonOptions(TypedDict, total=False):
    """Options of all sending calls; see SendOptions."""

    priority: Priority
    conflate: str
    max_rate: float
    history: bool
    level: Level
    report: bool
    once: str | int | UUID


class SendOptions(CommonOptions, total=False):
    """Options of the sending calls.

    room: publish there instead of where the event or call would. A list publishes to each.
    priority: "critical", "normal" or "low".
    conflate: a key; only the newest message of a key is worth sending.
    max_rate: messages per second and key.
    history: False: do not keep it; it gets no offset.
    level: for rooms whose members ask for a level.
    exclude: user or client ids that do not get it.
    report: True: Receipt.report() tells what became of each delivery.
    once: an id, up to 128 bytes: a second message with it to the same room within 5 minutes is not sent.
    """

    room: str | Sequence[str]
    exclude: str | Sequence[str]


class BroadcastOptions(CommonOptions, total=False):
    """SendOptions of a call that has `exclude` among its parameters."""

    room: str | Sequence[str]


class RoomOptions(CommonOptions, total=False):
    """SendOptions of a call that says to which room."""

    exclude: str | Sequence[str]


class Position(TypedDict):
    """Where a room stands."""

    epoch: str
    offset: int


class History(TypedDict):
    """Messages of a room, oldest first, and the position after the last of them."""

    messages: list[Any]
    epoch: str
    offset: int
    recovered: bool


class Presence(TypedDict):
    """Who is in a room: the totals are of all, the lists one page. `next` is None on the last page."""

    room: str
    clients_total: int
    users_total: int
    clients: list[str]
    users: list[str]
    next: str | None


class ConnectionRow(TypedDict):
    """One row of connections(); connected_at is RFC 3339."""

    client_id: str
    user_id: str
    session_id: str
    path: str
    ip: str
    user_agent: str
    connected_at: str
    rooms: list[str]
    queued_bytes: int


class Ban(TypedDict):
    """One row of bans()."""

    ip: str
    """An IPv4 address, or the first of an IPv6 network: a ban holds for the whole /64."""
    until: str
    """RFC 3339."""
    seconds: int
    """Left until then."""
    automatic: bool
    """False: by ban()."""
    count: int
    """Automatic bans of this address that are not forgotten; each was twice as long as the one before."""
    reason: str


class Revocation(TypedDict, total=False):
    """One row of revocations(): of a token (jti), or of a user's tokens issued before a time. Unix milliseconds."""

    jti: str
    user_id: str
    before: int
    until: int


class ConnSink(Protocol):
    """Who gets what the runtime says about an adopted or bridged connection. Called on `loop` only.

    It may be closed() before the call that opened the connection has returned to another thread.
    """

    loop: asyncio.AbstractEventLoop

    def send(self, data: bytes, binary: bool) -> None:
        """A message for the client (bridge only); confirm by runtime.bridge_written(conn, len(data))."""

    def closed(self, code: int, reason: str) -> None:
        """The connection has ended; nothing follows."""


Handler = Callable[..., Any]
