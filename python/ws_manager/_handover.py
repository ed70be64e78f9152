"""What a server that can give its sockets away puts into the ASGI scope, and how the package asks for it.

`ws_manager.uvicorn` is such a server side; `connect()` and the router's endpoints are the askers. All of it happens
on the server's event loop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from ws_manager._labels import UNKNOWN_PATH

if TYPE_CHECKING:
    from ws_manager._offers import Manager
    from ws_manager._types import ConnSink

EXTENSION = "ws_manager.handover"
"""Key of the HandOver in scope["extensions"]."""


class Admission(TypedDict, total=False):
    """What the host has decided about a connection: the keywords of Runtime.adopt() and Runtime.bridge_open()."""

    admitted: bool
    skip_origin: bool
    client_id: str
    user_id: str
    session_id: str
    rooms: Sequence[str]
    subscribe: Sequence[str]
    publish: Sequence[str]
    greeting: str
    heartbeat: str
    raw: bool
    welcome: Sequence[str]
    state: Mapping[str, Any]
    """For connection.state; stays in Python."""


class HandOver(Protocol):
    """A server's offer to give a socket away."""

    @property
    def possible(self) -> bool:
        """Whether the socket can be given away now: nothing written, no TLS on this side, the client still there."""

    def take(
        self,
        manager: Manager,
        sink: ConnSink | None,
        admission: Admission,
        *,
        label: str = UNKNOWN_PATH,
        path: str = "",
        stay: bool,
    ) -> int:
        """Gives the socket to the manager's runtime and returns the number of the connection.

        label: the path as it may stand in a log.
        path: what the runtime takes for the request's path, percent-encoded; "" for the request's own.
        stay: the application's call lasts until the client has gone, so the server waits for it when it shuts down.
        Raises a WsManagerError if the runtime does not take it; the server still has the socket then.
        """

    def carries(self, manager: Manager, label: str) -> None:
        """The bridge is going to carry the connection: the manager's limits are to hold, and no token to be logged."""

    def carried(self, manager: Manager, conn: int) -> None:
        """The bridge carries the connection: when the server stops, the runtime sends the client away in its turn."""


def offered(scope: Mapping[str, Any]) -> HandOver | None:
    """The server's offer, or None where it makes none or can't keep it any more."""
    offer: HandOver | None = (scope.get("extensions") or {}).get(EXTENSION)
    return offer if offer is not None and offer.possible else None
