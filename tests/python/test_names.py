"""A name that is not there is answered with the one that was meant: helpers are not always named as their events."""

from __future__ import annotations

from typing import Any

import pytest

import ws_manager
from ws_manager._names import client_fault, words_of


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
    assert (client_fault(grants, words_of("/live", {}, query, [])) is not None) is refused


@pytest.mark.parametrize(
    ("grants", "path", "headers", "refused"),
    [
        ({"rooms": ["board:a b"]}, "/live?boards=7,a b", {}, True),  # taken out of a list
        ({"rooms": ["board:*"]}, "/live?boards=7,*", {}, True),
        ({"rooms": ["board:A B"]}, "/live/a b", {}, True),  # made large
        ({"rooms": [""]}, "/live", {}, True),  # said nothing at all
        ({"rooms": ["board:" + "X" * 200]}, "/live?b=" + "x" * 200, {}, True),
        ({"rooms": ["inbox:a b"]}, "/live", {"cookie": "lang=en; nick=a b"}, True),
        ({"rooms": ["inbox:a b"]}, "/live", {"x-user": "a b"}, True),
        ({"rooms": ["inbox:a b"], "user_id": "A B"}, "/live", {}, True),  # wherever the id is from
        ({"rooms": ["@all"]}, "/live?room=@ALL", {}, True),
        ({"subscribe": ["@user:*"]}, "/live/@user", {}, True),
        ({"subscribe": ["@user:*"]}, "/live/7", {}, False),
        ({"rooms": ["my room"]}, "/live?board=7", {"user-agent": "a b"}, False),  # the application's own mistake
        ({"rooms": ["my room"]}, "/live", {"x-forwarded-for": "1.1.1.1, 2.2.2.2"}, False),
        ({"rooms": ["board:*"]}, "/live?board=7", {"accept": "*/*"}, False),
        ({"rooms": ["y" * 200]}, "/live?board=7", {}, False),
        ({"subscribe": ["board:*"]}, "/live?boards=7,*", {}, True),
        ({"subscribe": ["board:a*"]}, "/live/A*", {}, True),
        ({"subscribe": ["board:*"]}, "/live?board= * ", {}, True),
        ({"subscribe": ["board:*"]}, "/live/slug-*", {}, True),  # the part behind the last hyphen
        ({"subscribe": ["board:*"]}, "/live/%2A", {}, True),  # decoded once more
        ({"publish": ["inbox:*"]}, "/live", {"cookie": "nick=*"}, True),
        ({"publish": ["inbox:a*"]}, "/live", {"x-user": "A*"}, True),
        ({"subscribe": ["inbox:*"], "user_id": "*"}, "/live", {}, True),
        ({"subscribe": ["project:*"], "user_id": "a*b"}, "/live", {}, False),
        ({"subscribe": ["project:*"]}, "/live/7", {"accept": "*/*", "accept-language": "*", "x-x": "a*b"}, False),
        ({"subscribe": ["project:7"]}, "/live?search=*", {}, False),  # no pattern
    ],
)
def test_no_word_of_a_client_gets_into_names_by_a_detour(
    grants: dict[str, Any], path: str, headers: dict[str, str], refused: bool
) -> None:
    path, _, query = path.partition("?")
    pairs = [tuple(pair.split("=")) for pair in query.split("&") if pair]
    words = words_of(path, {"board": path.rpartition("/")[2]}, pairs, headers.items())
    assert (client_fault(grants, words) is not None) is refused
