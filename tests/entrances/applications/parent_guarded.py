"""The router inside a parent router that has a dependency."""

from fastapi import APIRouter, Depends, FastAPI

import ws_manager
from entrances.applications.guards import current_user

parent = APIRouter(prefix="/v1", dependencies=[Depends(current_user)])
parent.include_router(ws_manager.router)
app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(parent)
