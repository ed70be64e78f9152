"""An endpoint of the application's own with connect(), and no router at all."""

from entrances.applications.beside import live
from fastapi import FastAPI

import ws_manager

app = FastAPI(lifespan=ws_manager.lifespan)
app.add_api_websocket_route("/live/{board}", live)
