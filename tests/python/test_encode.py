"""What can be sent, how it is encoded, and what is said about what can't."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import ipaddress
import json
import pathlib
import re
import types
import uuid
from typing import Any, ClassVar

import pydantic
import pytest
from fastapi.encoders import jsonable_encoder

from ws_manager import ConfigError, WebSocketManager, _core
from ws_manager._encode import PLAIN, Encoder, dumps

message = PLAIN.message


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


class Secretive:
    """Its attributes are nobody's business, unless somebody says so."""

    def __init__(self) -> None:
        self.password = "hunter2"


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
    # By alias, as FastAPI answers requests.
    assert json.loads(dumps(Model(name="a"))) == {"name": "A", "when": None, "other": 1}
    assert json.loads(dumps({"models": [Model(name="a")]}))["models"][0]["name"] == "A"


def test_models_of_pydantic_1_by_theirs() -> None:
    class Old:
        __fields__: ClassVar = {"a": None}

        def json(self, by_alias: bool = False) -> str:
            assert by_alias
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
        ({"a": {object()}}, 'data["a"][0]', "object cannot be encoded"),
        ({"a": b"\xff"}, 'data["a"]', "bytes that is no UTF-8 cannot be encoded"),
        ({"a": 2**70}, 'data["a"]', "int beyond 64 bits"),
        ({"a": "\ud800"}, 'data["a"]', "lone surrogate"),
        ({"\ud800": 1}, "data['\\ud800']", "lone surrogate"),
        ({"a": {(7,): 1}}, 'data["a"][(7,)]', "the key is tuple, for which JSON has no text"),
        ({"a": {7: 1, "7": 2}}, "data[\"a\"]['7']", "another key of this dict is '7' in JSON, too"),
        ({"a": {7: object()}}, 'data["a"][7]', "object cannot be encoded"),
        ({"a": (n for n in [1, object()])}, 'data["a"][1]', "object cannot be encoded"),
        ({"a": Secretive()}, 'data["a"]', "Secretive cannot be encoded as JSON; send a dict"),
        ({"p": Point(1, object())}, 'data["p"].inner', "object cannot be encoded"),
        ([(1, complex(1))], "data[0][1]", "complex cannot be encoded"),
        ({"a": Array("O", [object()])}, 'data["a"][0]', "object cannot be encoded"),
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


Pair = collections.namedtuple("Pair", "a b")
NOW = datetime.datetime(2026, 1, 2, 3, 4, 5)


class Stamp(datetime.datetime):
    """As pandas' Timestamp: a subclass, which orjson does not take."""


@pytest.mark.parametrize(
    "value",
    [
        decimal.Decimal("1.5"),
        decimal.Decimal("3"),
        decimal.Decimal("1E+2"),
        {3},
        frozenset({"x"}),
        collections.deque([1, 2]),
        Pair(1, "b"),
        datetime.timedelta(seconds=90, milliseconds=500),
        datetime.time(3, 4),
        Stamp(2026, 1, 2),
        pathlib.PurePosixPath("/tmp/a"),
        uuid.UUID(int=5),
        Colour.RED,
        ipaddress.ip_address("::1"),
        ipaddress.ip_network("10.0.0.0/8"),
        re.compile("a+"),
        b"bytes",
        pydantic.SecretStr("hunter2"),
        pydantic.TypeAdapter(pydantic.AnyUrl).validate_python("https://a.example/x"),
        Model(name="a"),
        Point(1.5, {1}),
        types.MappingProxyType({"a": 1}),
        collections.OrderedDict(a=1),
        {1: "int", 2.5: "float", False: "bool", None: "none"} | {uuid.UUID(int=1): "id"},
        {
            "deep": [
                {
                    "er": {
                        decimal.Decimal("0.5"),
                    }
                }
            ]
        },
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_jsonable_encoder_accepts_is_encoded_alike(value: Any) -> None:
    assert json.loads(dumps({"v": value})) == json.loads(json.dumps({"v": jsonable_encoder(value)}))


def test_keys_that_are_no_text() -> None:
    value = {Colour.RED: 1, NOW: 2, decimal.Decimal("7"): {3: 4}, pathlib.PurePosixPath("/p"): 5}
    assert json.loads(dumps(value)) == {"red": 1, NOW.isoformat(): 2, "7": {"3": 4}, "/p": 5}


def test_generators_are_run_once() -> None:
    assert dumps({"a": (n * n for n in range(3)), 1: 2}) == b'{"a":[0,1,4],"1":2}'


def test_no_numbers_are_null() -> None:
    """As in JSON.stringify(); JSON has no word for them."""
    nan = float("nan")
    assert dumps([nan, float("inf"), decimal.Decimal("NaN"), decimal.Decimal("-Infinity"), {nan}]) == (
        b"[null,null,null,null,[null]]"
    )


class Scalar:
    """As numpy's scalars that orjson does not know."""

    def __init__(self, kind: str, value: Any) -> None:
        self.dtype = type("dtype", (), {"kind": kind})()
        self.shape = ()
        self._value = value

    def item(self) -> Any:
        return self._value

    def __float__(self) -> float:
        return float(self._value)


def test_scalars_of_numpy_and_pandas() -> None:
    delta = datetime.timedelta(seconds=2)
    assert dumps([Scalar("m", delta), Scalar("f", 1.5), Scalar("S", b"x")]) == b'[2.0,1.5,"x"]'

    class NaT(datetime.datetime):
        def __ne__(self, other: object) -> bool:
            return True

        __hash__ = datetime.datetime.__hash__

    assert dumps([NaT(2026, 1, 1)]) == b"[null]"
    na = type("NAType", (), {"__module__": "pandas._libs.missing"})()
    assert dumps({"na": na}) == b'{"na":null}'


def test_the_hook_is_asked_first_and_may_pass() -> None:
    def hook(value: Any) -> Any:
        if isinstance(value, decimal.Decimal):
            return str(value)
        if isinstance(value, Secretive):
            return {"kind": "secret"}
        raise TypeError

    encoder = Encoder(hook)
    value = {"d": decimal.Decimal("1.50"), "s": Secretive(), "set": {1}, 7: decimal.Decimal("2")}
    assert json.loads(encoder.dumps(value)) == {"d": "1.50", "s": {"kind": "secret"}, "set": [1], "7": "2"}
    with pytest.raises(TypeError, match=r'^data\["x"\]: object cannot'):
        encoder.dumps({"x": object()})
    with pytest.raises(TypeError, match="contains itself"):
        Encoder(lambda value: value).dumps({"x": object()})
    assert json.loads(Encoder(jsonable_encoder).dumps({"s": Secretive()})) == {"s": {"password": "hunter2"}}


def test_the_hook_of_a_manager(manager: WebSocketManager, connect: Any) -> None:
    manager.configure(encoder=lambda value: f"<{type(value).__name__}>")
    manager.on_command("get")(lambda connection, data: {"value": object()})
    client = connect()
    assert client.ask(action="get")["data"] == {"value": "<object>"}
    manager.notify("x", {"value": object()}, beside=object())
    assert client.next("x")["beside"] == "<object>"
    manager.broadcast({"type": "y", "value": [object()]})
    assert client.next("y")["value"] == ["<object>"]
    manager.broadcast({"type": "z", 5: {1}})
    assert client.next("z")["5"] == "<set>"


def test_a_hook_that_is_none_is_refused(manager: WebSocketManager) -> None:
    with pytest.raises(ConfigError, match="encoder must be a function"):
        manager.configure(encoder="json")  # type: ignore[typeddict-item]
