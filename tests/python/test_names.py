"""A name that is not there is answered with the one that was meant: helpers are not always named as their events."""

from __future__ import annotations

import pytest

import ws_manager
from ws_manager._names import client_fault


def test_a_mistyped_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match=r"'notify_pipeline_status_update'\. Did you mean: 'notify_pipeline_"):
        ws_manager.notify_pipeline_status_update  # noqa: B018
    with pytest.raises(AttributeError, match=r"no attribute 'zzzzzzzz'$"):
        ws_manager.zzzzzzzz  # noqa: B018


@pytest.mark.parametrize(
    ("grants", "query", "refused"),
    [
        ({"publish": ["*"]}, [("board", "")], True),
        ({"subscribe": ["board:*"]}, [("board", "")], True),
        ({"publish": ["team.board:*"]}, [("x", "1"), ("board", "")], True),
        ({"subscribe": ["board:*"]}, [("debug", "")], False),
        ({"subscribe": ["board:7*"]}, [("board", "7"), ("debug", "")], False),
        ({"subscribe": ["board*"]}, [("board", "")], False),
        ({"subscribe": ["*"]}, [], False),
        ({"rooms": ["board:7"]}, [("board", "")], False),
    ],
)
def test_an_empty_parameter_that_makes_a_pattern_larger_is_refused(
    grants: dict[str, list[str]], query: list[tuple[str, str]], refused: bool
) -> None:
    assert (client_fault(grants, {}, query) is not None) is refused
