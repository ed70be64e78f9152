"""The ten lines with an `authorize` handler alone: it says who may do what, but knows nobody."""

from typing import Any

from fastapi import FastAPI

import ws_manager

app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)


@ws_manager.authorize
async def may(connection: Any, action: str, room: str) -> bool:
    return action == "subscribe" and room == "board:8"
