"""A look at the application: whether it checks clients by itself, where our endpoints are, and what they shadow.

Rule 1 of docs/access.md makes our endpoints routes of the application; so its table says who may come, and the start
says it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

from ws_manager._core import WsManagerError, endpoint_defaults
from ws_manager._labels import visible
from ws_manager._logging import SERVERS, Limiter, logger
from ws_manager._routes import Before, Place, Survey, fits, survey

if TYPE_CHECKING:
    from ws_manager._offers import Manager

WANTS_REQUEST = (
    "%s before ws_manager's endpoints wants a Request, which a WebSocket is not: each ends with an error (500). Let it "
    "take a starlette.requests.HTTPConnection, which is both"
)

KNOWN_BLIND = {"CORSMiddleware", "GZipMiddleware"}
"""Middleware that sees HTTP only, and that nobody takes for a guard."""

_seen: WeakKeyDictionary[Any, Survey | None] = WeakKeyDictionary()
_warned: WeakSet[Any] = WeakSet()
"""Applications whose shadowed routes have been named: a server's wrapper is another object around the same."""


def say(text: str, *args: object) -> None:
    """A line of the start: by our logger if somebody listens to it, else by the server's, else to stderr."""
    own = logging.getLogger("ws_manager")
    if own.level == logging.NOTSET and not (own.isEnabledFor(logging.INFO) and own.hasHandlers()):
        for name in SERVERS:
            server = logging.getLogger(name)
            if server.isEnabledFor(logging.INFO) and server.hasHandlers():
                server.info(text, *args)
                return
        if not any(logging.getLogger(name).hasHandlers() for name in ("ws_manager", *SERVERS)):
            # Nobody has set up logging, or not yet: a plain program; hypercorn while the application starts.
            print("INFO:    ", text % args, file=sys.stderr)
            return
    own.info(text, *args)


def warn(text: str, *args: object, level: int = logging.WARNING) -> None:
    """A warning, or an error."""
    logger.log(level, text, *args, stacklevel=2)


def look(app: Any, manager: Manager | None = None) -> Survey | None:
    """Looks at an application once: what it shows is known to the managers in its table, and to `manager`."""
    with suppress(TypeError):  # what cannot be remembered is looked at each time
        if app in _seen:
            found = _seen[app]
            if manager is not None and found is not None:
                learn(manager, found)
            return found
    found = survey(app) if app is not None else None
    with suppress(TypeError):
        _seen[app] = found
    if found is None:
        return None
    managers = found.managers
    if manager is not None and manager not in managers:
        managers.append(manager)
    for each in managers:
        learn(each, found)
    if found.app in _warned:
        return found
    _warned.add(found.app)
    for shadow in found.shadowed:
        warn(
            "%s %s of the application is never called: it comes after ws_manager's %s in the routing table. Put it "
            "before app.include_router(ws_manager.router), or give the router a prefix",
            "the WebSocket route" if shadow.own.websocket else "the route",
            shadow.own.path,
            shadow.ours.path,
        )
    return found


def route_of(scope: Mapping[str, Any]) -> str:
    """The pattern of the route that a request has taken, as its path may hold a secret; "" if unknown."""
    place = _place_of(scope)
    if place is not None:
        return f"{place.shown.rstrip('/')}/..." if place.opaque else place.path
    return str(getattr(scope.get("route"), "path", None) or "")


def prefix_of(app: Any, path: str, root_path: str = "") -> str:
    """What the application has put before the path of an endpoint of ours, as a pattern. root_path: the server's."""
    found = look(app)
    place = found.find(path.removeprefix(root_path)) if found is not None else None
    return place.path.removesuffix(place.endpoint.pattern) if place is not None and place.endpoint is not None else ""


def _place_of(scope: Mapping[str, Any]) -> Place | None:
    found = look(scope.get("app"))
    if found is None:
        return None
    # A mount moves its path into root_path, and a mounted application of Starlette's is the scope's.
    roots = (scope.get("app_root_path", scope.get("root_path", "")), scope.get("root_path", ""))
    paths = dict.fromkeys(scope["path"].removeprefix(root) for root in roots)
    return next((place for path in paths if (place := found.find(path)) is not None), None)


def learn(manager: Manager, found: Survey) -> None:
    """A WebSocket route of the application's own means that it decides who comes in; so does what may be one."""
    if found.decides is not None:
        manager._checked(found.decides)


def tell_endpoints(found: Survey | None) -> Survey | None:
    """One line at the start: which endpoints exist, where, and behind what. Returns its argument."""
    if found is None:
        return None
    if not found.endpoints:
        say("ws_manager: no endpoint: the application includes no router (app.include_router(ws_manager.router))")
        return found
    groups: dict[Before, list[str]] = {}
    for place in found.endpoints:
        groups.setdefault(found.before_of(place), []).append(place.path)
    rows = [", ".join(paths) + _behind(before) for before, paths in groups.items()]
    say("ws_manager: endpoints %s", "; ".join(rows))
    _warn_blind(found)
    broken = dict.fromkeys(name for place in found.endpoints for name in place.broken)
    if broken:
        warn(WANTS_REQUEST, ", ".join(broken))
    return found


def warn_own_port(found: Survey | None, port: int, access: str) -> None:
    """A warning at the start where the own port is open, and the same endpoints stand behind a guard elsewhere.

    access: as Runtime.access() describes it.
    """
    if found is None or not port or not access.startswith("open"):
        return
    guards = dict.fromkeys(guard for place in found.endpoints for guard in found.before_of(place).guards)
    if guards:
        warn(
            "the own port %d (option port) has no guard: who reaches it hears every public room, without what the "
            "application has put before the same endpoints (%s). Leave the option port out, add an authenticate "
            "handler, which is asked there as well, or set access=granted (WEBSOCKET_ACCESS)",
            port,
            ", ".join(guards),
        )


def _behind(before: Before) -> str:
    """What stands before endpoints, in brackets."""
    guards = f"behind {', '.join(before.guards)}" if before.guards else ""
    blind = f"{', '.join(before.blind)} {'sees' if len(before.blind) == 1 else 'see'} HTTP only" if before.blind else ""
    both = "; ".join(filter(None, (guards, blind)))
    return f" ({both})" if both else ""


def _warn_blind(found: Survey) -> None:
    """A warning for middleware that looks like a guard of endpoints that are open, and never sees a WebSocket."""
    for place in found.endpoints:
        before = found.before_of(place)
        blind = [name for name in before.blind if name not in KNOWN_BLIND]
        if before.guards or not blind or place.endpoint is None or not _open_unasked(place.endpoint.manager):
            continue
        warn(
            '%s of the application (@app.middleware("http") makes one) guards HTTP only: WebSockets pass it unseen, '
            "and who opens %s hears every public room. Guard by dependencies=[...] of app.include_router(), or say "
            "access=granted or access=open (WEBSOCKET_ACCESS)",
            ", ".join(dict.fromkeys(blind)),
            place.path,
        )
        return


def _open_unasked(manager: Manager) -> bool:
    """Whether rooms are open as nothing checks, and nobody has said that they are to be."""
    with suppress(WsManagerError):
        access = manager._access()
        return access.startswith("open") and "access=auto" in access
    return False


_refusals = Limiter()


def tell_refused(app: Any, path: str, root_path: str, default: Callable[[], Manager]) -> None:
    """A line for an upgrade of one of our endpoints that the application has refused, or has no route for.

    default: gives the manager whose endpoints are meant where the table has none.
    """
    found = look(app)
    if found is None:
        return
    path = path.removeprefix(root_path) if root_path else path
    place = found.find(path)
    if place is not None and place.endpoint is None:
        return  # an endpoint of the application's own: its business
    if place is None and not any(_serves(manager, path) for manager in found.managers or [default()]):
        return
    more = _refusals.due()
    if more is None:
        return
    if place is not None:  # the application's own rule, which is no mistake as a rule
        guards = ", ".join(found.before_of(place).guards) or "the application"
        say(
            "refused: an upgrade of %s, by what the application has put before that endpoint: %s%s",
            place.path,
            guards,
            more,
        )
    else:
        warn("refused: %s%s", _missing(found, path), more)


def tell(code: int, where: str, why: str) -> None:
    """A line for a client that was refused with a close code in an endpoint of the application's own."""
    refused(f"a connection to {where}, closed with {code}", why)


def refused(what: str, why: str) -> None:
    """A line for what was refused, which never has the value that was wrong in it."""
    more = _refusals.due()
    if more is not None:
        warn("refused: %s: %s%s", what, visible(why), more)


def _serves(manager: Manager, path: str) -> bool:
    with suppress(WsManagerError):
        return manager._serves(path)
    return False


def _missing(found: Survey, path: str) -> str:
    elsewhere = [place.path for place in found.endpoints if place.endpoint and fits(place.endpoint.pattern, path)]
    if elsewhere:
        where = ", ".join(elsewhere)
        return f"an upgrade of a path that the application has no route for: it has included this endpoint as {where}"
    return (
        "an upgrade of an endpoint of ws_manager that the application has no route for: "
        f"app.include_router(ws_manager.router) adds it, behind the dependencies that you give there{_shown(path)}"
    )


def _shown(path: str) -> str:
    """The path, if it can have no token in it."""
    return f" ({path})" if "{" not in path and path in dict(endpoint_defaults()) else ""
