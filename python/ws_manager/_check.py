"""`python -m ws_manager check main:app`: what the application lets whom do, without serving it.

Nothing is started, and no port is opened. The application is imported, its routing table read, and the rule of
docs/access.md put in words.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from ws_manager._core import ENDPOINT_FIREHOSE, WsManagerError, endpoint_defaults, room_valid
from ws_manager._look import WANTS_REQUEST, learn, look
from ws_manager._manager import default_manager

if TYPE_CHECKING:
    from ws_manager._core import Runtime
    from ws_manager._offers import Manager
    from ws_manager._routes import Before, Survey

USAGE = """\
usage: python -m ws_manager check APP [--room ROOM]...

  APP          An ASGI application, "main:app" or "main:make()". It is imported, and not served.
  --room ROOM  Say who hears this room, who may publish into it and who may read its history.

Exit status: 0; 1 where something wants a look (a route that is never called, a guard that cannot work, no endpoint at
all); 2 for wrong arguments.
"""

NO_TABLE = "This application has no routing table that can be read (FastAPI and Starlette have one)."

FIREHOSES = {path for path, flags in endpoint_defaults() if flags & ENDPOINT_FIREHOSE}

GRANTED = (
    "who was granted it: by rooms= or subscribe= of connect() and authenticate, the token's claim rooms, "
    "ws_manager.subscribe(), or a yes of the authorize handler"
)
PUBLISHES = "who was granted that: by publish=, the token's claim publish, or a yes of the authorize handler"
READS = (
    "who was granted it, where the call says who that is: by a token, the authenticate handler, or "
    "ws_manager.rest(request, user_id=...)"
)


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


class Subject(NamedTuple):
    """What is asked about: a manager, and the application that it is included in, if that can be read."""

    manager: Manager
    runtime: Runtime
    found: Survey | None

    @property
    def granted(self) -> bool:
        """Whether rooms need a grant."""
        return self.runtime.access().startswith("granted")

    @property
    def key(self) -> bool:
        """Whether there is an API key."""
        return bool(self.runtime.option("api_key"))

    @property
    def port(self) -> str:
        """The option `port`: "" where there is none."""
        return self.runtime.option("port")

    @property
    def checks(self) -> str:
        """Who passes what checks every client of our endpoints; "" where nothing does."""
        ways = []
        if self.runtime.takes_tokens:
            ways.append("who brings a good token")
        if self.manager._asks:
            ways.append("whom the authenticate handler lets in")
        return " or ".join(ways)

    @property
    def has_users(self) -> bool:
        """Whether anybody can have a user id."""
        return bool(self.checks) or (self.found is not None and self.found.decides is not None)

    def passing(self, before: Before) -> str:
        """Who gets through to an endpoint."""
        guards = f"everyone who passes {', '.join(before.guards)}" if before.guards else ""
        return " and ".join(filter(None, (guards, self.checks))) or "everyone"

    @property
    def firehose(self) -> bool:
        """Whether there is an endpoint that hears all rooms."""
        places = [] if self.found is None else self.found.endpoints
        return bool(self.port) or any(place.endpoint and place.endpoint.pattern in FIREHOSES for place in places)

    @property
    def entrants(self) -> str:
        """Who gets in, over any endpoint."""
        found = self.found
        ways = [] if found is None else [self.passing(found.before_of(place)) for place in found.endpoints]
        if self.port:
            ways.append(self.checks or f"everyone who reaches the {_own_port(self)}")
        if found is not None and found.decides is not None:
            ways.append(f"whom {found.decides} lets in")
        return "everyone" if "everyone" in ways else "; ".join(dict.fromkeys(ways)) or "nobody: there is no endpoint"


def report(app: Any, rooms: list[str]) -> tuple[list[str], int]:
    """The lines, and the exit status: 1 if something is wrong, or nothing of ours exists."""
    found = look(app)
    managers = (found.managers if found is not None else []) or [default_manager()]
    subjects = []
    for manager in managers:
        if found is not None:
            learn(manager, found)  # Without a router, it may be the one that connect() of the application uses.
        subjects.append(Subject(manager, manager._any_runtime(), found))
    lines = [NO_TABLE] if found is None else [*_endpoints(subjects, found), *_wrong(found)]
    for subject in subjects:
        lines += ["", *_general(subject), *(line for room in rooms for line in ("", *_room(subject, room)))]
    nothing = found is None or not (found.endpoints or found.decides or any(subject.port for subject in subjects))
    return lines, 1 if nothing or found is None or _wrong(found) else 0


def _endpoints(subjects: list[Subject], found: Survey) -> list[str]:
    own = [place for place in found.places if place.websocket and not place.ours]
    lines = ["Endpoints of ws_manager, and who gets in:"]
    if not found.endpoints:
        lines = ["Endpoints in the application: none. app.include_router(ws_manager.router) adds them."]
    width = max((len(place.path) for place in found.endpoints), default=0)
    for place in found.endpoints:
        before = found.before_of(place)
        subject = next(s for s in subjects if place.endpoint is not None and s.manager is place.endpoint.manager)
        blind = f" ({', '.join(before.blind)}: HTTP only, no WebSocket is seen by it)" if before.blind else ""
        lines.append(f"  {place.path:<{width}}  {subject.passing(before)}{blind}")
    return [
        *lines,
        *(["WebSocket routes of the application's own:"] if own else []),
        *(f"  {place.shown}{' (mounted; its routes cannot be seen)' if place.opaque else ''}" for place in own),
    ]


def _wrong(found: Survey) -> list[str]:
    broken = dict.fromkeys(name for place in found.endpoints for name in place.broken)
    return [
        *(
            f"Never called: {shadow.own.path} of the application, as {shadow.ours.path} of ws_manager comes first."
            for shadow in found.shadowed
        ),
        *([f"Cannot work: {WANTS_REQUEST % ', '.join(broken)}."] if broken else []),
    ]


def _own_port(subject: Subject) -> str:
    return f"own port {subject.port} of {subject.runtime.option('host')}"


def _general(subject: Subject) -> list[str]:
    lines = [f"Access is {subject.runtime.access()}."]
    if subject.port:
        local = subject.runtime.option("host") in ("localhost", "127.0.0.1", "::1")
        lines.append(
            f"The {_own_port(subject)} has every endpoint and REST call too, without what the application puts before "
            f"them; {'only this machine reaches it' if local else 'other machines reach it'}."
        )
    else:
        lines.append("There is no own port (option port).")
    operators = "who has the API key" if subject.key else "this machine only, as no API key is set (option api_key)"
    return [
        *lines,
        f"Who hears @all, which broadcast() sends to: {_hears(subject, '@all')}.",
        f"Statistics, broadcasts and the admin panel over HTTP: {operators}.",
    ]


def _room(subject: Subject, room: str) -> list[str]:
    lines = [f"Who hears {room}: {_hears(subject, room)}."]
    if room == "@all":
        return lines
    if _rule(subject, room, "subscribe") != "nobody" and subject.firehose:
        firehose = 'who was granted "*"' if subject.granted else subject.entrants
        lines.append(f"  all rooms at once (/ws/notifications): {firehose}")
    return [
        *lines,
        f"  who may publish into it: {_may(subject, _rule(subject, room, 'publish') or 'granted', PUBLISHES)}",
        f"  who may read its history over HTTP: {_reads(subject, room)}",
    ]


def _hears(subject: Subject, room: str) -> str:
    who = _rule(subject, room, "subscribe") or ("anyone" if room == "@all" or not subject.granted else "granted")
    return _may(subject, who, GRANTED)


def _may(subject: Subject, who: str, granted: str) -> str:
    """A value of a room rule, for people."""
    if who == "anyone":
        return subject.entrants
    if who == "nobody":
        return "no client"
    if who == "granted":
        return granted
    if not subject.has_users:
        return "users, and nobody can be one: no token, authenticate handler or connect(user_id=...) makes one"
    return "users: who was let in with a user id"


def _reads(subject: Subject, room: str) -> str:
    """Who may read what a room keeps, over HTTP; what stands before the call holds for all of them."""
    found = subject.found
    who = _rule(subject, room, "history") or _rule(subject, room, "subscribe")
    who = who or ("granted" if subject.granted else "anyone")
    calls = [] if found is None else [p for p in found.places if p.ours and p.path.endswith("/api/ws/history")]
    if not calls and not subject.port:
        return "nobody: there is no such call"
    ways = ["everyone" if who == "anyone" else _may(subject, who, READS)]
    if who != "anyone" and subject.key:
        ways.append("who has the API key")
    guards = dict.fromkeys(
        name for p in calls if found is not None for b in (found.before_of(p),) for name in (*b.guards, *b.blind)
    )
    behind = f" (in the application behind {', '.join(guards)})" if guards else ""
    return "; ".join(ways) + behind


def _rule(subject: Subject, room: str, setting: str) -> str:
    """What the longest pattern says that speaks of a setting."""
    fitting = [
        (len(pattern), rule[setting])
        for pattern, rule in subject.manager._rooms.items()
        if rule.get(setting) and (pattern == room or (pattern.endswith("*") and room.startswith(pattern[:-1])))
        if room != "@all" or pattern == "@all"
    ]
    return max(fitting)[1] if fitting else ""


def _arguments(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The applications and the rooms that are named. ValueError."""
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
        raise ValueError(USAGE.rstrip())
    for room in rooms:
        if not room_valid(room) and room != "@all":
            raise ValueError(f"--room: {room!r} is no valid name of a public room")
    return names, rooms


def main(arguments: list[str]) -> int:
    """The command; returns the exit status: 0, 1 where something wants a look, 2 for wrong arguments."""
    if "--help" in arguments or "-h" in arguments:
        lines, status = [USAGE.rstrip()], 0
    else:
        try:
            (name,), rooms = _arguments(arguments)
            lines, status = report(load(name), rooms)
        except (ImportError, AttributeError, ValueError, WsManagerError) as error:
            print(error if str(error).startswith("usage:") else f"check: {error}", file=sys.stderr)
            return 2
    try:
        print("\n".join(lines), flush=True)
    except BrokenPipeError:  # `check ... | head`: who reads has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status
