"""What is said about rooms by pattern: the calls and their errors."""

from __future__ import annotations

import pytest

from ws_manager import ConfigError, InvalidArgument, InvalidRoom, WebSocketManager


def test_a_rule_is_kept_over_configure() -> None:
    manager = WebSocketManager(rooms={"project:*": {"history_size": 3, "history_ttl": 2.5}})
    manager.room("logs", overflow="latest", presence_events=True)
    manager.configure(max_rooms=5)
    assert manager._rooms == {
        "project:*": {"history_size": "3", "history_ttl": "2.5"},
        "logs": {"overflow": "latest", "presence_events": "on"},
    }


@pytest.mark.parametrize(
    ("pattern", "settings", "error", "words"),
    [
        ("a b", {"overflow": "latest"}, InvalidRoom, "must be a room's name"),
        ("a:*", {"overflow": "sometimes"}, InvalidArgument, "must be recover, drop_oldest, latest or disconnect"),
        ("a:*", {"colour": "red"}, InvalidArgument, "is no setting"),
        ("a:*", {"history_size": [1]}, ConfigError, "not a word, a number or a bool"),
    ],
)
def test_what_makes_no_sense_is_refused(
    pattern: str, settings: dict[str, object], error: type[Exception], words: str
) -> None:
    manager = WebSocketManager()
    with pytest.raises(error, match=words):
        manager.room(pattern, **settings)
    assert pattern not in manager._rooms


def test_rooms_of_the_configuration_must_be_rules() -> None:
    with pytest.raises(ConfigError, match="rooms must be"):
        WebSocketManager(rooms=["project:*"])
