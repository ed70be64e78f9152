"""The nodes that pipelines are made of, on OpenCV's classic detectors (no model to download, no GPU)."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from tracking import CentroidTracker, CrossingLine, Detection, Point, Track, Trend, Zone, overlap

Image = NDArray[np.uint8]


@dataclass(slots=True)
class Context:
    """One frame on its way through the nodes of one pipeline. `time`: seconds of video since the source was opened."""

    image: Image
    time: float
    detections: list[Detection] = field(default_factory=list)
    fresh: bool = False  # whether a detector looked at this very frame
    tracks: list[Track] = field(default_factory=list)
    boxes: dict[int, Detection] = field(
        default_factory=dict
    )  # of visible tracks by number, moved on between detections
    analytics: dict[str, Any] = field(default_factory=dict)


class Node(Protocol):
    """A step of a pipeline. Nodes of one pipeline run in order, in that pipeline's thread."""

    node_id: str
    node_type: str

    def process(self, context: Context) -> dict[str, Any]:
        """Work on one frame; returns what this node has to say about it (JSON values)."""

    def reset(self) -> None:
        """The video jumped (it loops, or is another): forget what depends on the frame before."""

    def shape(self) -> dict[str, Any] | None:
        """What the page draws over the video all the time, such as a line or a zone."""


class _Node:
    node_id = ""
    node_type = ""

    def reset(self) -> None:
        return None

    def shape(self) -> dict[str, Any] | None:
        return None


class PeopleDetector(_Node):
    """OpenCV's HOG people detector (Dalal & Triggs), at most `per_second` times per second of video.

    It knows people of 128 pixels' height and more in the image that it is given: hence `width`, the width to which
    frames are scaled for it. It takes about 70 ms of one core for 960 × 720.
    """

    node_id, node_type = "people", "people_detector"

    def __init__(self, *, per_second: float = 2.5, width: int = 960, min_score: float = 0.6) -> None:
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector(), np.float32))
        self._interval = 1 / per_second
        self._width = width
        self._min_score = min_score
        self._next = 0.0

    def reset(self) -> None:
        self._next = 0.0

    def process(self, context: Context) -> dict[str, Any]:
        if context.time < self._next:
            return {}
        self._next = max(self._next + self._interval, context.time + self._interval / 2)
        context.fresh = True
        grey = cv2.cvtColor(context.image, cv2.COLOR_BGR2GRAY)
        scale = self._width / grey.shape[1]
        grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
        height, width = grey.shape[:2]
        if height < 128 or width < 64:  # smaller than the detector's window
            return {"detections": 0}
        rectangles, scores = self._hog.detectMultiScale(grey, winStride=(8, 8), padding=(0, 0), scale=1.1)
        found: list[Detection] = []
        for (x, y, w, h), score in zip(rectangles, scores, strict=True):
            if float(score) < self._min_score:
                continue
            # The window has a margin of about an eighth around the person: draw the person, not the window.
            found.append(
                Detection(
                    float(x + w * 0.14) / width,
                    float(y + h * 0.07) / height,
                    float(w * 0.72) / width,
                    float(h * 0.86) / height,
                    round(float(score), 2),
                )
            )
        context.detections = _without_overlaps(found)
        return {"detections": len(context.detections)}


class MotionDetector(_Node):
    """Foreground of a MOG2 background model: boxes of what moves, and how much of the picture does."""

    node_id, node_type = "motion", "motion_detector"

    def __init__(self, *, width: int = 320, min_area: float = 0.0012, learn_frames: int = 20) -> None:
        self._width = width
        self._min_area = min_area
        self._learn_frames = learn_frames
        self._kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 9))
        # Kept when a file begins anew: it is the same place.
        self._model = cv2.createBackgroundSubtractorMOG2(history=400, varThreshold=30, detectShadows=True)
        self._frames = 0

    def process(self, context: Context) -> dict[str, Any]:
        scale = self._width / context.image.shape[1]
        small = cv2.resize(context.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        mask = self._model.apply(cv2.GaussianBlur(small, (3, 3), 0))
        context.fresh = True
        self._frames += 1
        if self._frames <= self._learn_frames:  # the first pictures are all "new"
            return {"detections": 0, "activity": 0.0, "learning": True}
        _, mask = cv2.threshold(mask, 200, 255, cv2.THRESH_BINARY)  # 127 marks shadows
        mask = cv2.morphologyEx(cv2.medianBlur(mask, 3), cv2.MORPH_CLOSE, self._kernel)
        height, width = mask.shape[:2]
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        found: list[Detection] = []
        for contour in contours:
            area = cv2.contourArea(contour) / (width * height)
            if area >= self._min_area:
                x, y, w, h = cv2.boundingRect(contour)
                found.append(Detection(x / width, y / height, w / width, h / height, round(area, 4)))
        context.detections = _without_overlaps(found)  # the score is the area: the largest stays
        activity = cv2.countNonZero(mask) / (width * height)
        context.analytics["activity"] = round(activity * 100, 1)
        return {"detections": len(context.detections), "activity": round(activity * 100, 1)}


class Tracker(_Node):
    """Numbers what a detector before it found, and moves the boxes on smoothly while the detector rests."""

    node_id, node_type = "tracker", "tracker"

    def __init__(self, **options: Any) -> None:
        self._tracker = CentroidTracker(**options)
        self._last = 0.0
        self._step = 0.0

    def reset(self) -> None:
        self._tracker.reset()
        self._last = self._step = 0.0

    def process(self, context: Context) -> dict[str, Any]:
        if context.fresh:
            self._tracker.update(context.detections)
            self._step = context.time - self._last
            self._last = context.time
        ahead = min(1.0, (context.time - self._last) / self._step) if self._step > 0 else 0.0
        context.tracks = self._tracker.tracks
        context.boxes = {t.id: t.box if t.missed else t.moved(ahead) for t in context.tracks if t.visible}
        return {"tracks": len(context.boxes)}


class Counter(_Node):
    """How many are in view, and whether that rises or falls."""

    node_id, node_type = "counter", "people_counter"

    def __init__(self) -> None:
        self._trend = Trend()
        self._last_trend = "stable"

    def process(self, context: Context) -> dict[str, Any]:
        count = len(context.boxes)
        if context.fresh:
            self._last_trend = self._trend.update(count)
        context.analytics.update(people_count=count, trend=self._last_trend)
        return {"people_count": count}


class LineCrossing(_Node):
    """Counts who crosses a line, by direction."""

    node_id, node_type = "line", "line_crossing"

    def __init__(self, start: Point, end: Point) -> None:
        self._line = CrossingLine(start, end)
        across = (start[1] - end[1], end[0] - start[0])  # forward, at a right angle to the line
        if abs(across[0]) >= abs(across[1]):
            self._arrows = ("←", "→") if across[0] < 0 else ("→", "←")
        else:
            self._arrows = ("↑", "↓") if across[1] < 0 else ("↓", "↑")

    def reset(self) -> None:
        self._line.reset()

    def shape(self) -> dict[str, Any]:
        return {"kind": "line", "points": [self._line.start, self._line.end]}

    def process(self, context: Context) -> dict[str, Any]:
        new = self._line.update(context.tracks) if context.fresh else 0
        line = self._line
        directions = dict(zip(self._arrows, (line.forward, line.backward), strict=True))
        context.analytics.update(new_crossings=new, total_crossings=line.total, directions=directions)
        return {"new_crossings": new, "total_crossings": line.total}


class IntrusionZone(_Node):
    """Counts who enters a zone where nobody should be."""

    node_id, node_type = "zone", "intrusion_zone"

    def __init__(self, polygon: list[Point]) -> None:
        self._zone = Zone(polygon)

    def reset(self) -> None:
        self._zone.reset()

    def shape(self) -> dict[str, Any]:
        return {"kind": "zone", "points": self._zone.polygon, "active": bool(self._zone.inside)}

    def process(self, context: Context) -> dict[str, Any]:
        new = self._zone.update(context.tracks) if context.fresh else 0
        context.analytics.update(
            new_intrusions=new, total_intrusions=self._zone.total, active_zones=int(bool(self._zone.inside))
        )
        return {"new_intrusions": new, "inside": len(self._zone.inside)}


def thumbnail(image: Image, *, width: int = 400, quality: int = 62) -> str:
    """The picture as a JPEG of `width` pixels, base64: about 15 KB."""
    scale = width / image.shape[1]
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    ok, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise RuntimeError(f"OpenCV could not encode a picture of {small.shape[1]}x{small.shape[0]} as JPEG")
    return base64.b64encode(data.tobytes()).decode("ascii")


def _without_overlaps(detections: list[Detection], limit: float = 0.45) -> list[Detection]:
    """Of boxes that lie on each other (intersection over the smaller one), only the surest."""
    kept: list[Detection] = []
    for candidate in sorted(detections, key=lambda d: -d.score):
        if all(overlap(candidate, other) < limit for other in kept):
            kept.append(candidate)
    return kept
