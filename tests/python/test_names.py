"""A name that is not there is answered with the one that was meant: helpers are not always named as their events."""

from __future__ import annotations

import pytest

import ws_manager


def test_a_mistyped_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"'notify_pipeline_status_update'\. Did you mean: 'notify_pipeline_"):
        ws_manager.notify_pipeline_status_update  # noqa: B018
    with pytest.raises(AttributeError, match=r"no attribute 'zzzzzzzz'$"):
        ws_manager.zzzzzzzz  # noqa: B018
