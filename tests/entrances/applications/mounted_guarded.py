"""The router inside a mounted application that has a dependency of its own."""

from fastapi import Depends, FastAPI

import ws_manager
from entrances.applications.guards import current_user

inner = FastAPI(dependencies=[Depends(current_user)])
inner.include_router(ws_manager.router)
app = FastAPI(lifespan=ws_manager.lifespan)
app.mount("/v1", inner)
