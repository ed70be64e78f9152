"""The application's log, live: LogHandler."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from ws_manager import LogHandler, WebSocketManager


@pytest.fixture
def logger(manager: WebSocketManager) -> logging.Logger:
    logger = logging.Logger("test.live", logging.DEBUG)  # of its own, so that pytest's handlers do not see it
    logger.addHandler(LogHandler(manager=manager))
    return logger


def test_records_become_log_messages(logger: logging.Logger, connect: Any) -> None:
    client = connect("/ws/logs")
    logger.warning("disk %d%% full", 93)
    message = client.next()
    assert message["type"] == "log_message"
    assert message["data"] == {"level": "warning", "message": "disk 93% full", "source": "test.live"}


def test_levels_are_mapped(logger: logging.Logger, connect: Any) -> None:
    client = connect("/ws/logs")
    logging.addLevelName(25, "SUCCESS")
    for level in (5, logging.DEBUG, logging.INFO, 25, 27, logging.WARNING, logging.ERROR, logging.CRITICAL, 60):
        logger.setLevel(1)
        logger.log(level, "x")
    levels = [client.next()["data"]["level"] for _ in range(9)]
    assert levels == ["debug", "debug", "info", "success", "info", "warning", "error", "critical", "critical"]


def test_exceptions_are_in_the_text(logger: logging.Logger, connect: Any) -> None:
    client = connect("/ws/logs")
    try:
        raise KeyError("lost")
    except KeyError:
        logger.exception("failed")
    text = client.next()["data"]["message"]
    assert text.startswith("failed\nTraceback")
    assert "KeyError: 'lost'" in text


def test_the_level_of_the_handler_counts(manager: WebSocketManager, connect: Any) -> None:
    logger = logging.Logger("quiet", logging.DEBUG)
    logger.addHandler(LogHandler(level=logging.ERROR, manager=manager))
    client = connect("/ws/logs")
    logger.info("no")
    logger.error("yes")
    assert client.next()["data"]["message"] == "yes"


def test_records_of_the_package_itself_are_left_out(manager: WebSocketManager, connect: Any) -> None:
    client = connect("/ws/logs")
    handler = LogHandler(manager=manager)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        logging.getLogger("ws_manager").error("inner")
        logging.getLogger("ws_manager.part").error("inner")
        logging.getLogger("other").error("outer")
    finally:
        root.removeHandler(handler)
    assert client.next()["data"]["message"] == "outer"


def test_what_is_logged_while_sending_is_left_out(manager: WebSocketManager, connect: Any) -> None:
    logger = logging.Logger("loop", logging.DEBUG)
    depth = []

    class Chatty(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            depth.append(1)
            logger.info("about to format")
            return super().format(record)

    handler = LogHandler(manager=manager)
    handler.setFormatter(Chatty())
    logger.addHandler(handler)
    client = connect("/ws/logs")
    logger.info("one")
    logger.info("two")
    assert [client.next()["data"]["message"] for _ in range(2)] == ["one", "two"]
    assert len(depth) == 2


def test_a_log_line_does_not_start_a_runtime(manager: WebSocketManager, logger: logging.Logger) -> None:
    logger.error("early")
    assert not manager.running
    manager.start()
    manager.stop(0)
    logger.error("late")
    assert not manager.running


def test_nothing_that_goes_wrong_reaches_the_caller(
    manager: WebSocketManager, logger: logging.Logger, connect: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    client = connect("/ws/logs")
    logger.error("%d", "no number")
    assert "no number" in capsys.readouterr().err
    logger.error("half a pair: \ud800")
    assert client.next()["data"]["message"] == "half a pair: ?"
