"""Computer-vision pipelines, live in the browser: FastAPI + OpenCV + ws_manager.

Run it with `make demo`, or `python run.py --source <file, URL or camera number>`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import clip
import cv2
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from load import MachineLoad
from pipelines import Definition, PipelineManager, UnknownPipeline
from pydantic import BaseModel, Field
from source import SourceError, VideoSource, label, parse_source
from tracking import Point
from vision import Counter, IntrusionZone, LineCrossing, MotionDetector, PeopleDetector, Tracker

import ws_manager

STATIC = Path(__file__).parent / "static"
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

manager = PipelineManager(definitions(), VideoSource(first_source))
# What the pipelines tell the manager's callbacks becomes messages for everybody who watches.
pipeline_websocket_service = ws_manager.PipelineWebSocketService(manager)


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


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with ws_manager.lifespan(app):
        handler = ws_manager.LogHandler(level=logging.INFO)
        logging.getLogger("demo").addHandler(handler)
        logging.getLogger("demo").setLevel(logging.INFO)
        pipeline_websocket_service.initialize()
        reporter = asyncio.create_task(report_load())
        manager.start_all()
        log.info("Demo started with %d pipelines", len(manager.pipelines))
        yield
        log.info("Demo stops")
        reporter.cancel()
        await asyncio.to_thread(manager.stop_all)
        logging.getLogger("demo").removeHandler(handler)


app = FastAPI(title="ws_manager demo: vision pipelines", lifespan=lifespan)
app.include_router(ws_manager.router)
app.mount("/static", StaticFiles(directory=STATIC), name="static")

Verb = Literal["start", "stop", "break"]


def act(verb: Verb, pipeline_id: str) -> dict[str, Any]:
    """Do it; blocks until a stopped pipeline's thread has ended. Raises UnknownPipeline."""
    changed = {"start": manager.start, "stop": manager.stop, "break": manager.break_}[verb](pipeline_id)
    return {"pipeline_id": pipeline_id, "changed": changed, "status": manager.get(pipeline_id).status}


class NewSource(BaseModel):
    """A file, a URL, a camera's number; empty: back to the source that the server was started with."""

    source: str = Field(default="", max_length=2000)


def change_source(text: str) -> dict[str, Any]:
    """Blocks until the new source has given a picture. Raises SourceError."""
    source = parse_source(text) if text.strip() else first_source
    manager.set_source(VideoSource(source))
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


# ---- the same by REST, and the page ----


@app.middleware("http")
async def guard(request: Request, call_next: Any) -> Response:
    """Refuse writes that another site's page makes in the user's browser; keep the page to its own resources."""
    origin = request.headers.get("origin")
    if request.method not in ("GET", "HEAD") and origin and urlsplit(origin).netloc != request.headers.get("host"):
        return JSONResponse({"detail": f"requests from {origin} are not allowed"}, status_code=403)
    response: Response = await call_next(request)
    if request.url.path == "/":
        response.headers["Content-Security-Policy"] = (
            "default-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss:; frame-ancestors 'none'"
        )
    if request.url.path == "/" or request.url.path.startswith("/static/"):
        # Pages that reload after an update get it; icons, which are asked for again and again, are kept.
        response.headers["Cache-Control"] = "max-age=3600" if request.url.path.endswith(".svg") else "no-cache"
    return response


@app.get("/", include_in_schema=False)
def page() -> FileResponse:
    return FileResponse(STATIC / "index.html")


@app.get("/api/state")
def state() -> dict[str, Any]:
    """All that the page shows, for its first drawing and after a gap."""
    return {
        "source": label(manager.source.source),
        "source_fps": manager.source.fps,
        "pipelines": [p.snapshot() for p in manager.pipelines.values()],
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
async def simulate_analysis(image_id: str, background: BackgroundTasks) -> dict[str, str]:
    """The events of an image analysis, without an image: for trying out a page that shows them."""
    background.add_task(analyse, image_id, ws_manager.progress_callback(image_id))
    return {"image_id": image_id}


STEPS = ("Loading data", "Running 3D segmentation model", "Computing object metrics", "Writing the result")
SIMULATED_SECONDS = 4.0


async def analyse(image_id: str, report: ws_manager.progress_callback) -> None:
    """Reports a hundred times a second, as analyses do; what goes out is ten a second."""
    ws_manager.notify_processing_started(
        image_id=image_id, algorithm="segmentation_3d", estimated_time_seconds=SIMULATED_SECONDS, parameters={}
    )
    ticks = int(SIMULATED_SECONDS * 100)
    for tick in range(ticks):
        await asyncio.sleep(0.01)
        done = (tick + 1) / ticks
        step = STEPS[min(int(done * len(STEPS)), len(STEPS) - 1)]
        report(round(100 * done, 1), step, round(SIMULATED_SECONDS * (1 - done), 1))
    ws_manager.notify_processing_complete(
        image_id=image_id,
        result_id=f"result-{image_id}",
        summary={"objects": 12},
        processing_time_seconds=SIMULATED_SECONDS,
        confidence_score=0.85,
    )
