"""Following things from frame to frame: pure geometry, no OpenCV, no clock.

All coordinates are fractions of the frame (0..1, y down), so that nothing here depends on a resolution.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing that a detector found: its box and how sure the detector is (detector's own scale)."""

    x: float
    y: float
    width: float
    height: float
    score: float = 1.0

    @property
    def centre(self) -> Point:
        return self.x + self.width / 2, self.y + self.height / 2


def overlap(a: Detection, b: Detection) -> float:
    """How much two boxes share, as a fraction of the smaller one."""
    width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / min(a.width * a.height, b.width * b.height)


@dataclass(slots=True)
class Track:
    """One thing followed over several frames. It is `confirmed` once it was seen often enough to be believed."""

    id: int
    box: Detection
    hits: int = 1
    missed: int = 0
    velocity: Point = (0.0, 0.0)
    confirmed: bool = False
    trail: deque[Point] = field(default_factory=lambda: deque(maxlen=24))

    @property
    def foot(self) -> Point:
        """Where it stands: the middle of the lower edge, a tenth of the height up (boxes have a margin)."""
        return self.box.x + self.box.width / 2, self.box.y + self.box.height * 0.9

    @property
    def visible(self) -> bool:
        """Whether it was seen lately: one that coasts longer is kept to be found again, but not counted."""
        return self.missed <= 2

    def moved(self, steps: float = 1.0) -> Detection:
        """The box where the track's own speed (fractions of the frame per update) takes it in `steps` updates."""
        return Detection(
            self.box.x + self.velocity[0] * steps,
            self.box.y + self.velocity[1] * steps,
            self.box.width,
            self.box.height,
            self.box.score,
        )


class CentroidTracker:
    """Gives detections stable numbers by matching each to the nearest predicted centre, nearest pairs first.

    `max_distance`: farthest match, in fractions of the frame; `max_missed`: updates without a match before a track is
    forgotten; `min_hits`: matches before it is confirmed.
    """

    def __init__(self, *, max_distance: float = 0.09, max_missed: int = 8, min_hits: int = 2) -> None:
        self.max_distance = max_distance
        self.max_missed = max_missed
        self.min_hits = min_hits
        self._tracks: list[Track] = []
        self._next_id = 1

    @property
    def tracks(self) -> list[Track]:
        """The confirmed tracks, oldest first, with those that were lost a moment ago."""
        return [track for track in self._tracks if track.confirmed]

    def reset(self) -> None:
        """Forget all tracks (the video jumped); numbers are not given out again."""
        self._tracks.clear()

    def update(self, detections: Sequence[Detection]) -> list[Track]:
        """Take one frame's detections; returns the confirmed tracks."""
        pairs: list[tuple[float, int, int]] = []
        for t, track in enumerate(self._tracks):
            px, py = track.moved().centre
            for d, detection in enumerate(detections):
                cx, cy = detection.centre
                distance = math.hypot(px - cx, py - cy)
                if distance <= self.max_distance:
                    pairs.append((distance, t, d))
        pairs.sort()
        seen_tracks: set[int] = set()
        seen_detections: set[int] = set()
        for _, t, d in pairs:
            if t in seen_tracks or d in seen_detections:
                continue
            seen_tracks.add(t)
            seen_detections.add(d)
            self._match(self._tracks[t], detections[d])
        for t, track in enumerate(self._tracks):
            if t not in seen_tracks:
                track.missed += 1
                # A lost track coasts on, ever slower: most losses are one bad detection, not a departure.
                track.box = track.moved()
                track.velocity = (track.velocity[0] * 0.7, track.velocity[1] * 0.7)
        self._tracks = [t for t in self._tracks if t.missed <= (self.max_missed if t.confirmed else 0)]
        self._drop_doubles()
        for d, detection in enumerate(detections):
            if d not in seen_detections:
                self._tracks.append(Track(self._next_id, detection, confirmed=self.min_hits <= 1))
                self._next_id += 1
        return self.tracks

    def _drop_doubles(self) -> None:
        """A lost track that lies on one that is seen was the same thing, found twice."""
        seen = [t for t in self._tracks if not t.missed]
        self._tracks = [t for t in self._tracks if not t.missed or all(overlap(t.box, s.box) < 0.5 for s in seen)]

    def _match(self, track: Track, detection: Detection) -> None:
        (ox, oy), (nx, ny) = track.box.centre, detection.centre
        track.velocity = (track.velocity[0] * 0.5 + (nx - ox) * 0.5, track.velocity[1] * 0.5 + (ny - oy) * 0.5)
        track.box = detection
        track.hits += 1
        track.missed = 0
        track.confirmed = track.confirmed or track.hits >= self.min_hits
        track.trail.append(track.foot)


def _side(a: Point, b: Point, p: Point) -> float:
    """Signed distance of `p` from the line through `a` and `b`; positive on the right-hand side walking a → b."""
    length = math.hypot(b[0] - a[0], b[1] - a[1]) or 1e-9
    return ((b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])) / length


def segments_meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether segment a-b and segment c-d cross."""
    return _side(a, b, c) * _side(a, b, d) < 0 and _side(c, d, a) * _side(c, d, b) < 0


class CrossingLine:
    """Counts tracks whose foot passes the segment `start`-`end`, as `forward` if towards its right-hand side.

    A track counts when it is clearly (`margin`) on the other side than where it was last clearly seen: someone who
    stands on the line and sways is not counted again and again.
    """

    def __init__(self, start: Point, end: Point, *, margin: float = 0.012) -> None:
        self.start = start
        self.end = end
        self.margin = margin
        self.forward = 0
        self.backward = 0
        self._last: dict[int, Point] = {}

    @property
    def total(self) -> int:
        return self.forward + self.backward

    def reset(self) -> None:
        """Forget where tracks were; the counts stay."""
        self._last.clear()

    def update(self, tracks: Sequence[Track]) -> int:
        """Take the tracks of one frame; returns how many crossed in it."""
        crossed = 0
        alive = {track.id for track in tracks}
        for gone in self._last.keys() - alive:
            del self._last[gone]
        for track in tracks:
            foot = track.foot
            side = _side(self.start, self.end, foot)
            if abs(side) < self.margin:
                continue
            before = self._last.get(track.id)
            self._last[track.id] = foot
            if before is None or not segments_meet(self.start, self.end, before, foot):
                continue
            crossed += 1
            if side > 0:
                self.forward += 1
            else:
                self.backward += 1
        return crossed


class Zone:
    """Counts tracks that enter a polygon and stay for `dwell` updates; each track once until it leaves."""

    def __init__(self, polygon: Sequence[Point], *, dwell: int = 2) -> None:
        if len(polygon) < 3:
            raise ValueError(f"a zone needs at least 3 points, got {len(polygon)}")
        self.polygon = list(polygon)
        self.dwell = dwell
        self.total = 0
        self.inside: set[int] = set()
        self._seen: dict[int, int] = {}

    def contains(self, point: Point) -> bool:
        """Whether `point` is inside (even-odd rule)."""
        x, y = point
        result = False
        previous = self.polygon[-1]
        for current in self.polygon:
            (ax, ay), (bx, by) = previous, current
            if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
                result = not result
            previous = current
        return result

    def reset(self) -> None:
        """Forget who is inside; the total stays."""
        self.inside.clear()
        self._seen.clear()

    def update(self, tracks: Sequence[Track]) -> int:
        """Take the tracks of one frame; returns how many intrusions began in it."""
        now = {track.id for track in tracks if self.contains(track.foot)}
        self._seen = {track_id: self._seen.get(track_id, 0) + 1 for track_id in now}
        entered = {track_id for track_id in now if self._seen[track_id] == self.dwell}
        self.inside = (self.inside & now) | entered
        self.total += len(entered)
        return len(entered)


class Trend:
    """Says whether a count is `rising`, `falling` or `stable`: the newer half of a window against the older one."""

    def __init__(self, window: int = 20, threshold: float = 0.4) -> None:
        self._values: deque[float] = deque(maxlen=window)
        self._threshold = threshold

    def update(self, value: float) -> str:
        self._values.append(value)
        half = len(self._values) // 2
        if half < 3:
            return "stable"
        values = list(self._values)
        change = sum(values[-half:]) / half - sum(values[:half]) / half
        if change > self._threshold:
            return "rising"
        return "falling" if change < -self._threshold else "stable"
