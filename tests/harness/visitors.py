"""Clients of the harness: the `websockets` library, and an oracle that notices every silent gap and every duplicate."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

Message = dict[str, Any]

HISTORY = 256  # messages that a room keeps, the default of history_size


@dataclass
class Counts:
    """What all visitors have seen. `faults` must stay empty."""

    messages: int = 0
    heartbeats: int = 0
    recovered: int = 0
    reset: int = 0
    connections: int = 0
    faults: list[str] = field(default_factory=list)


class Visitor:
    """One client of one room. It follows the room's position over any number of connections.

    The n-th publication of an epoch is expected to hold {"n": n}: a message is then in its place, and the right one.
    """

    def __init__(self, counts: Counts, index: int, room: str) -> None:
        self.counts, self.index, self.room = counts, index, room
        self.epoch: str | None = None
        self.last = 0
        self.heartbeats = 0
        self.recovered = 0
        self.joins = 0  # how often it has been told where it stands
        self.beside: dict[str, Visitor] = {}  # the same connection in further rooms
        self.joined = asyncio.Event()
        self.moved = asyncio.Condition()

    def fault(self, text: str) -> None:
        if len(self.counts.faults) < 20:
            self.counts.faults.append(f"client {self.index}: {text}")

    @property
    def position(self) -> Message | None:
        return None if self.epoch is None else {"epoch": self.epoch, "offset": self.last}

    @property
    def resume(self) -> str:
        """The query of a connection that resumes at its endpoint; empty before there is a position."""
        if self.epoch is None:
            return ""
        text = json.dumps({self.room: [self.epoch, self.last]})
        return "resume=" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def subscription(self) -> str:
        command: Message = {"action": "subscribe", "room": self.room}
        if self.position is not None:
            command["since"] = self.position
        return json.dumps(command)

    def take(self, text: str | bytes) -> Message:
        message: Message = json.loads(text)
        kind = message.get("type")
        if kind == "bench":
            self.beside.get(message.get("room", ""), self)._published(message)
        elif kind == "subscribed":
            self.beside.get(message["data"]["room"], self)._placed(message["data"])
        elif kind in ("connected", "connection"):
            self.counts.connections += 1
            place = message["data"].get("rooms", {}).get(self.room)
            if place is not None:
                self._placed(place)
        elif kind in ("heartbeat", "ping"):
            self.heartbeats += 1
            self.counts.heartbeats += 1
        elif kind == "error":
            self.fault(f"error: {message}")
        return message

    def _placed(self, place: Message) -> None:
        """What the server says of the room when the client joins: it goes on, or is told that it starts anew."""
        if place["recovered"]:
            self.counts.recovered += 1
            self.recovered += 1
            if self.epoch != place["epoch"]:
                self.fault(f"recovered in epoch {place['epoch']}, but the position was of {self.epoch}")
        else:
            self.counts.reset += 1
            if self.epoch == place["epoch"] and 0 <= place["offset"] - self.last <= HISTORY:
                self.fault(f"not recovered, although only {place['offset'] - self.last} messages were missed")
            self.epoch, self.last = place["epoch"], place["offset"]
        self.joins += 1
        self.joined.set()

    def _published(self, message: Message) -> None:
        if message.get("room") != self.room:
            self.fault(f"a message of room {message.get('room')}")
            return
        self.counts.messages += 1
        offset = message["offset"]
        if not self.joined.is_set():
            self.fault(f"offset {offset} before the answer that gives the position")
        if offset != self.last + 1:
            self.fault(f"{'gap' if offset > self.last else 'duplicate'}: offset {offset} after {self.last}")
        if message["data"]["n"] != offset:
            self.fault(f"offset {offset} holds publication {message['data']['n']}")
        self.last = offset

    async def read(self, socket: ClientConnection) -> None:
        """Takes messages until the connection ends."""
        async for text in socket:
            self.take(text)
            async with self.moved:
                self.moved.notify_all()

    async def joined_again(self, before: int) -> None:
        """Returns once it has joined more often than `before`."""
        async with self.moved:
            await self.moved.wait_for(lambda: self.joins > before)

    async def reached(self, offset: int) -> None:
        """Returns once the message of that offset has come."""
        async with self.moved:
            await self.moved.wait_for(lambda: self.last >= offset)


@asynccontextmanager
async def connected(port: int, path: str) -> AsyncIterator[ClientConnection]:
    async with connect(
        f"ws://127.0.0.1:{port}{path}",
        compression=None,
        ping_interval=None,
        close_timeout=2,
        open_timeout=20,
        proxy=None,
    ) as socket:
        yield socket
