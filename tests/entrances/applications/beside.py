"""An endpoint of the application's own with connect(), beside the router."""

from fastapi import Depends, FastAPI, WebSocket, WebSocketException

import ws_manager
from entrances.applications.guards import current_user

BOARDS = {"u1": {"7"}, "u2": {"8"}}

app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)


@app.websocket("/live/{board}")
async def live(websocket: WebSocket, board: str, user: str = Depends(current_user)) -> None:
    if board not in BOARDS[user]:
        raise WebSocketException(1008)
    await ws_manager.connect(websocket, user_id=user, rooms=[f"board:{board}"])
