"""The runtime runs, but nothing of it is included."""

from fastapi import FastAPI

import ws_manager

app = FastAPI(lifespan=ws_manager.lifespan)


@app.get("/")
def index() -> str:
    return "the application"
