"""Computer-vision pipelines, live in the browser: FastAPI + OpenCV + ws_manager.

Run it with `make demo`, or `python run.py --source <file, URL or camera number>`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import clip
import cv2
from analyses import Analyses
from fastapi import FastAPI, HTTPException, Query, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from load import MachineLoad
from notices import Notices
from pipelines import Definition, PipelineManager, UnknownPipeline
from pydantic import BaseModel, Field
from source import SourceError, VideoSource, label, parse_source
from tracking import Point
from vision import Counter, IntrusionZone, LineCrossing, MotionDetector, PeopleDetector, Tracker

import ws_manager

DIST = Path(__file__).parent / "web" / "dist"
PAGE_SECONDS = 20.0  # how long a simulated analysis takes when the page asks for one
REST_SECONDS = 4.0
ROOM = "pipelines"
log = logging.getLogger("demo")


def points(text: str, least: int) -> list[Point]:
    """Points from "x,y x,y …", fractions of the frame. Raises ValueError."""
    result = []
    for pair in text.split():
        x, y = (float(v) for v in pair.split(","))
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise ValueError(f"{pair}: coordinates are fractions of the frame, 0 to 1")
        result.append((x, y))
    if len(result) < least:
        raise ValueError(f"{text!r}: at least {least} points, as in 0.5,0 0.5,1")
    return result


def geometry(source: str | int) -> tuple[list[Point], list[Point]]:
    """Line and zone for a source: by the environment, else to fit the default clip, else middle and lower third."""
    ours = source == str(clip.find())
    line: list[Point] = list(clip.LINE) if ours else [(0.5, 0.05), (0.5, 0.95)]
    zone: list[Point] = list(clip.ZONE) if ours else [(0.02, 0.66), (0.98, 0.66), (0.98, 0.98), (0.02, 0.98)]
    if text := os.environ.get("DEMO_LINE"):
        line = points(text, 2)
    if text := os.environ.get("DEMO_ZONE"):
        zone = points(text, 3)
    return line, zone


def definitions() -> list[Definition]:
    """The demo's four pipelines."""

    def movers() -> Tracker:  # motion is seen on every frame: more looks before a track is believed
        return Tracker(max_distance=0.06, max_missed=6, min_hits=5)

    return [
        Definition(
            "people",
            "People count",
            "Who is in view, found by OpenCV's HOG people detector",
            "counter",
            "people",
            lambda _: [PeopleDetector(), Tracker(), Counter()],
        ),
        Definition(
            "crossing",
            "Line crossing",
            "Who passes the line across the path, in either direction",
            "line",
            "moving",
            lambda source: [MotionDetector(), movers(), Counter(), LineCrossing(*geometry(source)[0][:2])],
        ),
        Definition(
            "intrusion",
            "Intrusion zone",
            "Who steps on the lawn, where nobody should be",
            "zone",
            "people",
            lambda source: [PeopleDetector(per_second=2), Tracker(), Counter(), IntrusionZone(geometry(source)[1])],
        ),
        Definition(
            "motion",
            "Motion",
            "What moves against the learned background (MOG2)",
            "counter",
            "moving",
            lambda _: [MotionDetector(), movers(), Counter()],
        ),
    ]


def default_source() -> str | int:
    """What DEMO_SOURCE names, else the default clip. Raises SourceError."""
    if text := os.environ.get("DEMO_SOURCE"):
        return parse_source(text)
    found = clip.find()
    if found is None:
        raise SourceError("The default video is not there: start with run.py, which gets it, or set DEMO_SOURCE.")
    return str(found)


cv2.setNumThreads(1)  # each pipeline has its own thread: OpenCV need not start more
first_source = default_source()
geometry(first_source)  # what is wrong with it is said now, not when a pipeline starts

manager = PipelineManager(
    definitions(),
    VideoSource(first_source),
    # Whole pictures are made for those who look at one pipeline: they are in its room then.
    watched=lambda pipeline_id: ws_manager.subscribers(f"picture:{pipeline_id}") > 0,
)
# What the pipelines tell the manager's callbacks becomes messages for everybody who watches.
pipeline_websocket_service = ws_manager.PipelineWebSocketService(manager, room=ROOM)
ws_manager.room(ROOM, history_size=1000)  # whoever was away for two minutes misses nothing
if os.environ.get("WEBSOCKET_STORE"):  # run.py names a file: pages go on through a restart as through a lost connection
    for room in (ROOM, "@all", "logs"):
        ws_manager.room(room, store="disk", history_ttl=3600)
ws_manager.room("picture:*", overflow="latest")  # who can't keep up gets the newest one
notices = Notices()
analyses = Analyses()


def on_picture(pipeline_id: str, picture: dict[str, Any]) -> None:
    ws_manager.notify(
        "pipeline_picture", {"pipeline_id": pipeline_id, **picture}, room=f"picture:{pipeline_id}", priority="low"
    )


def on_failure(pipeline_id: str, failure: dict[str, Any]) -> None:
    restart = {"type": "restart_pipeline", "label": "Restart", "payload": {"pipeline_id": pipeline_id}}
    notices.add("error", f"{name_of(pipeline_id)} failed", failure["error_message"], restart)


def on_analytics(pipeline_id: str, values: dict[str, Any]) -> None:
    if values.get("new_intrusions"):
        show = {"type": "show_pipeline", "label": "Show", "payload": {"pipeline_id": pipeline_id}}
        words = f"Someone entered the zone of {name_of(pipeline_id)}, {values['total_intrusions']} in all"
        notices.add("warning", "Intrusion", words, show)


def name_of(pipeline_id: str) -> str:
    return manager.get(pipeline_id).definition.name


manager.register_callback("picture", on_picture)
manager.register_callback("error", on_failure)
manager.register_callback("analytics", on_analytics)


async def report_load() -> None:
    """Tell the page once a second how the machine and the server do."""
    load = MachineLoad()
    while True:
        await asyncio.sleep(1)
        stats = ws_manager.stats()
        ws_manager.notify_system_status(
            {
                **load.read(),
                "queue_length": 0,
                "active_processing_count": manager.running,
                "connections": stats["active_connections"],
                "messages_sent": stats["total_messages_sent"],
            }
        )


async def go_on() -> None:
    """Take up what the rooms have kept: notifications, and analyses that ended with the process before this one."""
    kept = (await ws_manager.ahistory("@all", limit=1000))["messages"]
    notices.restore(kept)
    analyses.end_lost(kept)


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with ws_manager.lifespan(app):
        handler = ws_manager.LogHandler(level=logging.INFO)
        logging.getLogger("demo").addHandler(handler)
        logging.getLogger("demo").setLevel(logging.INFO)
        await go_on()
        pipeline_websocket_service.initialize()
        reporter = asyncio.create_task(report_load())
        manager.start_all()
        log.info("Demo started with %d pipelines", len(manager.pipelines))
        yield
        log.info("Demo stops")
        reporter.cancel()
        analyses.cancel_all()
        await asyncio.to_thread(manager.stop_all)
        logging.getLogger("demo").removeHandler(handler)


app = FastAPI(title="ws_manager demo: vision pipelines", lifespan=lifespan)
app.include_router(ws_manager.router)

Verb = Literal["start", "stop", "restart", "break"]


def act(verb: Verb, pipeline_id: str) -> dict[str, Any]:
    """Do it; blocks until a stopped pipeline's thread has ended. Raises UnknownPipeline."""
    verbs = {"start": manager.start, "stop": manager.stop, "restart": manager.restart, "break": manager.break_}
    changed = verbs[verb](pipeline_id)
    return {"pipeline_id": pipeline_id, "changed": changed, "status": manager.get(pipeline_id).status}


class NewSource(BaseModel):
    """A file, a URL, a camera's number; empty: back to the source that the server was started with."""

    source: str = Field(default="", max_length=2000)


def change_source(text: str) -> dict[str, Any]:
    """Blocks until the new source has given a picture. Raises SourceError."""
    source = parse_source(text) if text.strip() else first_source
    manager.set_source(VideoSource(source))
    ws_manager.notify("source_changed", {"source": label(source)}, room=ROOM)
    return {"source": label(source)}


# ---- commands that come through the WebSocket; what they return goes back as `reply` ----


def field(data: Any, name: str) -> str:
    """A text field of what a command carries; "" if there is none."""
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, str) else ""


async def command(verb: Verb, data: Any) -> dict[str, Any]:
    try:
        return {"ok": True, **await asyncio.to_thread(act, verb, field(data, "pipeline_id"))}
    except UnknownPipeline as error:
        return {"ok": False, "error": str(error)}


@ws_manager.on_command("start_pipeline")
async def on_start(_connection: ws_manager.Connection, data: Any) -> dict[str, Any]:
    return await command("start", data)


@ws_manager.on_command("stop_pipeline")
async def on_stop(_connection: ws_manager.Connection, data: Any) -> dict[str, Any]:
    return await command("stop", data)


@ws_manager.on_command("restart_pipeline")
async def on_restart(_connection: ws_manager.Connection, data: Any) -> dict[str, Any]:
    return await command("restart", data)


@ws_manager.on_command("break_pipeline")
async def on_break(_connection: ws_manager.Connection, data: Any) -> dict[str, Any]:
    log.warning("A page asked to break the pipeline %s", field(data, "pipeline_id"))
    return await command("break", data)


@ws_manager.on_command("set_source")
async def on_source(_connection: ws_manager.Connection, data: Any) -> dict[str, Any]:
    try:
        return {"ok": True, **await asyncio.to_thread(change_source, field(data, "source"))}
    except SourceError as error:
        return {"ok": False, "error": str(error)}


@ws_manager.on_command("start_analysis")
async def on_start_analysis(_connection: ws_manager.Connection, data: Any) -> dict[str, Any]:
    image_id = field(data, "image_id") or f"img-{secrets.token_hex(2)}"
    if not analyses.start(image_id, PAGE_SECONDS):
        return {"ok": False, "error": f"{image_id} is being analysed already"}
    log.info("Analysis of %s begins", image_id)
    return {"ok": True, "image_id": image_id}


@ws_manager.on_command("cancel_analysis")
async def on_cancel_analysis(_connection: ws_manager.Connection, data: Any) -> dict[str, Any]:
    image_id = field(data, "image_id")
    if not analyses.cancel(image_id):
        return {"ok": False, "error": f"there is no analysis of {image_id!r} under way"}
    log.info("Analysis of %s is cancelled", image_id)
    return {"ok": True, "image_id": image_id}


@ws_manager.on_command("mark_read")
async def on_mark_read(_connection: ws_manager.Connection, data: Any) -> dict[str, Any]:
    ids = data.get("ids") if isinstance(data, dict) else None
    return {"ok": True, "marked": notices.mark_read(ids if isinstance(ids, list) else [])}


# ---- the same by REST, and the page ----


@app.middleware("http")
async def guard(request: Request, call_next: Any) -> Response:
    """Refuse writes that another site's page makes in the user's browser; keep the page to its own resources."""
    origin = request.headers.get("origin")
    if request.method not in ("GET", "HEAD") and origin and urlsplit(origin).netloc != request.headers.get("host"):
        return JSONResponse({"detail": f"requests from {origin} are not allowed"}, status_code=403)
    response: Response = await call_next(request)
    if request.url.path in ("/", "/index.html"):
        response.headers["Content-Security-Policy"] = (
            "default-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; object-src 'none'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        response.headers["Cache-Control"] = "no-cache"
    elif request.url.path.startswith("/assets/"):  # their names change with what is in them
        response.headers["Cache-Control"] = "max-age=31536000, immutable"
    return response


@app.get("/", include_in_schema=False)
def page() -> Response:
    if not (DIST / "index.html").is_file():  # without the page, what is behind it still works
        return PlainTextResponse("The page is not built: `make demo` in the project's top folder does that.", 503)
    return FileResponse(DIST / "index.html")


@app.get("/api/state")
def state() -> dict[str, Any]:
    """All that the page shows, for its first drawing and after a gap.

    `positions` are read first: what happens meanwhile is in the state and comes again, which changes nothing.
    """
    positions = {room: ws_manager.position(room) for room in (ROOM, "@all")}
    return {
        "positions": positions,
        "source": label(manager.source.source),
        "source_fps": manager.source.fps,
        "pipelines": [p.snapshot() for p in manager.pipelines.values()],
        "analyses": analyses.snapshot(),
        "notifications": notices.snapshot(),
    }


@app.post("/api/pipelines/{pipeline_id}/{verb}")
def pipeline_verb(pipeline_id: str, verb: Verb) -> dict[str, Any]:
    try:
        return act(verb, pipeline_id)
    except UnknownPipeline as error:
        raise HTTPException(404, str(error)) from error


@app.put("/api/source")
def put_source(new: NewSource) -> dict[str, Any]:
    try:
        return change_source(new.source)
    except SourceError as error:
        raise HTTPException(422, str(error)) from error


@app.post("/demo/simulate-analysis/{image_id}", status_code=202)
async def simulate_analysis(
    image_id: str, seconds: Annotated[float, Query(ge=1, le=600)] = REST_SECONDS
) -> dict[str, str]:
    """The events of an image analysis, without an image: for trying out a page that shows them."""
    if not analyses.start(image_id, seconds):
        raise HTTPException(409, f"{image_id} is being analysed already")
    return {"image_id": image_id}


# Last: what none of the routes above is. It need not be there: see page().
app.mount("/", StaticFiles(directory=DIST, check_dir=False), name="web")
