"""`python -m ws_manager check main:app`: what the application lets whom do, without serving it.

Nothing is started, and no port is opened. The application is imported, its routing table read, and the rule of
docs/access.md put in words.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from ws_manager._core import WsManagerError, room_valid
from ws_manager._look import look
from ws_manager._manager import default_manager

if TYPE_CHECKING:
    from ws_manager._manager import WebSocketManager
    from ws_manager._routes import Survey

WHO = {
    "anyone": "everyone who gets in",
    "authenticated": "users: who was let in with a user id",
    "nobody": "no client",
    "granted": "who was granted it: by rooms= or subscribe= of connect() and authenticate, the token's claim rooms, "
    "ws_manager.subscribe(), or a yes of the authorize handler",
}
"""Values of the room rule `subscribe`, for people."""


def load(name: str) -> Any:
    """The application of an import string ("main:app", "main:make()")."""
    module_name, colon, path = name.partition(":")
    if not module_name or not colon or not path:
        raise ValueError(f'{name!r} is no import string; write MODULE:ATTRIBUTE, as "main:app"')
    if "" not in sys.path and "." not in sys.path:
        sys.path.insert(0, "")
    called = path.endswith("()")
    found: Any = importlib.import_module(module_name)
    for part in path.removesuffix("()").split("."):
        found = getattr(found, part)
    return found() if called else found


def report(app: Any, rooms: list[str]) -> tuple[list[str], int]:
    """The lines, and the exit status: 1 if something is shadowed, or nothing of ours exists."""
    found = look(app)
    if found is None:
        return ["This application has no routing table that can be read (FastAPI and Starlette have one)."], 1
    managers = found.managers or [default_manager()]
    lines = [*_endpoints(found), "", *_shadowed(found)]
    for manager in managers:
        lines += _access(manager)
        lines += ["", *(line for room in rooms for line in _hears(manager, found, room))] if rooms else []
    return lines, 1 if found.shadowed or not found.endpoints else 0


def _behind(found: Survey, guards: tuple[str, ...]) -> str:
    every = (*found.middleware, *guards)
    return f"behind {', '.join(every)}" if every else "nothing of the application's is before it"


def _endpoints(found: Survey) -> list[str]:
    if not found.endpoints:
        return ["Endpoints: none. app.include_router(ws_manager.router) adds them."]
    width = max(len(place.path) for place in found.endpoints)
    own = [place for place in found.places if place.websocket and not place.ours]
    return [
        "Endpoints of ws_manager:",
        *(f"  {place.path:<{width}}  {_behind(found, place.guards)}" for place in found.endpoints),
        *(["WebSocket routes of the application's own:"] if own else []),
        *(f"  {place.path}" for place in own),
    ]


def _shadowed(found: Survey) -> list[str]:
    return [
        f"Never called: {shadow.own.path} of the application, as {shadow.ours.path} of ws_manager comes first."
        for shadow in found.shadowed
    ]


def _access(manager: WebSocketManager) -> list[str]:
    with manager._lock:
        runtime = manager._any_runtime()
    return [f"Access is {runtime.access()}."]


def _hears(manager: WebSocketManager, found: Survey, room: str) -> list[str]:
    """Who hears a room, over which endpoint."""
    if not room_valid(room) and room != "@all":
        return [f"{room!r} is no valid name of a public room."]
    with manager._lock:
        runtime = manager._any_runtime()
    granted = runtime.access().startswith("granted")
    who = _rule(manager, room) or ("anyone" if room == "@all" or not granted else "granted")
    lines = [f"Who hears {room}: {WHO[who]}."]
    if who != "nobody" and granted:
        lines.append('  all rooms at once (/ws/notifications): who was granted "*"')
    elif who == "anyone":
        lines.append("  all rooms at once (/ws/notifications): everyone who gets in")
    guards = sorted({_behind(found, place.guards) for place in found.endpoints})
    return [*lines, *(f"  who gets in: {guard}" for guard in guards)]


def _rule(manager: WebSocketManager, room: str) -> str:
    """What the longest pattern says that speaks of subscribing."""
    fitting = [
        (len(pattern), rule["subscribe"])
        for pattern, rule in manager._rooms.items()
        if rule.get("subscribe") and (pattern == room or (pattern.endswith("*") and room.startswith(pattern[:-1])))
        if room != "@all" or pattern == "@all"
    ]
    return max(fitting)[1] if fitting else ""


def main(arguments: list[str]) -> int:
    """The command; returns the exit status: 0, 1 where something wants a look, 2 for wrong arguments."""
    rooms, names = [], []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--room":
            rooms.append(next(waiting, ""))
        elif argument.startswith("--room="):
            rooms.append(argument.removeprefix("--room="))
        else:
            names.append(argument)
    if len(names) != 1 or names[0].startswith("-"):
        print("usage: python -m ws_manager check APP [--room ROOM]...", file=sys.stderr)
        return 2
    try:
        app = load(names[0])
        lines, status = report(app, rooms)
    except (ImportError, AttributeError, ValueError, WsManagerError) as error:
        print(f"check: {error}", file=sys.stderr)
        return 2
    print("\n".join(lines))
    return status
