"""As `beside`; and who is logged in may read the history of its boards over REST."""

from fastapi import Depends, FastAPI, Request, Response

import ws_manager
from entrances.applications.beside import BOARDS, live
from entrances.applications.guards import current_user

app = FastAPI(lifespan=ws_manager.lifespan)


@app.get("/api/ws/history")
async def history(request: Request, user: str = Depends(current_user)) -> Response:
    answer: Response = await ws_manager.rest(request, user_id=user, rooms=[f"board:{board}" for board in BOARDS[user]])
    return answer


app.include_router(ws_manager.router)
app.add_api_websocket_route("/live/{board}", live)
