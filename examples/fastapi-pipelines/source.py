"""Video in: one reader thread per source, shared by all pipelines that watch it.

A camera can be opened only once and decoding is work: so the reader decodes and scales each frame once, and each
pipeline takes the newest one when it is ready for it. A pipeline that is slower than the video skips frames; it never
holds up the others.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
from vision import Image

log = logging.getLogger("demo.video")

MAX_WIDTH = 768
MAX_FPS = 12.0


class SourceError(Exception):
    """A source can't be opened or read; the message says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture. `number` counts from 1; `time`: seconds since the source was opened; `cut`: how often the
    video has begun anew."""

    image: Image
    number: int
    time: float
    cut: int


def parse_source(text: str) -> str | int:
    """A camera's index, a URL, or a file. Raises SourceError if it is a file that does not exist."""
    text = text.strip()
    if not text:
        raise SourceError(
            "No source given: name a video file, a URL (rtsp://, http://) or a camera's number such as 0."
        )
    if text.isdecimal():
        return int(text)
    if "://" in text:
        return text
    path = Path(text).expanduser()
    if not path.is_file():
        raise SourceError(f"There is no file {path}. Give the path of a video file, a URL or a camera's number.")
    return str(path)


def label(source: str | int) -> str:
    """A short name for people: no directories, no user names or passwords of a URL."""
    if isinstance(source, int):
        return f"Camera {source}"
    if "://" in source:
        scheme, rest = source.split("://", 1)
        host, *path = rest.split("?", 1)[0].split("/", 1)
        return f"{scheme}://{host.rpartition('@')[2]}" + (f"/{path[0]}" if path else "")
    return os.path.basename(source)


class VideoSource:
    """Reads one video in a thread of its own while at least one pipeline wants it.

    Files loop and play at their own speed; cameras and streams run as they come and are opened again after a failure.
    """

    def __init__(self, source: str | int, *, opener: Callable[[str | int], Any] | None = None) -> None:
        self.source = source
        self.is_file = isinstance(source, str) and "://" not in source
        self.fps = 0.0
        self.error: str | None = None
        self._opener: Callable[..., Any] = opener or cv2.VideoCapture
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._users = 0
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def acquire(self) -> None:
        """One more pipeline wants frames. Any thread."""
        with self._changed:
            self._users += 1
            if self._thread is None or not self._thread.is_alive():
                self._stopping = threading.Event()
                self.error = None
                self._frame = None
                self._thread = threading.Thread(target=self._run, args=(self._stopping,), name="video", daemon=True)
                self._thread.start()

    def release(self) -> None:
        """One pipeline fewer; with the last one the video is closed."""
        with self._changed:
            self._users -= 1
            if self._users > 0:
                return
            thread, self._thread = self._thread, None
            self._stopping.set()
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)

    def next_frame(self, after: int, timeout: float = 1.0) -> Frame | None:
        """The newest frame with a number over `after`; None if none came within `timeout` seconds.

        Raises SourceError if the source failed for good.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self.error is not None or (self._frame is not None and self._frame.number > after), timeout
            )
            if self.error is not None:
                raise SourceError(self.error)
            frame = self._frame
            return frame if frame is not None and frame.number > after else None

    def check(self) -> None:
        """Open it, read one frame, close it. Raises SourceError."""
        capture = self._open()
        try:
            ok, _ = capture.read()
        finally:
            capture.release()
        if not ok:
            raise SourceError(
                f"{label(self.source)} opens, but gives no picture. Is it a video that OpenCV can decode?"
            )

    def _open(self) -> Any:
        capture = self._opener(self.source)
        if not capture.isOpened():
            capture.release()
            raise SourceError(
                f"{label(self.source)} can't be opened. Is the path or address right, is it a video, "
                "and is a camera free (and allowed for this user)?"
            )
        fps = float(capture.get(cv2.CAP_PROP_FPS) or 0)
        self.fps = fps if 1 <= fps <= 240 else 25.0
        return capture

    def _run(self, stopping: threading.Event) -> None:
        try:
            self._read(stopping)
        except SourceError as error:
            self._fail(stopping, str(error))
        except cv2.error as error:
            self._fail(stopping, f"OpenCV failed on {label(self.source)}: {error}")

    def _fail(self, stopping: threading.Event, message: str) -> None:
        with self._changed:
            if stopping.is_set():
                return
            self.error = message
            self._changed.notify_all()

    def _read(self, stopping: threading.Event) -> None:
        capture = self._open()
        log.info("Opened %s at %.4g frames per second", label(self.source), self.fps)
        every = max(1, round(self.fps / MAX_FPS))  # of a fast video only every n-th frame is decoded
        read, number, cut, failures = 0, 0, 0, 0
        started = due = time.monotonic()
        try:
            while not stopping.is_set():
                read += 1
                ok = capture.grab()
                if ok and read % every:
                    continue
                image = None
                if ok:
                    ok, image = capture.retrieve()
                if not ok or image is None:
                    failures += 1
                    if failures > 3:
                        raise SourceError(f"{label(self.source)} gives no more pictures.")
                    capture.release()
                    if not self.is_file and stopping.wait(1.0):
                        return
                    capture = self._open()
                    read, cut = 0, cut + 1
                    log.debug("%s begins anew", label(self.source))
                    continue
                failures = 0
                number += 1
                if self.is_file:
                    due = max(due + every / self.fps, time.monotonic() - 0.5)  # after a pause: no rush to catch up
                    if stopping.wait(max(0.0, due - time.monotonic())):
                        return
                self._publish(stopping, Frame(_scaled(image), number, time.monotonic() - started, cut))
        finally:
            capture.release()

    def _publish(self, stopping: threading.Event, frame: Frame) -> None:
        with self._changed:
            if not stopping.is_set():
                self._frame = frame
                self._changed.notify_all()


def _scaled(image: Image) -> Image:
    height, width = image.shape[:2]
    if width <= MAX_WIDTH:
        return image
    return cv2.resize(image, (MAX_WIDTH, round(height * MAX_WIDTH / width)), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
