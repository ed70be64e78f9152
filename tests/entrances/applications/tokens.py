"""The ten lines with a key for tokens."""

from fastapi import FastAPI

import ws_manager

ws_manager.configure(jwt_secret="the-secret-of-the-entrances-" + "x" * 32, jwt_cookie="session", jwt_query="token")
app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)
