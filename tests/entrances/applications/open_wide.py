"""The ten lines with a chat that everyone may write to; what attacks aim at that need no guard."""

from fastapi import FastAPI, Request

import ws_manager

ws_manager.configure(admin=True, handshake_timeout=1, max_connections=5000, max_connections_per_ip=5000, rate=0)
ws_manager.room("chat:*", publish="anyone")
app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)


@app.post("/app")
async def mine(request: Request) -> dict[str, int]:
    return {"bytes": len(await request.body())}
