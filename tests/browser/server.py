"""The server that the browser tests start, kill and start again: FastAPI under a real uvicorn, with hand-over.

    python server.py --port P [--option name=value ...] [--disk pattern ...] [--publish room ... --per-second N]
        --files /prefix=folder ...

It serves the test pages, publishes {"type": "tick", "data": {"run", "n"}} with n = 1, 2 ... to each room, and answers

    POST /control/publish {"room", "count", "first"}    count messages {"run": "burst", "n": first ...}, at once; also
                          "type", further "data", and "per_second"; or {"room", "bytes"}: so many bytes
    POST /control/pace {"per_second"}                   how fast it goes on publishing; 0: not at all
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

import ws_manager
from ws_manager.uvicorn import WebSocketProtocol


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--option", action="append", default=[])
    parser.add_argument("--publish", action="append", default=[])
    parser.add_argument("--per-second", type=float, default=0)
    parser.add_argument("--disk", action="append", default=[])
    parser.add_argument("--files", action="append", default=[])
    return parser.parse_args()


class Publisher:
    """Publishes without pause, as long as the process lives."""

    def __init__(self, rooms: list[str], per_second: float) -> None:
        self.rooms = rooms
        self.per_second = per_second
        self.n = 0

    async def run(self) -> None:
        due = time.monotonic()
        while True:
            if not self.per_second:
                await asyncio.sleep(0.01)
                due = time.monotonic()
                continue
            self.n += 1
            for room in self.rooms:
                send(room, {"type": "tick", "data": {"run": os.getpid(), "n": self.n}})
            due = max(due + 1 / self.per_second, time.monotonic() - 1)
            await asyncio.sleep(due - time.monotonic())


def send(room: str, message: dict[str, Any]) -> None:
    if room == "@all":
        ws_manager.broadcast(message)
    else:
        ws_manager.send_to_room(room, message)


def application(args: argparse.Namespace) -> FastAPI:
    options: dict[str, Any] = dict(text.split("=", 1) for text in args.option)
    ws_manager.configure(**options)
    for pattern in args.disk:
        ws_manager.room(pattern, store="disk")
    publisher = Publisher(args.publish, args.per_second)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with ws_manager.lifespan(app):
            task = asyncio.create_task(publisher.run())
            yield
            task.cancel()

    app = FastAPI(lifespan=lifespan)
    app.include_router(ws_manager.router)

    @ws_manager.on_command("echo")
    async def echo(_: Any, data: dict[str, Any]) -> Any:
        return data.get("value")

    @app.post("/control/publish")
    async def publish(order: dict[str, Any]) -> dict[str, int]:
        if "bytes" in order:
            ws_manager.send_to_room(order["room"], b"x" * order["bytes"])
            return {"published": 1}
        kind, data, first = order.get("type", "tick"), order.get("data", {}), order.get("first", 1)
        started = time.monotonic()
        for i in range(order["count"]):
            send(order["room"], {"type": kind, "data": {"run": "burst", "n": first + i, **data}})
            if "per_second" in order:
                await asyncio.sleep(max(0, started + i / order["per_second"] - time.monotonic()))
        return {"published": order["count"]}

    @app.post("/control/pace")
    async def pace(order: dict[str, float]) -> dict[str, int]:
        publisher.per_second = order["per_second"]
        return {"n": publisher.n}

    for text in args.files:
        prefix, folder = text.split("=", 1)
        app.mount(prefix, StaticFiles(directory=folder))
    return app


def main() -> None:
    args = arguments()
    uvicorn.run(application(args), host="127.0.0.1", port=args.port, ws=WebSocketProtocol, log_level="warning")


if __name__ == "__main__":
    main()
