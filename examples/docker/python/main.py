"""The smallest application: POST /say/hello reaches every client of /ws/updates."""

from fastapi import FastAPI

import ws_manager

app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)


@app.post("/say/{text}")
def say(text: str) -> dict[str, bool]:
    ws_manager.broadcast({"type": "said", "data": {"text": text}})
    return {"ok": True}
