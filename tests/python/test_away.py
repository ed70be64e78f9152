"""What is sent to users who are away."""

from __future__ import annotations

from typing import Any

import pytest

from ws_manager import Request, WebSocketManager


@pytest.fixture
def ana(manager: WebSocketManager, connect: Any) -> Any:
    """ana() -> Client: each connection is the user's. Their loop is not this thread's."""

    @manager.authenticate
    def who(request: Request) -> str:
        return "ana"

    manager.start()
    return connect


def test_what_was_sent_while_a_user_was_away_comes_with_the_next_connection_once(
    manager: WebSocketManager, ana: Any
) -> None:
    receipt = manager.send_to_user("ana", {"type": "notification", "data": {"n": 1}})
    first = ana()
    delivery = receipt.delivery()
    assert (delivery.recipients, delivery.offset, delivery.room) == (0, 1, "@user:ana")
    assert first.greeting["data"]["rooms"]["@user:ana"]["recovered"] is False
    notification = first.next("notification")
    assert (notification["data"], notification["offset"]) == ({"n": 1}, 1)
    first.close()
    again = ana()
    again.nothing_before(lambda: manager.send_to_user("ana", {"type": "second"}), "second")


def test_rules_bound_what_waits_for_a_user(manager: WebSocketManager, ana: Any) -> None:
    manager.room("@user:*", history_size=1)
    for n in (1, 2):
        manager.send_to_user("ana", {"type": "notification", "data": {"n": n}})
    client = ana()
    assert client.next()["data"]["missed"] == 1
    assert client.next("notification")["data"] == {"n": 2}
