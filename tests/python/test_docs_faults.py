"""Every recipe of the documents in which something is awaited: its client resets or leaves, what is awaited fails.

A new block with an `await` is in the table of those that are tried, or among those that are not and why.
"""

from __future__ import annotations

import re
import signal
import textwrap
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from faults_support import SECRET, Held, Peer, gated, holding, is_async, serving
from test_docs import BLOCK, PAGES, ROOT
from web_support import TIMEOUT, Process

APP = """
from fastapi import FastAPI
import ws_manager
app = FastAPI(lifespan=ws_manager.lifespan)
app.include_router(ws_manager.router)
"""
GREETING = {"type": "connected"}
INTERNAL = {"type": "error", "code": "internal"}
REFUSED_BY_SERVER = {"refused": 500}
"""What an endpoint's error is to a client that is not let in yet: the server's answer, as for every endpoint."""


@dataclass(frozen=True)
class Trip:
    """How a client gets to the points, what it hears when all is well, and when what is awaited there raises."""

    points: str
    path: str
    say: Any = None
    hears: Mapping[str, Any] | None = None
    """None: the greeting."""
    raises: Mapping[str, Any] | None = None
    """None: it is not let in."""
    asks: Any = None
    """Where nobody is answered who is at the points: what it says then, to hear the above."""
    cookie: str = ""
    login: str = ""
    """A path that answers with the cookie."""
    http: str = ""
    """The method of a call over HTTP."""
    listener: str = "/ws"
    """Where somebody listens during that call."""
    raw: bool = False
    """It is not greeted."""
    leaving: bool = False
    """The points are reached by going."""


@dataclass(frozen=True)
class Recipe:
    page: str
    holding: str
    """Words of the block."""
    trips: tuple[Trip, ...]
    setup: str = ""
    """The application around it."""
    needs: tuple[str, ...] = ()
    """Words of the page's other blocks that come before."""


def command(points: str, hears: dict[str, Any], path: str = "/ws", **say: Any) -> Trip:
    """A command whose handler is at the points; it is answered `internal` when they raise."""
    return Trip(points, path, {"id": 1, **say}, {"id": 1, **hears}, {**INTERNAL, "id": 1})


def call(points: str) -> Trip:
    """What a page awaits outside of functions, run by a route of the application."""
    return Trip(points, "/_run", http="GET", hears={"status": 200}, raises={"status": 500})


ENDPOINT = "from fastapi import Depends, WebSocket\n"
ROOT_USER = "ws_manager.authenticate(lambda request: 'root')\n"
REFUSED_BY_HANDLER = {"closed": 1011}
SUBSCRIBE = {"action": "subscribe", "id": 1}

RECIPES = (
    Recipe("access", "async def user(websocket", (Trip("user.0 live.0", "/live/7", cookie="user=u1"),)),
    Recipe(
        "access",
        "async def who(request)",
        (
            Trip("who.0", "/ws", cookie="session=c00kie", raises=REFUSED_BY_HANDLER),
            Trip(
                "may.0",
                "/ws",
                {**SUBSCRIBE, "room": "inbox:user-1"},
                {"type": "subscribed"},
                {"type": "error", "code": "forbidden"},
                cookie="session=c00kie",
            ),
        ),
        APP,
    ),
    Recipe(
        "access",
        "async def history(request",
        (
            Trip(
                "history.0",
                "/mine/api/ws/history?room=project:1",
                http="GET",
                hears={"status": 200},
                raises={"status": 500},
                cookie="session=c00kie",
            ),
        ),
    ),
    Recipe("delivery", "await receipt.report(", (call("recipe.0 recipe.1"),), APP),
    Recipe("delivery", 'once="order-7-paid"', (call("recipe.0 recipe.1"),), APP),
    Recipe("getting-started", "delivery = await", (call("recipe.0"),), APP),
    Recipe("storage", "delivery.stored", (call("recipe.0"),), APP),
    Recipe("storage", "delivery.duplicate", (call("recipe.0"),), APP),
    Recipe(
        "getting-started",
        "async def page(id",
        (Trip("page.0 page.1", "/pipelines/7/page", http="GET", hears={"status": 200}, raises={"status": 500}),),
        APP,
    ),
    Recipe(
        "handlers",
        "async def last_words(",
        (command("last_words.0", {"type": "reply"}, action="last_words", board="7"),),
        APP,
    ),
    Recipe(
        "getting-started",
        "async def connected(",
        (
            Trip("connected.0", "/ws", "hello", {"type": "echo"}, {"type": "echo"}),
            command("cancel.0", {"cancelled": "abc"}, action="cancel_analysis", image_id="abc"),
        ),
        APP,
    ),
    Recipe(
        "getting-started",
        "async def who(request)",
        (
            Trip("who.0", "/ws?token=s3cret", raises=REFUSED_BY_HANDLER),
            Trip(
                "may.0",
                "/ws?token=s3cret",
                {**SUBSCRIBE, "room": "pipeline:7"},
                {"type": "subscribed"},
                {"type": "error", "code": "forbidden"},
            ),
        ),
        APP,
    ),
    Recipe("getting-started", "async def current_user(", (Trip("current_user.0 live.0", "/live/7"),), APP),
    Recipe(
        "getting-started",
        "async def at_desk(",
        (
            Trip("at_desk.0", "/desk/3"),
            command("where.0", {"data": "3"}, "/desk/3", action="where"),
        ),
        APP,
        ("async def current_user(",),
    ),
    Recipe(
        "getting-started",
        "async def doctor(",
        (Trip("doctor.0", "/doctor/ana"), Trip("patient.0", "/patient/ana")),
        APP + ENDPOINT,
    ),
    Recipe(
        "getting-started",
        "async def boards_of(",
        (Trip("session.0 boards_of.0 boards.0", "/boards?user=ana"),),
        APP + ENDPOINT,
    ),
    Recipe(
        "handlers",
        "async def load(",
        (
            Trip("load.0", "/ws", "hello", {"type": "chat"}, {"type": "pong"}, asks={"action": "ping"}),
            Trip("message.0", "/ws", "hello", {"type": "chat"}, INTERNAL),
        ),
        APP + "ws_manager.authenticate(lambda request: {'user_id': 'u1', 'rooms': ['board:7']})\n",
    ),
    Recipe(
        "handlers",
        "async def ticks(",
        (
            Trip("ticks.0", "/ws", "hello", {"type": "echo"}, {"type": "echo"}),
            command("report.0", {"data": 499500}, action="report"),
        ),
        APP + "import asyncio\nws_manager.on_message(lambda connection, message: connection.send({'type': 'echo'}))\n",
    ),
    Recipe("handlers", '"welcome":', (Trip("who.0", "/ws", hears={"type": "motd"}, raises=REFUSED_BY_HANDLER),), APP),
    Recipe(
        "handlers",
        "async def open_board(",
        (
            command("open_board.0 open_board.1", {"type": "reply"}, action="open_board", board="7"),
            command("close_board.0", {"type": "reply"}, action="close_board", board="7"),
        ),
        APP,
    ),
    Recipe(
        "handlers",
        "async def cancel(",
        (command("cancel.0", {"cancelled": 7}, action="cancel_analysis", image_id=7),),
        APP,
    ),
    Recipe(
        "handlers",
        "async def purge(",
        (command("admin.0 purge.0", {"purged": 7}, action="purge", image_id=7),),
        "import ws_manager\n" + ROOT_USER,
        ("async def cancel(",),
    ),
    Recipe("migrating", "status_manager = StatusManager()", (call("update_status.0 recipe.0"),), APP),
    Recipe(
        "migrating",
        "await ws_manager.publish_to_channel",
        (
            Trip("endpoint.0", "/user/token-of-ana"),
            call("recipe.0 recipe.1 recipe.2"),
        ),
        APP,
    ),
    Recipe(
        "migrating",
        "class ProcessingProgress",
        (call("progress_callback.0 recipe.0 recipe.1"),),
        APP,
    ),
    Recipe(
        "migrating",
        "progress = connection_manager.progress_callback",
        (call("recipe.0"),),
        APP + "import ws_manager as connection_manager\n",
    ),
    Recipe("migrating", "await ws_manager.send_to_project(", (call("recipe.0"),), APP),
    Recipe(
        "migrating",
        "raw=True, state=",
        (
            Trip("websocket_endpoint.0", "/ws/7", hears={"let_in": True}, raw=True),
            Trip(
                "said.0 said.1",
                "/ws/7",
                "hi",
                {"text": "Client #7 says: hi"},
                raw=True,
                asks="ho",
                raises={"text": "You wrote: ho"},
            ),
            Trip("websocket_endpoint.1", "/ws/7", "hi", {"text": "Client #7 says: hi"}, raw=True, leaving=True),
        ),
    ),
    Recipe(
        "moving/django-channels",
        "async def board(websocket)",
        (
            Trip("board.0 board.2", "/boards/7", login="/login/ana"),
            Trip("board.1", "/boards/7", hears={"refused": 403}),
        ),
    ),
    Recipe(
        "moving/fastapi",
        "async def said(connection",
        (
            Trip("page.0", "/", http="GET", hears={"status": 200}, raises={"status": 500}, listener="/ws/ben"),
            Trip("chat.0", "/ws/ana"),
            Trip("said.0", "/ws/ana", {"text": "hi"}, {"text": "ana: hi"}, INTERNAL),
        ),
    ),
    Recipe(
        "moving/python-socketio",
        "async def say(connection",
        (
            Trip("live.0", "/live?token=token-of-ana"),
            command(
                "say.0",
                {"length": 2},
                "/live?token=token-of-ana",
                action="say",
                room="chat:1",
                text="hi",
            ),
        ),
    ),
)

LIFESPANS = (("getting-started", "# open the database"), ("migrating", "# … what on_event"))
BEFORE = "what the page moves away from: its faults are not ours"
NOT_TRIED: dict[tuple[str, str], str] = {
    ("migrating", "class PipelineWebSocketService"): BEFORE,
    ("migrating", "active: list[WebSocket] = []"): BEFORE,
    ("migrating", "async def send_personal_message(self"): BEFORE,
    ("migrating", "connection_manager.disconnect(client_id)"): BEFORE,
    ("migrating", "class ConnectionManager"): BEFORE,
    ("moving/django-channels", "class Board("): BEFORE,
    ("moving/fastapi", "class ConnectionManager"): BEFORE,
    ("moving/python-socketio", "socketio.AsyncServer("): BEFORE,
    ("moving/sse", "async def events("): BEFORE,
}


def python_blocks() -> list[tuple[str, str]]:
    """(page, code) of each Python block of the documents; the README is `README`."""
    found = []
    for page in PAGES:
        name = page.relative_to(ROOT / "docs").with_suffix("").as_posix() if page.parent != ROOT else page.stem
        found += [
            (name, textwrap.dedent(match["code"]))
            for match in BLOCK.finditer(page.read_text("utf-8"))
            if re.match(r"python\b", match["info"])
        ]
    return found


def block(page: str, words: str) -> str:
    """The one Python block of a page which holds the words."""
    found = [code for name, code in python_blocks() if name == page and words in code]
    assert len(found) == 1, (page, words, len(found))
    return found[0]


def program(recipe: Recipe) -> tuple[str, list[str]]:
    """What is served, and its gates."""
    before = recipe.setup + "".join(block(recipe.page, words) for words in recipe.needs)
    code, points = gated(block(recipe.page, recipe.holding))
    return f"{before}\n{code}", points


def test_every_recipe_with_an_await_is_one_of_those_that_are_tried() -> None:
    tried = [(recipe.page, block(recipe.page, recipe.holding)) for recipe in RECIPES]
    lifespans = [(page, block(page, words)) for page, words in LIFESPANS]
    named = [(page, block(page, words)) for page, words in NOT_TRIED]
    for page, code in python_blocks():
        if is_async(code):
            found = (tried + lifespans + named).count((page, code))
            assert found == 1, f"docs/{page}: neither tried nor named:\n{code}"
    for recipe in RECIPES:
        points = " ".join(trip.points for trip in recipe.trips).split()
        assert sorted(points) == sorted(program(recipe)[1]), f"docs/{recipe.page}: {recipe.holding}"


class Client:
    """Somebody on a trip. With a call over HTTP, one who listens meanwhile goes as well."""

    def __init__(self, port: int, trip: Trip) -> None:
        self.trip = trip
        cookie = trip.cookie
        if trip.login:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{trip.login}", timeout=TIMEOUT) as answer:
                cookie = answer.headers["Set-Cookie"].partition(";")[0]
        self.peers = []
        if trip.http:
            self.peers.append(Peer(port, trip.listener))
            self.peers[0].hears(GREETING)
        self.peers.append(Peer(port, trip.path, cookie, trip.http))
        if trip.say is not None:
            if not trip.raw:
                self.peers[-1].hears(GREETING)
            self.peers[-1].say(trip.say)

    def is_answered(self) -> None:
        self.peers[-1].hears(self.trip.hears or GREETING)

    def is_refused(self) -> None:
        if self.trip.asks is not None:
            self.peers[-1].say(self.trip.asks)
        self.peers[-1].hears(self.trip.raises or REFUSED_BY_SERVER)

    def goes(self, how: str = "leaves") -> None:
        for peer in self.peers:
            peer.reset() if how == "resets" else peer.leave()


def all_is_well(served: Held, trip: Trip) -> None:
    """The next client is served, and leaves nothing behind."""
    client = Client(served.port, trip)
    client.is_answered()
    client.goes()
    served.empty()


def client_goes(served: Held, trip: Trip, point: str, how: str, raises: bool) -> None:
    served.arm(point, raises)
    client = Client(served.port, trip)
    if trip.leaving:
        client.is_answered()
    else:
        served.held(point)
    client.goes(how)
    served.held(point)
    served.empty()  # it has gone for the runtime, whatever the recipe still waits for
    served.release()
    served.done(point)
    all_is_well(served, trip)


def await_raises(served: Held, trip: Trip, point: str) -> None:
    served.arm(point, raises=True)
    client = Client(served.port, trip)
    served.held(point)
    served.release()
    client.is_refused()
    served.done(point)
    client.goes()
    all_is_well(served, trip)


def await_takes_long(served: Held, trip: Trip, point: str) -> None:
    served.arm(point)
    client = Client(served.port, trip)
    served.held(point)
    another = Client(served.port, trip)
    another.is_answered()
    another.goes()
    served.release()
    client.is_answered()
    client.goes()
    served.done(point)
    served.empty()


def stops(served: Held, raised: int) -> None:
    """It ends as it should, and has said nothing but what the recipe raised."""
    served.process.signal(signal.SIGTERM)
    assert served.process.wait() in (0, -signal.SIGTERM)
    has_said_only(served.process, raised)


def has_said_only(process: Process, raised: int) -> None:
    output = process.output
    odd = re.findall(r".*(?:never retrieved|never awaited|was destroyed|Exception ignored|Unhandled).*", output)
    assert odd == []
    errors = re.findall(r"^(?:ERROR: +)?Traceback .*\n(?: .*\n)+(\S.*)$", output, re.M)
    assert errors == [f"RuntimeError: {SECRET}"] * raised, output[-20000:]


@pytest.mark.parametrize("server", ["run", "uvicorn"])
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: f"{recipe.page} {recipe.holding[:28]}")
def test_clients_that_go_and_awaits_that_fail(tmp_path: Path, recipe: Recipe, server: str) -> None:
    raised = 0
    with holding(tmp_path, program(recipe)[0], server) as served:
        for trip in recipe.trips:
            for point in trip.points.split():
                for how in ("resets", "leaves"):
                    client_goes(served, trip, point, how, raises=False)
                    client_goes(served, trip, point, how, raises=True)
                    raised += 1
                if not trip.leaving:
                    await_raises(served, trip, point)
                    raised += 1
                    await_takes_long(served, trip, point)
        stops(served, raised)


@pytest.mark.parametrize("server", ["run", "uvicorn"])
@pytest.mark.parametrize(("page", "words"), LIFESPANS)
def test_lifespans_that_raise(tmp_path: Path, page: str, words: str, server: str) -> None:
    code = APP + block(page, words)
    assert code.count("        yield\n") == 1
    failure = f"        raise RuntimeError({SECRET!r})\n"
    at_the_start = code.replace("        yield\n", f"{failure}        yield\n")
    with serving(tmp_path, at_the_start, server) as process:
        assert process.wait() not in (0, -signal.SIGTERM)
        has_said_only(process, raised=1)
    at_the_end = code.replace("        yield\n", f"        yield\n{failure}")
    with serving(tmp_path, at_the_end, server) as process:
        client = Peer(process.port, "/ws")
        client.hears(GREETING)
        process.signal(signal.SIGTERM)
        client.hears({"closed": 1012 if server == "uvicorn" else 1001})  # uvicorn closes its own
        client.leave()
        process.wait()
        has_said_only(process, raised=1)
