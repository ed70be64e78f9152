"""The demo's nodes and pipelines, on frames drawn here: a bright thing that moves over a dark, static background."""

from __future__ import annotations

import base64
import queue
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "fastapi-pipelines"))

from pipelines import Definition, PipelineManager, UnknownPipeline
from source import SourceError, VideoSource, label, parse_source
from vision import (
    Context,
    Counter,
    Image,
    IntrusionZone,
    LineCrossing,
    MotionDetector,
    PeopleDetector,
    Tracker,
    thumbnail,
)

WIDTH, HEIGHT = 320, 240


def background() -> Image:
    noise = np.random.default_rng(7).integers(30, 60, (HEIGHT, WIDTH, 3))
    return noise.astype(np.uint8)


def with_walker(x: float | None) -> Image:
    """The background, and a walker whose middle is at x (fraction of the width)."""
    image = background()
    if x is not None:
        left = int(x * WIDTH) - 10
        cv2.rectangle(image, (left, 90), (left + 20, 150), (230, 230, 230), -1)
    return image


def with_bird(step: int) -> Image:
    """The background, and something that moves but is far too small."""
    image = background()
    cv2.rectangle(image, (40 + step * 4, 30), (46 + step * 4, 36), (230, 230, 230), -1)
    return image


def walk(nodes: list[Any], positions: list[float | None], start: int = 0) -> list[Context]:
    """Send one frame for each position through the nodes, ten in a second."""
    contexts = []
    for step, x in enumerate(positions):
        context = Context(with_walker(x), (start + step) / 10)
        for node in nodes:
            node.process(context)
        contexts.append(context)
    return contexts


LEARN: list[float | None] = [None] * 25
PASS: list[float | None] = [0.1 + step * 0.02 for step in range(40)]


def motion_nodes(*more: Any) -> list[Any]:
    return [MotionDetector(), Tracker(max_distance=0.06, min_hits=3), Counter(), *more]


def test_motion_counts_what_moves_and_nothing_else() -> None:
    nodes = motion_nodes()
    before = walk(nodes, LEARN)
    during = walk(nodes, PASS, 25)
    assert {c.analytics["people_count"] for c in before} == {0}
    assert [c.analytics["people_count"] for c in during[5:]] == [1] * 35
    x, y = next(iter(during[-1].boxes.values())).centre
    assert (x, y) == (pytest.approx(0.88, abs=0.05), pytest.approx(0.5, abs=0.05))


def test_what_moves_but_is_tiny_is_not_counted() -> None:
    detector = MotionDetector()
    walk([detector], LEARN)
    for step in range(30):
        context = Context(with_bird(step), 3 + step / 10)
        detector.process(context)
        assert context.detections == []
        assert context.analytics["activity"] > 0


def test_while_the_background_is_learned_nothing_is_found() -> None:
    assert [c.detections for c in walk([MotionDetector(learn_frames=10)], PASS[:10])] == [[]] * 10


def test_a_walk_over_the_line_is_one_crossing() -> None:
    nodes = motion_nodes(LineCrossing((0.5, 0.0), (0.5, 1.0)))
    walk(nodes, LEARN)
    contexts = walk(nodes, PASS, 25)
    assert sum(c.analytics["new_crossings"] for c in contexts) == 1
    assert contexts[-1].analytics["directions"] == {"←": 0, "→": 1}


@pytest.mark.parametrize(
    ("start", "end", "arrows"),
    [((0.5, 0), (0.5, 1), "←→"), ((0.5, 1), (0.5, 0), "→←"), ((0, 0.5), (1, 0.5), "↓↑"), ((1, 0.5), (0, 0.5), "↑↓")],
)
def test_arrows_name_the_sides_of_the_line(start: tuple[float, float], end: tuple[float, float], arrows: str) -> None:
    context = Context(background(), 0)
    LineCrossing(start, end).process(context)
    assert "".join(context.analytics["directions"]) == arrows


def test_a_walk_into_the_zone_is_one_intrusion() -> None:
    nodes = motion_nodes(IntrusionZone([(0.6, 0.0), (1.0, 0.0), (1.0, 1.0), (0.6, 1.0)]))
    walk(nodes, LEARN)
    contexts = walk(nodes, PASS, 25)
    assert sum(c.analytics["new_intrusions"] for c in contexts) == 1
    assert contexts[0].analytics["active_zones"] == 0
    assert contexts[-1].analytics["active_zones"] == 1


def test_the_people_detector_looks_only_so_often() -> None:
    detector = PeopleDetector(per_second=2, width=160)
    looks = []
    for step in range(30):
        context = Context(background(), step / 10)
        detector.process(context)
        looks.append(context.fresh)
    assert sum(looks) == 6
    assert looks[0]


def test_boxes_move_on_while_the_detector_rests() -> None:
    tracker = Tracker()
    nodes = motion_nodes()
    walk(nodes, LEARN)
    seen = walk(nodes, PASS[:20], 25)[-1]
    for step in range(3):
        context = Context(background(), step, detections=[seen.detections[0]], fresh=True)
        tracker.process(context)
    assert context.boxes.keys() != set()
    for rest in range(5):
        still = Context(background(), 2.1 + rest / 10)
        tracker.process(still)
        assert still.boxes.keys() == context.boxes.keys()


def test_a_thumbnail_is_a_small_jpeg() -> None:
    data = base64.b64decode(thumbnail(background(), width=160))
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    assert decoded.shape == (120, 160, 3)


class Clip:
    """What cv2.VideoCapture would be for a video of `length` frames."""

    def __init__(self, length: int = 1000, *, opens: bool = True) -> None:
        self.length, self.opens, self.at = length, opens, 0

    def isOpened(self) -> bool:
        return self.opens

    def get(self, _property: int) -> float:
        return 12.0

    def grab(self) -> bool:
        self.at += 1
        return self.at <= self.length

    def retrieve(self) -> tuple[bool, Image]:
        return True, with_walker(0.1 + (self.at % 40) / 50)

    def read(self) -> tuple[bool, Image | None]:
        return (True, self.retrieve()[1]) if self.grab() else (False, None)

    def release(self) -> None:
        return None


def clip_source(length: int = 1000, **options: Any) -> VideoSource:
    return VideoSource("made-up.avi", opener=lambda _: Clip(length, **options))


class Recorder:
    """Waits for events of a manager."""

    def __init__(self, manager: PipelineManager) -> None:
        self.events: queue.Queue[tuple[str, str, Any]] = queue.Queue()
        for event in ("status", "frame", "analytics", "error"):
            manager.register_callback(event, lambda name, data, event=event: self.events.put((event, name, data)))

    def wait(self, event: str, pipeline_id: str, **fields: Any) -> Any:
        """The next event of that kind and pipeline that has these fields; what comes before it is dropped."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            kind, name, data = self.events.get(timeout=20)
            if (kind, name) == (event, pipeline_id) and all(data.get(k) == v for k, v in fields.items()):
                return data
        raise AssertionError(f"no {event} of {pipeline_id} with {fields}")


def definition(pipeline_id: str) -> Definition:
    return Definition(pipeline_id, pipeline_id.title(), "", "counter", "moving", lambda _: motion_nodes())


@pytest.fixture
def manager() -> Iterator[PipelineManager]:
    manager = PipelineManager([definition("one"), definition("two")], clip_source())
    yield manager
    manager.stop_all()


def test_a_started_pipeline_tells_status_frames_and_analytics(manager: PipelineManager) -> None:
    events = Recorder(manager)
    assert manager.start("one") is True
    assert manager.start("one") is False
    events.wait("status", "one", status="starting")
    events.wait("status", "one", status="running")
    frame = events.wait("frame", "one")
    assert frame["frame_id"] >= 1
    assert frame["node_results"]["preview"]["jpeg"]
    analytics = events.wait("analytics", "one")
    assert (analytics["node_id"], analytics["node_type"]) == ("counter", "people_counter")
    assert manager.stop("one") is True
    stopped = events.wait("status", "one", status="stopped")
    assert stopped["detailed_status"]["stats"]["frames_processed"] >= 1


def test_a_broken_pipeline_ends_in_error_and_the_others_go_on(manager: PipelineManager) -> None:
    events = Recorder(manager)
    manager.start_all()
    events.wait("frame", "one")
    assert manager.break_("one") is True
    broken = events.wait("status", "one", status="error")
    assert "Broken on purpose" in broken["detailed_status"]["error_message"]
    assert events.wait("error", "one")["severity"] == "critical"
    events.wait("frame", "two")
    assert manager.get("two").status == "running"
    assert manager.break_("one") is False
    assert manager.start("one") is True
    events.wait("status", "one", status="running")
    assert manager.get("one").error_message is None


def test_a_callback_that_raises_stops_nothing(manager: PipelineManager) -> None:
    def bad(_id: str, _data: Any) -> None:
        raise RuntimeError("a listener's bug")

    manager.register_callback("frame", bad)
    events = Recorder(manager)
    manager.start("one")
    events.wait("frame", "one")
    events.wait("frame", "one")


def test_both_pipelines_share_one_reader(manager: PipelineManager) -> None:
    events = Recorder(manager)
    manager.start_all()
    events.wait("frame", "one")
    events.wait("frame", "two")
    assert sum(thread.name == "video" and thread.is_alive() for thread in threading.enumerate()) == 1
    manager.stop_all()
    assert not any(thread.name == "video" and thread.is_alive() for thread in threading.enumerate())


def test_a_file_begins_anew_at_its_end() -> None:
    source = clip_source(length=4)
    source.acquire()
    try:
        number, cuts = 0, set()
        deadline = time.monotonic() + 20
        while len(cuts) < 3 and time.monotonic() < deadline:
            frame = source.next_frame(number, timeout=20)
            assert frame is not None
            assert frame.number > number
            number = frame.number
            cuts.add(frame.cut)
        assert cuts == {0, 1, 2}
    finally:
        source.release()


def test_a_source_that_does_not_open_is_an_error_of_the_pipeline() -> None:
    manager = PipelineManager([definition("one")], clip_source(opens=False))
    events = Recorder(manager)
    manager.start("one")
    assert "made-up.avi can't be opened" in events.wait("error", "one")["error_message"]
    manager.stop_all()


def test_a_source_without_pictures_is_an_error_of_the_pipeline() -> None:
    manager = PipelineManager([definition("one")], clip_source(length=0))
    events = Recorder(manager)
    manager.start("one")
    assert "gives no more pictures" in events.wait("error", "one")["error_message"]
    manager.stop_all()


def test_a_bad_new_source_changes_nothing(manager: PipelineManager) -> None:
    events = Recorder(manager)
    manager.start("one")
    events.wait("frame", "one")
    before = manager.source
    with pytest.raises(SourceError, match="can't be opened"):
        manager.set_source(clip_source(opens=False))
    assert manager.source is before
    assert manager.get("one").status == "running"


def test_a_new_source_takes_over_what_runs(manager: PipelineManager) -> None:
    events = Recorder(manager)
    manager.start("one")
    events.wait("frame", "one")
    new = clip_source()
    manager.set_source(new)
    assert manager.source is new
    events.wait("status", "one", status="stopped")
    events.wait("status", "one", status="running")
    assert manager.get("two").status == "stopped"


def test_an_unknown_pipeline_is_named(manager: PipelineManager) -> None:
    with pytest.raises(UnknownPipeline, match="no pipeline 'three'"):
        manager.start("three")
    with pytest.raises(ValueError, match="there is no event 'frames'"):
        manager.register_callback("frames", print)


def test_sources_are_told_apart(tmp_path: Path) -> None:
    video = tmp_path / "walk.mp4"
    video.touch()
    assert parse_source("0") == 0
    assert parse_source("rtsp://camera/1") == "rtsp://camera/1"
    assert parse_source(f" {video} ") == str(video)
    with pytest.raises(SourceError, match="There is no file"):
        parse_source(str(tmp_path / "nothing.mp4"))
    with pytest.raises(SourceError, match="No source given"):
        parse_source("  ")


def test_a_label_shows_no_folder_and_no_password() -> None:
    assert label("/home/someone/walk.mp4") == "walk.mp4"
    assert label("rtsp://user:secret@camera:554/1?token=x") == "rtsp://camera:554/1"
    assert label(2) == "Camera 2"
