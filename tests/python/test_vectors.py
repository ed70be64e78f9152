"""The shared vectors (tests/vectors): calls of the package, and the exact messages that clients then get."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from support import Calls, Client

from ws_manager import Delivery, Receipt, WebSocketManager, WsManagerError

VECTORS = Path(__file__).parents[1] / "vectors"
CASES = [
    pytest.param(case, id=f"{file.stem}: {case['name']}")
    for file in sorted(VECTORS.glob("*.json"))
    for case in json.loads(file.read_text())
]

SHAPES = {
    "<timestamp>": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"),
    "<id>": re.compile(r"[0-9A-HJKMNP-TV-Z]{26}"),
    "<epoch>": re.compile(r"[A-Za-z0-9_-]{8,23}"),
    "<text>": re.compile(r"(?s).+"),
}


class Run:
    """One case under way."""

    def __init__(self, manager: WebSocketManager) -> None:
        self.manager = manager
        self.clients: dict[str, Client] = {}
        self.kept: dict[str, str] = {}
        self.gone = Calls()
        manager.on_disconnect(self.gone)

    def fill(self, value: Any) -> Any:
        """`value` with what was kept in place of "$name"."""
        if isinstance(value, dict):
            return {name: self.fill(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if isinstance(value, str) and value.startswith("$"):
            return self.kept[value[1:]]
        return value

    def step(self, step: dict[str, Any]) -> None:
        verb = next(iter(step))
        getattr(self, f"do_{verb}")(step)

    def do_open(self, step: dict[str, Any]) -> None:
        greeted = step.get("greeting", {}) is not None
        client = Client(self.manager.port, step["path"], greeted=greeted)
        self.clients[step["open"]] = client
        if step.get("greeting"):
            same(client.greeting, step["greeting"])

    def do_call(self, step: dict[str, Any]) -> None:
        call = getattr(self.manager, step["call"])
        options = {**step.get("fields", {}), **step.get("options", {})}
        if "raises" in step:
            with pytest.raises(WsManagerError) as raised:
                call(*step["args"], **options)
            assert raised.value.code == step["raises"]
            return
        delivery = asyncio.run(delivered(call(*step.get("args", []), **options)))
        for name, value in step.get("delivery", {}).items():
            assert getattr(delivery, name) == value, name

    def do_say(self, step: dict[str, Any]) -> None:
        self.clients[step["say"]].send(step["text"] if "text" in step else self.fill(step["message"]))

    def do_hear(self, step: dict[str, Any]) -> None:
        heard = self.clients[step["hear"]].recv()
        if "text" in step:
            assert heard == step["text"]
        elif "hex" in step:
            assert heard == bytes.fromhex(step["hex"])
        else:
            message = json.loads(heard)
            same(message, self.fill(step["message"]))
            for name, path in step.get("keep", {}).items():
                found: Any = message
                for part in path.split("."):
                    found = found[part]
                self.kept[name] = found

    def do_silence(self, step: dict[str, Any]) -> None:
        client = self.clients[step["silence"]]
        assert client.ask(action="ping")["type"] == "pong"

    def do_end(self, step: dict[str, Any]) -> None:
        assert self.clients[step["end"]].ended()[0] == step["code"]

    def do_leave(self, step: dict[str, Any]) -> None:
        before = len(self.gone.all)
        self.clients.pop(step["leave"]).close()
        self.gone.wait(before + 1)


async def delivered(receipt: Receipt) -> Delivery:
    return await receipt


def same(heard: Any, expected: Any, at: str = "") -> None:
    """Demands equality, shapes apart."""
    if isinstance(expected, str) and expected in SHAPES:
        assert isinstance(heard, str), f"{at}: {heard!r} is no {expected}"
        assert SHAPES[expected].fullmatch(heard), f"{at}: {heard!r} is no {expected}"
    elif isinstance(expected, dict):
        assert isinstance(heard, dict), f"{at}: {heard!r}"
        assert sorted(heard) == sorted(expected), f"members of {at or 'the message'}"
        for name, value in expected.items():
            same(heard[name], value, f"{at}.{name}")
    elif isinstance(expected, list):
        assert isinstance(heard, list), f"{at}: {heard!r}"
        assert len(heard) == len(expected), f"{at}: {heard!r}"
        for i, value in enumerate(expected):
            same(heard[i], value, f"{at}[{i}]")
    else:
        assert type(heard) in (int, float) if type(expected) in (int, float) else type(heard) is type(expected), at
        assert heard == expected, at


@pytest.mark.parametrize("case", CASES)
def test_vector(case: dict[str, Any]) -> None:
    manager = WebSocketManager(port=0, **case.get("config", {}))
    manager.start()
    run = Run(manager)
    try:
        for number, step in enumerate(case["steps"]):
            try:
                run.step(step)
            except AssertionError as error:
                error.add_note(f"step {number}: {json.dumps(step)}")
                raise
    finally:
        for client in run.clients.values():
            client.close()
        manager.stop(deadline=1.0)
