"""run(): uvicorn with the hand-over switched on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def run(app: str | Callable[..., Any], **options: Any) -> None:
    """Serves an ASGI application by uvicorn, with its WebSocket endpoints handed over to the runtime.

    app: an import string ("main:app") or the application; `reload` and `workers` need the string.
    options: those of uvicorn.run(); `ws` is set unless it is given.
    Returns when the server has stopped. ImportError without uvicorn.

    Example: ws_manager.run("main:app", port=8000, reload=True)
    """
    import uvicorn

    from ws_manager.uvicorn import WebSocketProtocol

    options.setdefault("ws", WebSocketProtocol)
    uvicorn.run(app, **options)
