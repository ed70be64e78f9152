"""What can be sent, how it is encoded, and what is said about what can't."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import json
import uuid
from typing import Any, ClassVar

import pydantic
import pytest

from ws_manager import _core
from ws_manager._encode import dumps, message


class Model(pydantic.BaseModel):
    name: str
    when: datetime.datetime | None = None
    alias: int = pydantic.Field(default=1, serialization_alias="other")

    @pydantic.field_serializer("name")
    def shout(self, name: str) -> str:
        return name.upper()


@dataclasses.dataclass
class Point:
    x: float
    inner: Any = None


class Colour(enum.Enum):
    RED = "red"


class Array:
    """What numpy's arrays look like where orjson can't read them itself: not in one piece."""

    def __init__(self, kind: str, values: list[Any]) -> None:
        self.dtype = type("dtype", (), {"kind": kind, "__str__": lambda self: f"<{kind}8"})()
        self._values = values

    def tolist(self) -> list[Any]:
        return self._values


def test_strings_go_out_as_text_as_they_are() -> None:
    assert message("hello") == ("hello", 0)


def test_bytes_go_out_as_a_binary_message() -> None:
    assert message(b"\x00\x01") == (b"\x00\x01", _core.BINARY)
    assert message(bytearray(b"a")) == (b"a", _core.BINARY)
    assert message(memoryview(b"a")) == (b"a", _core.BINARY)


def test_pydantic_models_are_encoded_by_their_own_serializer() -> None:
    assert json.loads(dumps(Model(name="a"))) == {"name": "A", "when": None, "alias": 1}
    assert json.loads(dumps({"models": [Model(name="a")]}))["models"][0]["name"] == "A"


def test_models_of_pydantic_1_by_theirs() -> None:
    class Old:
        __fields__: ClassVar = {"a": None}

        def json(self) -> str:
            return '{"a":1}'

    assert dumps([Old()]) == b'[{"a":1}]'


def test_dataclasses_enums_times_and_ids() -> None:
    when = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    value = {"p": Point(1.5), "c": Colour.RED, "t": when, "u": uuid.UUID(int=0)}
    assert json.loads(dumps(value)) == {
        "p": {"x": 1.5, "inner": None},
        "c": "red",
        "t": "2026-01-02T03:04:05+00:00",
        "u": "00000000-0000-0000-0000-000000000000",
    }


def test_arrays_that_do_not_lie_in_one_piece() -> None:
    assert dumps({"a": Array("f", [1.5])}) == b'{"a":[1.5]}'


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    [
        ({"node": {"results": [1, 2, 3, object()]}}, 'data["node"]["results"][3]', "object cannot be encoded"),
        ({"a": {1, 2}}, 'data["a"]', "set cannot be encoded as JSON; make it a list"),
        ({"a": b"x"}, 'data["a"]', "bytes cannot be encoded"),
        ({"a": 2**70}, 'data["a"]', "int beyond 64 bits"),
        ({"a": "\ud800"}, 'data["a"]', "lone surrogate"),
        ({"\ud800": 1}, "data['\\ud800']", "lone surrogate"),
        ({"a": {7: 1}}, 'data["a"][7]', "the key is int; keys of JSON objects must be str"),
        ({"p": Point(1, object())}, 'data["p"].inner', "object cannot be encoded"),
        ([(1, complex(1))], "data[0][1]", "complex cannot be encoded"),
        ({"a": Array("O", [])}, 'data["a"]', "of dtype <O8 cannot be encoded"),
        (object(), "data", "object cannot be encoded"),
    ],
)
def test_what_cannot_be_encoded_is_named(value: Any, path: str, reason: str) -> None:
    with pytest.raises(TypeError) as caught:
        dumps(value)
    assert str(caught.value).startswith(f"{path}: ")
    assert reason in str(caught.value)


def test_a_value_that_contains_itself() -> None:
    value: dict[str, Any] = {}
    value["self"] = value
    with pytest.raises(TypeError, match=r"^data: is nested deeper than 254 levels, or contains itself"):
        dumps(value)


def test_a_model_that_fails_says_why() -> None:
    class Broken(pydantic.BaseModel):
        a: int = 1

        @pydantic.field_serializer("a")
        def fail(self, a: int) -> int:
            raise ValueError("no such unit")

    with pytest.raises(Exception, match="no such unit"):
        dumps({"m": Broken()})


def test_messages_are_called_messages() -> None:
    with pytest.raises(TypeError, match=r'^message\["a"\]: object'):
        message({"a": object()})
