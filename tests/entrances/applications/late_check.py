"""The ten lines; the control adds a check while they run."""

from fastapi import FastAPI

import ws_manager

app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)
