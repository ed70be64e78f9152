"""progress_callback: what an analysis reports becomes `processing_progress` events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from ._manager import default_manager

if TYPE_CHECKING:
    from ._core import Receipt
    from ._manager import WebSocketManager
    from ._types import SendOptions


class progress_callback:  # noqa: N801 - it is used as a function
    """A callable (progress, step, eta) that sends the progress of one image.

    As the catalogue says, at most ten times a second; the newest is always sent, and before processing_complete or
    processing_failed of that image. It may be called plainly, from any thread, or awaited: it returns a Receipt.

    image_id: id of the image. manager: who sends; the default manager if None. options: of the sending calls.

    Example: ZStackAnalyzer(progress_callback=ws_manager.progress_callback(image_id))
    """

    def __init__(self, image_id: str, manager: WebSocketManager | None = None, **options: Unpack[SendOptions]) -> None:
        self.image_id = str(image_id)
        self._manager = manager
        self._options = options

    def __call__(self, progress: float, step: str = "", eta: float | None = None) -> Receipt:
        """Reports progress (percent, 0-100), what is being done, and the seconds still needed if they are known."""
        manager = self._manager or default_manager()
        return manager.notify_processing_progress(self.image_id, progress, step, eta, **self._options)
