"""Routes of the application's own that come behind the router: /ws, and /metrics."""

from fastapi import FastAPI, WebSocket
from fastapi.responses import PlainTextResponse

import ws_manager

app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)


@app.websocket("/ws")
async def ws(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json({"type": "mine"})
    await websocket.close()


@app.get("/metrics")
def metrics() -> PlainTextResponse:
    return PlainTextResponse("mine")
