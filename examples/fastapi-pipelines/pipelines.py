"""Pipelines and the manager that runs them: plain threads and callbacks, nothing of WebSockets in here."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from source import Frame, SourceError, VideoSource, label
from vision import Context, Node, thumbnail

log = logging.getLogger("demo.pipelines")

Callback = Callable[[str, Any], None]
EVENTS = ("status", "frame", "analytics", "error", "picture")
PREVIEWS_PER_SECOND = 6.0
STATUS_SECONDS = 2.0
HISTORY_SECONDS = 180
ERRORS_KEPT = 20


class UnknownPipeline(KeyError):
    """There is no pipeline of that id."""

    def __str__(self) -> str:
        return f"There is no pipeline {self.args[0]!r}."


@dataclass(frozen=True, slots=True)
class Definition:
    """What a pipeline is: `nodes(source)` makes fresh nodes for each start. `headline`: the node it is about."""

    id: str
    name: str
    about: str
    headline: str
    counts: str
    nodes: Callable[[str | int], list[Node]]


@dataclass(slots=True)
class Stats:
    """Counters of one run, times in seconds."""

    frames_processed: int = 0
    frames_skipped: int = 0
    started_at: float | None = None
    processing_time: float = 0.0
    times: deque[float] = field(default_factory=lambda: deque(maxlen=30))

    @property
    def fps(self) -> float:
        if len(self.times) < 2 or time.monotonic() - self.times[-1] > 3:
            return 0.0
        span = self.times[-1] - self.times[0]
        return round((len(self.times) - 1) / span, 1) if span > 0 else 0.0

    def as_dict(self) -> dict[str, Any]:
        return {
            "frames_processed": self.frames_processed,
            "frames_skipped": self.frames_skipped,
            "fps": self.fps,
            "processing_ms": round(self.processing_time * 1000, 1),
            "started_at": self.started_at,
        }


class Pipeline:
    """One definition, running or not. Methods may be called from any thread."""

    def __init__(
        self,
        definition: Definition,
        source: str | int,
        emit: Callable[[str, str, Any], None],
        watched: Callable[[str], bool],
    ) -> None:
        self.definition = definition
        self.status = "stopped"
        self.error_message: str | None = None
        self.stats = Stats()
        self.analytics: dict[str, Any] = {}
        self.results: dict[str, Any] = {}
        self.history: deque[tuple[int, int, int, float]] = deque(maxlen=HISTORY_SECONDS)
        self.errors: deque[dict[str, Any]] = deque(maxlen=ERRORS_KEPT)
        self.preview: dict[str, Any] | None = None
        self.last_frame_time: float | None = None
        self._emit = emit
        self._watched = watched
        self._log = logging.getLogger(f"demo.{definition.id}")
        self._nodes = definition.nodes(source)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._fault: str | None = None
        self._thread: threading.Thread | None = None

    @property
    def id(self) -> str:
        return self.definition.id

    def start(self, source: VideoSource) -> bool:
        """Run on `source`; returns False if it runs already."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return False
            self._stopping = threading.Event()
            self._fault = None
            self._thread = threading.Thread(
                target=self._run, args=(source, self._stopping), name=f"pipeline-{self.id}", daemon=True
            )
            self._thread.start()
            return True

    def stop(self) -> bool:
        """Stop and wait for the thread; returns False if it did not run. A failed pipeline becomes stopped."""
        with self._lock:
            thread, self._thread = self._thread, None
            running = thread is not None and thread.is_alive()
            self._stopping.set()
        if thread is not None:
            thread.join(timeout=5)
        if self.status != "stopped":
            self.error_message = None
            self._set_status("stopped")
        return running

    def break_(self, reason: str) -> bool:
        """Make the next frame fail, to see what a failure looks like; returns False if it does not run."""
        if self.status not in ("running", "starting"):
            return False
        self._fault = reason
        return True

    def detailed_status(self) -> dict[str, Any]:
        """`detailed_status` of the event pipeline_status_update."""
        return {
            "stats": self.stats.as_dict(),
            "nodes": {n.node_id: {"type": n.node_type, "status": self.status} for n in self._nodes},
            "error_message": self.error_message,
            "last_frame_time": self.last_frame_time,
        }

    def snapshot(self) -> dict[str, Any]:
        """All that a page needs to draw the pipeline before the first event comes."""
        d = self.definition
        return {
            "id": d.id,
            "name": d.name,
            "about": d.about,
            "headline": d.headline,
            "counts": d.counts,
            "nodes": [n.node_type for n in self._nodes],
            "status": self.status,
            "detailed_status": self.detailed_status(),
            "analytics": self.analytics,
            "results": self.results,
            "history": list(self.history),
            "errors": list(self.errors),
            "preview": self.preview,
        }

    def _set_status(self, status: str) -> None:
        if status != self.status:
            level = (
                logging.INFO if status in ("running", "stopped") else logging.DEBUG
            )  # a failure has a line of its own
            self._log.log(level, "%s", status.capitalize())
        self.status = status
        self._emit("status", self.id, {"status": status, "detailed_status": self.detailed_status()})

    def _run(self, source: VideoSource, stopping: threading.Event) -> None:
        self._nodes = self.definition.nodes(source.source)
        self.stats = Stats(started_at=time.time())
        self.error_message = None
        self.analytics = {}
        self.results = {}
        self._set_status("starting")
        source.acquire()
        try:
            self._loop(source, stopping)
        except SourceError as error:
            self._failed(stopping, str(error), "critical")
        except Exception as error:  # noqa: BLE001 - whatever a node raises is this pipeline's end, not the server's
            self._log.debug("Traceback of the failure", exc_info=True)
            self._failed(stopping, f"{type(error).__name__}: {error}", "critical")
        finally:
            source.release()

    def _failed(self, stopping: threading.Event, message: str, severity: str) -> None:
        if stopping.is_set():
            return
        self.error_message = message
        self.errors.append({"time": time.time(), "message": message, "severity": severity})
        self._set_status("error")
        self._log.error("Failed on frame %d: %s", self.stats.frames_processed + 1, message)
        self._emit("error", self.id, {"error_message": message, "severity": severity})

    def _loop(self, source: VideoSource, stopping: threading.Event) -> None:
        number, cut = 0, None
        next_preview = next_status = next_analytics = 0.0
        watched = False
        waiting_since = time.monotonic()
        while not stopping.is_set():
            frame = source.next_frame(number)
            now = time.monotonic()
            if frame is None:
                if now - waiting_since > 10:
                    raise SourceError(f"No picture from {label(source.source)} for 10 seconds.")
                continue
            waiting_since = now
            self.stats.frames_skipped += max(0, frame.number - number - 1) if number else 0
            number = frame.number
            if cut is not None and frame.cut != cut:
                for node in self._nodes:
                    node.reset()
            cut = frame.cut
            context, results = self._process(frame)
            if self.status == "starting":
                self._set_status("running")
            if now >= next_preview:
                next_preview = now + 1 / PREVIEWS_PER_SECOND
                self._emit_frame(frame, context, results)
                watched = self._watched(self.id)
            if watched:
                self._emit_picture(frame, context)
            if (
                now >= next_analytics
                or context.analytics.get("new_crossings")
                or context.analytics.get("new_intrusions")
            ):
                next_analytics = now + 1
                self._emit_analytics(context)
            if now >= next_status:
                next_status = now + STATUS_SECONDS
                self._set_status(self.status)

    def _process(self, frame: Frame) -> tuple[Context, dict[str, Any]]:
        begin = time.perf_counter()
        if self._fault is not None:
            raise RuntimeError(self._fault)
        context = Context(frame.image, frame.time)
        results = {node.node_id: node.process(context) for node in self._nodes}
        spent = time.perf_counter() - begin
        stats = self.stats
        stats.processing_time = spent if not stats.frames_processed else stats.processing_time * 0.9 + spent * 0.1
        stats.frames_processed += 1
        stats.times.append(time.monotonic())
        self.last_frame_time = time.time()
        return context, results

    def _drawing(self, frame: Frame, context: Context) -> dict[str, Any]:
        """What is drawn over the picture: boxes of what was found, and the nodes' lines and zones."""
        height, width = frame.image.shape[:2]
        return {
            "aspect": round(width / height, 4),
            "boxes": [
                [track_id, *(round(v, 4) for v in (box.x, box.y, box.width, box.height))]
                for track_id, box in context.boxes.items()
            ],
            "shapes": [shape for node in self._nodes if (shape := node.shape()) is not None],
        }

    def _emit_frame(self, frame: Frame, context: Context, results: dict[str, Any]) -> None:
        self.results = results
        self.preview = {"jpeg": thumbnail(frame.image), **self._drawing(frame, context)}
        self._emit(
            "frame",
            self.id,
            {
                "frame_id": frame.number,
                "timestamp": time.time(),
                "detections_count": len(context.boxes),
                "processing_time": round(self.stats.processing_time, 4),
                "fps": self.stats.fps,
                "node_results": {**results, "preview": self.preview},
            },
        )

    def _emit_picture(self, frame: Frame, context: Context) -> None:
        """The whole picture of every frame: only while somebody looks at this pipeline."""
        picture = thumbnail(frame.image, width=frame.image.shape[1], quality=74)
        self._emit("picture", self.id, {"jpeg": picture, **self._drawing(frame, context)})

    def _emit_analytics(self, context: Context) -> None:
        node = next(n for n in self._nodes if n.node_id == self.definition.headline)
        values = context.analytics
        self.analytics = {"node_id": node.node_id, "node_type": node.node_type, **values, "results": dict(values)}
        self._emit("analytics", self.id, self.analytics)
        self._remember(
            values.get("people_count", 0), values.get("total_crossings", 0) + values.get("total_intrusions", 0)
        )
        if values.get("new_crossings"):
            self._log.info("Crossing, %d in all", values["total_crossings"])
        if values.get("new_intrusions"):
            self._log.warning("Intrusion, %d in all", values["total_intrusions"])

    def _remember(self, count: int, events: int) -> None:
        """One point a second. `events` counts up, so that a point that comes twice changes nothing."""
        second = int(time.time())
        if self.history and self.history[-1][0] == second:
            self.history.pop()
        self.history.append((second, count, events, self.stats.fps))


class PipelineManager:
    """Runs pipelines on one source and tells whoever registered. Callbacks run in the pipelines' threads.

    watched: says of a pipeline's id whether somebody wants its whole pictures, the event "picture"; nobody by default.
    """

    def __init__(
        self,
        definitions: list[Definition],
        source: VideoSource,
        watched: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self.source = source
        self._callbacks: dict[str, list[Callback]] = {event: [] for event in EVENTS}
        self.pipelines = {d.id: Pipeline(d, source.source, self._emit, watched) for d in definitions}
        self._lock = threading.Lock()

    def register_callback(self, event: str, callback: Callback) -> None:
        """Have `callback(pipeline_id, data)` called for each `event`: status, frame, analytics, error or picture."""
        if event not in self._callbacks:
            raise ValueError(f"there is no event {event!r}; there are {', '.join(EVENTS)}")
        self._callbacks[event].append(callback)

    def get(self, pipeline_id: str) -> Pipeline:
        """Raises UnknownPipeline."""
        try:
            return self.pipelines[pipeline_id]
        except KeyError:
            raise UnknownPipeline(pipeline_id) from None

    def start(self, pipeline_id: str) -> bool:
        return self.get(pipeline_id).start(self.source)

    def stop(self, pipeline_id: str) -> bool:
        return self.get(pipeline_id).stop()

    def restart(self, pipeline_id: str) -> bool:
        """Stop it if it runs, and start it; returns whether it ran."""
        running = self.get(pipeline_id).stop()
        self.start(pipeline_id)
        return running

    def break_(self, pipeline_id: str) -> bool:
        return self.get(pipeline_id).break_("Broken on purpose, by the button of the page")

    def start_all(self) -> None:
        for pipeline_id in self.pipelines:
            self.start(pipeline_id)

    def stop_all(self) -> None:
        for pipeline_id in self.pipelines:
            self.stop(pipeline_id)

    def set_source(self, source: VideoSource) -> None:
        """Move running pipelines over to `source` once that is known to work. Raises SourceError, changing nothing."""
        source.check()
        with self._lock:
            running = [p for p in self.pipelines.values() if p.status in ("running", "starting", "error")]
            for pipeline in running:
                pipeline.stop()
            self.source = source
            for pipeline in running:
                pipeline.history.clear()
                pipeline.start(source)
        log.info("Source is now %s", label(source.source))

    @property
    def running(self) -> int:
        return sum(p.status == "running" for p in self.pipelines.values())

    def _emit(self, event: str, pipeline_id: str, data: Any) -> None:
        for callback in self._callbacks[event]:
            try:
                callback(pipeline_id, data)
            except Exception:  # one listener's bug must not stop a pipeline
                log.exception("A %s callback failed", event)
