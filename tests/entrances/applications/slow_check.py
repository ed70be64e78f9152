"""The ten lines with an `authenticate` handler that does all that a check may do."""

import asyncio
from typing import Any

from fastapi import FastAPI

import ws_manager

ws_manager.configure(auth_timeout=2, handshake_timeout=1, heartbeat_interval=1, timeout=4)
ws_manager.configure(max_connections=5000, max_connections_per_ip=5000, max_connections_per_user=5000)
app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)


@ws_manager.authenticate
async def who(request: Any) -> Any:
    how = request.headers.get("x-how", "")
    await asyncio.sleep(0.3 if how == "slow" else 0.05)
    if how == "raises":
        raise RuntimeError("the check raises")
    if how == "closes":
        raise ConnectionError("the check's own source has gone")
    if how == "refuses":
        return False
    return "u1" if how == "slow" else None
