"""Clients that fall behind: what room rules make of them; and it all adds up.

On the own port and after a hand-over. When a bridged connection falls behind is up to the pace of the host's loop: that
is tested in C, where the test confirms what was written.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from typing import Any

import pytest
from support import TIMEOUT
from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.uri import parse_uri

from ws_manager import DeliveryReport, WebSocketManager

FILL = {"type": "fill", "data": "x" * 300_000}
DROPPED = ("overflow", "gap", "left", "closed")


class SlowClient:
    """Reads its socket only when it is asked for a message.

    One with a thread that reads would take some more at any time.
    """

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT)
        self.protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/ws"), max_size=None)
        self.messages: list[dict[str, Any]] = []
        self.protocol.send_request(self.protocol.connect())
        self.next("connected")

    def next(self, type: str | None = None) -> dict[str, Any]:
        """The next message; with `type`, the next of that type."""
        while True:
            self.write()
            while not self.messages:
                data = self.socket.recv(65536)
                assert data, "the server has hung up"
                self.protocol.receive_data(data)
                frames = (
                    each for each in self.protocol.events_received() if getattr(each, "opcode", None) is Opcode.TEXT
                )
                self.messages += [json.loads(frame.data) for frame in frames]
                self.write()
            message = self.messages.pop(0)
            if type is None or message["type"] == type:
                return message

    def write(self) -> None:
        for data in self.protocol.data_to_send():
            self.socket.sendall(data)

    def ask(self, **command: Any) -> dict[str, Any]:
        """Sends a command and returns the next message."""
        self.protocol.send_text(json.dumps(command).encode())
        return self.next()

    def close(self) -> None:
        """Says goodbye, and waits for the end without a look at what comes before it."""
        self.protocol.send_close(1000)
        self.write()
        while self.socket.recv(65536):
            pass
        self.socket.close()


def subscribe(port: int, *rooms: str) -> SlowClient:
    client = SlowClient(port)
    for room in rooms:
        assert client.ask(action="subscribe", room=room)["type"] == "subscribed"
    return client


def choke(manager: WebSocketManager, room: str) -> None:
    """Publishes until the client, who does not read, takes nothing more: each of several waits."""
    until = time.monotonic() + TIMEOUT
    in_a_row = 0
    while in_a_row < 10:
        assert time.monotonic() < until
        before = pending(manager.stats())
        manager.send_to_room(room, FILL)
        in_a_row = in_a_row + 1 if pending(manager.stats()) == before + 1 else 0


def pending(stats: Any) -> int:
    waiting: int = stats["deliveries_waiting"] + stats["deliveries_lagging"]
    return waiting


def check_sums(stats: Any) -> None:
    dropped = sum(stats[f"deliveries_dropped_{reason}"] for reason in DROPPED)
    ended = stats["deliveries_written"] + stats["deliveries_conflated"] + dropped
    assert stats["deliveries"] == ended + pending(stats)


def report_of(receipt: Any, timeout: float) -> DeliveryReport:
    report: DeliveryReport = asyncio.run(receipt.report(timeout))
    return report


@pytest.mark.parametrize("serve", ["own port", "hand-over"], indirect=True)
def test_a_room_of_the_latest(serve: Any) -> None:
    with serve() as (manager, port):
        manager.room("sensor:*", overflow="latest")
        slow = subscribe(port, "sensor:1", "other")
        choke(manager, "other")
        receipts = [
            manager.send_to_room("sensor:1", {"type": kind, "data": n}, report=True)
            for n in range(20)
            for kind in ("heat", "light")
        ]
        check_sums(manager.stats())
        for receipt in receipts[:-2]:
            assert report_of(receipt, TIMEOUT) == DeliveryReport(1, 0, 1, 0, 0, 0, settled=True)
        assert report_of(receipts[-1], 0).pending == 1
        assert [slow.next(kind)["data"] for kind in ("heat", "light")] == [19, 19]
        assert report_of(receipts[-1], TIMEOUT).written == 1
        check_sums(manager.stats())
        slow.close()


@pytest.mark.parametrize("serve", ["own port", "hand-over"], indirect=True)
def test_a_room_that_drops_its_oldest(serve: Any) -> None:
    with serve() as (manager, port):
        manager.room("frames:*", overflow="drop_oldest")
        slow = subscribe(port, "frames:1")
        choke(manager, "frames:1")
        for _ in range(6):
            manager.send_to_room("frames:1", FILL)
        manager.send_to_room("frames:1", {"type": "end"})
        gap = slow.next("gap")["data"]
        assert gap["room"] == "frames:1"
        assert gap["missed"] > 0
        offset = gap["offset"]
        while (message := slow.next())["type"] != "end":
            offset += 1
            assert message["offset"] == offset
        assert message["offset"] == offset + 1
        assert manager.stats()["slow_consumers"] == 0
        check_sums(manager.stats())
        slow.close()


@pytest.mark.parametrize("serve", ["own port", "hand-over"], indirect=True)
def test_reports_of_who_leaves(serve: Any) -> None:
    with serve() as (manager, port):
        slow = subscribe(port, "r")
        choke(manager, "r")
        receipt = manager.send_to_room("r", {"type": "late"}, report=True)
        report = report_of(receipt, 0)
        assert (report.deliveries, report.pending + report.lagging, report.settled) == (1, 1, False)
        closing = threading.Thread(target=slow.close)
        closing.start()
        report = report_of(receipt, TIMEOUT)
        closing.join()
        assert report.settled
        assert report.written + report.dropped == 1
        check_sums(manager.stats())
