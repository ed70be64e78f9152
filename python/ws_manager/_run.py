"""run(): uvicorn with the hand-over switched on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ws_manager import _config


def run(app: str | Callable[..., Any], **options: Any) -> None:
    """Serves an ASGI application by uvicorn, with its WebSocket endpoints handed over to the runtime.

    app: an import string ("main:app") or the application; `reload` and `workers` need the string.
    options: those of uvicorn.run(). Unless they are given, `ws` is set and `ws_per_message_deflate` is False: uvicorn
        would inflate messages before a limit of ours could hold. With another `ws`, `ws_max_size` is the option
        max_message_size as the environment has it.
    Returns when the server has stopped. ImportError without uvicorn.

    Example: ws_manager.run("main:app", port=8000, reload=True)
    """
    import uvicorn

    from ws_manager.uvicorn import WebSocketProtocol

    if "ws" in options:
        options.setdefault("ws_max_size", int(_config.value({}, "max_message_size")))
    options.setdefault("ws", WebSocketProtocol)
    options.setdefault("ws_per_message_deflate", False)
    uvicorn.run(app, **options)
