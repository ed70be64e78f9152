"""The ten lines, with rooms that need a grant by the user's word."""

from fastapi import FastAPI

import ws_manager

ws_manager.configure(access="granted")
app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)
