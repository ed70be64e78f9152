"""Image analyses, simulated: tasks that report how far they are, and that can be cancelled."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import ws_manager

ALGORITHM = "segmentation_3d"
STEPS = ("Loading data", "Running 3D segmentation model", "Computing object metrics", "Writing the result")
REPORTS_PER_SECOND = 100


@dataclass(slots=True)
class Analysis:
    """One that is under way. Times in seconds, `started` since 1970."""

    image_id: str
    seconds: float
    started: float
    task: asyncio.Task[None]


class Analyses:
    """All that are under way, by image. For use on the event loop."""

    def __init__(self) -> None:
        self._running: dict[str, Analysis] = {}

    def start(self, image_id: str, seconds: float) -> bool:
        """Begin; False if that image is being analysed already."""
        if image_id in self._running:
            return False
        task = asyncio.create_task(self._run(image_id, seconds), name=f"analysis {image_id}")
        self._running[image_id] = Analysis(image_id, seconds, time.time(), task)
        return True

    def cancel(self, image_id: str) -> bool:
        """End it before its time; False if there is none of that image."""
        analysis = self._running.get(image_id)
        return analysis is not None and analysis.task.cancel()

    def cancel_all(self) -> None:
        for analysis in self._running.values():
            analysis.task.cancel()

    def end_lost(self, messages: Iterable[dict[str, Any]]) -> None:
        """Tell of those that have begun and not ended, by what a room has kept: their process has died."""
        open_ones: dict[str, None] = {}
        for message in messages:
            if message.get("event_type") == "processing_started":
                open_ones[message["image_id"]] = None
            elif message.get("event_type") in ("processing_complete", "processing_failed"):
                open_ones.pop(message["image_id"], None)
        for image_id in open_ones:
            if image_id not in self._running:
                ws_manager.notify_processing_failed(
                    image_id=image_id, error="The server was restarted", error_code="lost", retry_available=True
                )

    def snapshot(self) -> list[dict[str, Any]]:
        """What a page shows of them before the first event comes."""
        return [
            {
                "image_id": analysis.image_id,
                "algorithm": ALGORITHM,
                "progress": round(100 * min(1, (time.time() - analysis.started) / analysis.seconds), 1),
                "eta_seconds": round(max(0, analysis.started + analysis.seconds - time.time()), 1),
            }
            for analysis in list(self._running.values())
        ]

    async def _run(self, image_id: str, seconds: float) -> None:
        try:
            await _analyse(image_id, seconds)
        except asyncio.CancelledError:
            ws_manager.notify_processing_failed(
                image_id=image_id, error="Cancelled", error_code="cancelled", retry_available=True
            )
        finally:
            del self._running[image_id]


async def _analyse(image_id: str, seconds: float) -> None:
    """Reports a hundred times a second, as analyses do; what goes out is ten a second."""
    report = ws_manager.progress_callback(image_id)
    ws_manager.notify_processing_started(
        image_id=image_id, algorithm=ALGORITHM, estimated_time_seconds=seconds, parameters={}
    )
    ticks = max(1, int(seconds * REPORTS_PER_SECOND))
    for tick in range(ticks):
        await asyncio.sleep(1 / REPORTS_PER_SECOND)
        done = (tick + 1) / ticks
        step = STEPS[min(int(done * len(STEPS)), len(STEPS) - 1)]
        report(round(100 * done, 1), step, round(seconds * (1 - done), 1))
    ws_manager.notify_processing_complete(
        image_id=image_id,
        result_id=f"result-{image_id}",
        summary={"objects": 12},
        processing_time_seconds=seconds,
        confidence_score=0.85,
    )
