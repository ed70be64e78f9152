"""The router behind a dependency, with a prefix."""

from entrances.applications.guards import current_user
from fastapi import Depends, FastAPI

import ws_manager

app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router, prefix="/v1", dependencies=[Depends(current_user)])
