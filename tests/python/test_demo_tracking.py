"""The demo's tracker, crossing line, zone and trend, on made-up detections."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "fastapi-pipelines"))

from tracking import CentroidTracker, CrossingLine, Detection, Track, Trend, Zone, overlap, segments_meet


def person(x: float, y: float = 0.5) -> Detection:
    """A box of a person's shape whose centre is at (x, y)."""
    return Detection(x - 0.02, y - 0.06, 0.04, 0.12)


def standing(track_id: int, x: float, y: float) -> Track:
    """A track whose foot is at (x, y)."""
    return Track(track_id, Detection(x - 0.02, y - 0.108, 0.04, 0.12), confirmed=True)


def test_a_walker_keeps_the_number() -> None:
    tracker = CentroidTracker()
    numbers = {track.id for step in range(30) for track in tracker.update([person(0.1 + step * 0.02)])}
    assert numbers == {1}


def test_one_detection_alone_is_not_believed() -> None:
    tracker = CentroidTracker(min_hits=2)
    assert tracker.update([person(0.5)]) == []
    assert tracker.update([]) == []
    assert tracker.update([person(0.5)]) == []


def test_who_is_lost_for_a_moment_is_found_again_under_the_same_number() -> None:
    tracker = CentroidTracker(max_missed=4)
    for step in range(5):
        tracker.update([person(0.2 + step * 0.02)])
    for _ in range(3):
        tracker.update([])
    assert [track.visible for track in tracker.tracks] == [False]
    assert [track.id for track in tracker.update([person(0.33)])] == [1]


def test_who_is_lost_for_long_is_forgotten() -> None:
    tracker = CentroidTracker(max_missed=2)
    tracker.update([person(0.5)])
    tracker.update([person(0.5)])
    for _ in range(3):
        tracker.update([])
    assert tracker.tracks == []


def test_two_who_pass_each_other_keep_their_numbers() -> None:
    tracker = CentroidTracker(min_hits=1)
    for step in range(17):
        tracks = tracker.update([person(0.2 + step * 0.02, 0.48), person(0.52 - step * 0.02, 0.52)])
        assert {track.id: round(track.box.centre[1], 2) for track in tracks} == {1: 0.48, 2: 0.52}


def test_a_double_of_someone_goes_when_it_is_not_seen_again() -> None:
    tracker = CentroidTracker(min_hits=1)
    tracker.update([person(0.5), person(0.51)])
    assert len(tracker.tracks) == 2
    assert len(tracker.update([person(0.5)])) == 1


def test_reset_forgets_but_gives_new_numbers() -> None:
    tracker = CentroidTracker(min_hits=1)
    tracker.update([person(0.5)])
    tracker.reset()
    assert [track.id for track in tracker.update([person(0.5)])] == [2]


def test_crossing_is_counted_once_and_by_direction() -> None:
    line = CrossingLine((0.5, 0.0), (0.5, 1.0))
    new = [line.update([standing(1, x / 100, 0.5)]) for x in range(40, 61)]
    assert sum(new) == 1
    assert (line.forward, line.backward) == (0, 1)
    for x in range(60, 39, -1):
        line.update([standing(1, x / 100, 0.5)])
    assert (line.forward, line.backward, line.total) == (1, 1, 2)


def test_who_sways_on_the_line_is_not_counted() -> None:
    line = CrossingLine((0.5, 0.0), (0.5, 1.0), margin=0.012)
    line.update([standing(1, 0.4, 0.5)])
    assert sum(line.update([standing(1, 0.5 + sway, 0.5)]) for sway in (-0.01, 0.01, -0.01, 0.01)) == 0


def test_who_passes_beyond_the_end_of_the_line_is_not_counted() -> None:
    line = CrossingLine((0.5, 0.0), (0.5, 0.4))
    assert sum(line.update([standing(1, x / 100, 0.8)]) for x in range(40, 61)) == 0


def test_after_a_reset_a_jump_over_the_line_is_no_crossing() -> None:
    line = CrossingLine((0.5, 0.0), (0.5, 1.0))
    line.update([standing(1, 0.4, 0.5)])
    line.reset()
    assert line.update([standing(1, 0.6, 0.5)]) == 0


def test_segments_that_only_point_at_each_other_do_not_meet() -> None:
    assert segments_meet((0, 0), (1, 1), (0, 1), (1, 0))
    assert not segments_meet((0, 0), (0.4, 0.4), (0, 1), (1, 0))


SQUARE = [(0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)]


def test_an_intrusion_is_counted_once_until_the_intruder_leaves() -> None:
    zone = Zone(SQUARE, dwell=2)
    inside, outside = [standing(1, 0.5, 0.5)], [standing(1, 0.1, 0.5)]
    assert [zone.update(t) for t in (outside, inside, inside, inside, inside)] == [0, 0, 1, 0, 0]
    assert zone.inside == {1}
    assert [zone.update(t) for t in (outside, inside, inside)] == [0, 0, 1]
    assert zone.total == 2


def test_one_look_inside_is_not_an_intrusion() -> None:
    zone = Zone(SQUARE, dwell=2)
    assert [zone.update([standing(1, x, 0.5)]) for x in (0.1, 0.21, 0.1, 0.21, 0.1)] == [0] * 5


def test_a_zone_may_be_concave() -> None:
    zone = Zone([(0, 0), (1, 0), (1, 1), (0.5, 0.2), (0, 1)])
    assert zone.contains((0.1, 0.5))
    assert zone.contains((0.9, 0.5))
    assert not zone.contains((0.5, 0.6))


def test_a_zone_needs_three_points() -> None:
    with pytest.raises(ValueError, match="at least 3 points, got 2"):
        Zone([(0, 0), (1, 1)])


def test_trend_follows_the_count() -> None:
    trend = Trend(window=10)
    assert [trend.update(v) for v in (2, 2, 2)] == ["stable"] * 3
    assert [trend.update(v) for v in (2, 2, 4, 5, 5, 5)][-1] == "rising"
    assert [trend.update(v) for v in (1, 1, 1, 1, 1)][-1] == "falling"


def test_overlap_is_measured_on_the_smaller_box() -> None:
    assert overlap(Detection(0, 0, 1, 1), Detection(0.4, 0.4, 0.2, 0.2)) == pytest.approx(1)
    assert overlap(Detection(0, 0, 0.2, 0.2), Detection(0.1, 0, 0.2, 0.2)) == pytest.approx(0.5)
    assert overlap(Detection(0, 0, 0.2, 0.2), Detection(0.5, 0.5, 0.2, 0.2)) == 0
