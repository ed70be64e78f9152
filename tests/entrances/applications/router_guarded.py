"""The router behind a dependency, with a prefix."""

from fastapi import Depends, FastAPI

import ws_manager
from entrances.applications.guards import current_user

app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router, prefix="/v1", dependencies=[Depends(current_user)])
