"""Options of a manager: keywords, environment, mistakes."""

from __future__ import annotations

import pytest

import ws_manager
from ws_manager import ConfigError, WebSocketManager


def test_keywords_are_the_options_of_the_core() -> None:
    for name, _, type, fallback, *_ in ws_manager._core.options():
        value = {"port": 0, "api_key": "k"}.get(name, fallback or None)
        WebSocketManager(**{name: value})
        assert type in {"uint", "secs", "string", "list", "bool"}


def test_an_unknown_keyword_is_named_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"no option 'hearbeat'.*heartbeat_interval") as caught:
        WebSocketManager(hearbeat=3)
    assert caught.value.code == "config"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("heartbeat_interval", -1, "heartbeat_interval"),
        ("heartbeat_interval", "soon", "soon"),
        ("max_connections", 0, "max_connections"),
        ("max_connections", 1.5, "max_connections"),
        ("max_connections", True, "bool"),
        ("port", 70000, "port"),
        ("rest", 7, "rest"),
        ("allowed_origins", [1], "allowed_origins"),
        ("allowed_origins", 3, "allowed_origins"),
        ("broker_url", b"memory:", "bytes"),
        ("broker_url", "carrier-pigeon://", "broker_url"),
        ("api_key", "a\0b", "NUL"),
    ],
)
def test_values_that_make_no_sense(name: str, value: object, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        WebSocketManager(**{name: value})


def test_options_that_contradict_each_other() -> None:
    with pytest.raises(ConfigError, match="timeout"):
        WebSocketManager(heartbeat_interval=60, timeout=30)


def test_none_is_unset() -> None:
    manager = WebSocketManager(port=None, api_key=None)
    manager.start()
    try:
        assert manager.port == 0
    finally:
        manager.stop(0)


def test_configure_before_the_start_and_not_after_it(manager: WebSocketManager) -> None:
    manager.configure(history_size=3)
    manager.start()
    assert manager.port > 0
    for n in range(5):
        manager.send_to_room("a", {"n": n})
    assert len(manager.history("a")["messages"]) == 3
    with pytest.raises(ConfigError, match="before the runtime starts"):
        manager.configure(history_size=4)


def test_a_failed_configure_changes_nothing(manager: WebSocketManager) -> None:
    with pytest.raises(ConfigError):
        manager.configure(history_size=3, max_rooms="many")
    manager.start()
    for n in range(5):
        manager.send_to_room("a", {"n": n})
    assert len(manager.history("a")["messages"]) == 5


def test_configure_after_stop_counts_from_the_next_start(manager: WebSocketManager) -> None:
    manager.start()
    manager.stop(0)
    manager.configure(history_size=2)
    manager.start()
    for n in range(5):
        manager.send_to_room("a", {"n": n})
    assert len(manager.history("a")["messages"]) == 2


def test_the_environment_is_read_when_the_runtime_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = WebSocketManager()
    monkeypatch.setenv("WEBSOCKET_HISTORY_SIZE", "2")
    try:
        for n in range(5):
            manager.send_to_room("a", {"n": n})
        assert len(manager.history("a")["messages"]) == 2
    finally:
        manager.stop(0)


def test_keywords_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSOCKET_HISTORY_SIZE", "2")
    manager = WebSocketManager(history_size=4)
    try:
        for n in range(5):
            manager.send_to_room("a", {"n": n})
        assert len(manager.history("a")["messages"]) == 4
    finally:
        manager.stop(0)


def test_a_bad_environment_is_an_error_at_start_not_at_import(python) -> None:
    out = python(
        """
        import ws_manager
        print("imported")
        try:
            ws_manager.start()
        except ws_manager.ConfigError as error:
            print(error)
        """,
        WEBSOCKET_TIMEOUT="never",
    )
    assert "imported" in out
    assert "WEBSOCKET_TIMEOUT" in out or "timeout" in out
    assert "never" in out


def test_a_taken_port_is_named(manager: WebSocketManager) -> None:
    manager.start()
    second = WebSocketManager(port=manager.port)
    with pytest.raises(ws_manager.AddressInUse, match=str(manager.port)):
        second.start()
    assert not second.running
