"""An endpoint of the application's own with connect(), and no router at all."""

from fastapi import FastAPI

import ws_manager
from entrances.applications.beside import live

app = FastAPI(lifespan=ws_manager.lifespan)
app.add_api_websocket_route("/live/{board}", live)
