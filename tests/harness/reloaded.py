"""The application that is edited under its clients: publishes to the fleet's room as long as it lives."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

import ws_manager

ws_manager.configure(max_connections=100_000, max_connections_per_ip=100_000)


async def publish() -> None:
    n = 0
    while True:
        n += 1
        ws_manager.send_to_room("project:r0", {"type": "bench", "data": {"n": n}})
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with ws_manager.lifespan(app):
        publishing = asyncio.create_task(publish())
        yield
        publishing.cancel()


app = FastAPI(lifespan=lifespan)
app.include_router(ws_manager.router)
