"""The ten lines with an `authenticate` handler."""

from typing import Any

from fastapi import FastAPI

import ws_manager

app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)

ROOMS = {"u1": ["board:7"], "u2": ["board:8"]}


@ws_manager.authenticate
async def who(request: Any) -> dict[str, Any] | None:
    user = request.headers.get("x-user", "")
    return {"user_id": user, "rooms": ROOMS[user]} if user in ROOMS else None
