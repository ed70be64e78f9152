"""From Python values to the bytes of a message.

orjson does it, and asks `default` about what it does not know. What it gives up on all the same (keys that are no
text, generators) is made of plain values first, in one pass that knows where it is.
"""

from __future__ import annotations

import datetime
import decimal
import ipaddress
import re
from collections import deque
from collections.abc import Callable, Mapping, Set, ValuesView
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import PurePath
from types import GeneratorType
from typing import Any, Final

import orjson

from . import _core

OPTIONS: Final = orjson.OPT_SERIALIZE_NUMPY

_DEPTH = 254
"""Levels of nesting that orjson goes down."""

_LISTS: Final = (list, tuple, set, frozenset, deque, range, Set, ValuesView)
_TEXTS: Final = (
    PurePath,
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Interface,
    ipaddress.IPv6Interface,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
)

Hook = Callable[[Any], Any]
"""The option `encoder`: gives something that can be encoded for a value; TypeError for what it does not know."""


class Encoder:
    """Encodes the values of one manager."""

    def __init__(self, hook: Hook | None = None) -> None:
        self._hook = hook

    def default(self, value: Any) -> Any:
        """Something that can be encoded in place of what orjson does not know. TypeError."""
        if self._hook is not None and not isinstance(value, GeneratorType):
            try:
                return self._hook(value)
            except TypeError:
                pass  # It does not know it either.
        return converted(value)

    def dumps(self, value: object, root: str = "data") -> bytes:
        """JSON of a value. TypeError says where in it the trouble is; `root` is what the value is called there."""
        try:
            return orjson.dumps(value, self.default, OPTIONS)
        except TypeError:
            return self.again(value, root)

    def again(self, value: object, root: str) -> bytes:
        """The same for what orjson.dumps() has just refused."""
        try:
            return orjson.dumps(self._plain(value, root, 0), self.default, OPTIONS)
        except TypeError as error:
            if str(error).startswith(root):
                raise
            raise TypeError(f"{root} cannot be encoded as JSON: {error.__cause__ or error}") from None

    def message(self, value: object) -> tuple[bytes | str, int]:
        """The payload of a message that is sent as it is, and the flags that go with it."""
        if isinstance(value, str):
            return value, 0
        if isinstance(value, bytes):
            return value, _core.BINARY
        if isinstance(value, (bytearray, memoryview)):
            return bytes(value), _core.BINARY
        return self.dumps(value, "message"), 0

    def welcome(self, messages: object) -> list[str]:
        """The payloads of what a client is to get first: one message, several as a list or tuple, or None."""
        if messages is None:
            return []
        texts: list[str] = []
        for message in messages if isinstance(messages, (list, tuple)) else [messages]:
            payload, flags = self.message(message)
            if flags:
                raise TypeError("welcome: a binary message cannot be given beforehand; send it in on_connect")
            texts.append(payload if isinstance(payload, str) else payload.decode())
        return texts

    # ---- the slow way ----

    def _plain(self, value: Any, path: str, depth: int) -> Any:
        """The same of values that orjson encodes itself. TypeError names the place of what can't be."""
        if depth > _DEPTH:
            root = re.split(r"[.\[]", path, maxsplit=1)[0]
            raise TypeError(f"{root}: is nested deeper than {_DEPTH} levels, or contains itself")
        if isinstance(value, dict):
            return self._plain_dict(value, path, depth)
        if isinstance(value, (list, GeneratorType)) or type(value) is tuple:
            return [self._plain(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]
        if is_dataclass(value) and not isinstance(value, type):
            # orjson leaves private ones out, too.
            names = [field.name for field in fields(value) if not field.name.startswith("_")]
            return {name: self._plain(getattr(value, name), f"{path}.{name}", depth + 1) for name in names}
        if isinstance(value, Enum):
            return self._plain(value.value, path, depth + 1)
        try:
            orjson.dumps(value, None, OPTIONS)
        except TypeError:
            return self._plain(self._converted(value, path), path, depth + 1)
        return value

    def _converted(self, value: Any, path: str) -> Any:
        if isinstance(value, orjson.Fragment):
            return value
        try:
            return self.default(value)
        except Exception as error:  # noqa: BLE001 - whatever the value's own serializer says is the reason
            raise TypeError(f"{path}: {error}") from None

    def _plain_dict(self, value: dict[Any, Any], path: str, depth: int) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key, item in value.items():
            place = f"{path}[{key!r}]"
            text = self._key(key, place)
            if text in plain:
                raise TypeError(f"{place}: another key of this dict is {text!r} in JSON, too")
            plain[text] = self._plain(item, place.replace("['", '["').replace("']", '"]'), depth + 1)
        return plain

    def _key(self, key: Any, place: str) -> str:
        """Numbers, times, ids, enums … for their text, as a value of JSON would have it."""
        if isinstance(key, str) and _is_unicode(key):
            return str(key)
        if isinstance(key, str):
            raise TypeError(f"{place}: the key has a lone surrogate, which is not valid Unicode")
        try:
            text = orjson.dumps(key, self.default, OPTIONS)
        except TypeError:
            text = b"["
        if text[:1] in b"[{":
            raise TypeError(f"{place}: the key is {_type_name(key)}, for which JSON has no text")
        return str(orjson.loads(text)) if text[:1] == b'"' else text.decode()


PLAIN: Final = Encoder()
"""Without a hook."""

dumps = PLAIN.dumps


def converted(value: Any) -> Any:
    """What FastAPI's jsonable_encoder makes of values that orjson does not know. TypeError."""
    if isinstance(value, type):
        raise TypeError(_describe(value))
    # By the names of the fields that REST answers have: FastAPI encodes by alias.
    if hasattr(value, "model_dump_json"):
        return orjson.Fragment(value.model_dump_json(by_alias=True))
    if hasattr(value, "__fields__") and hasattr(value, "json"):
        return orjson.Fragment(value.json(by_alias=True))  # pydantic 1
    if isinstance(value, _LISTS):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, decimal.Decimal):
        return _number(value)
    if isinstance(value, (datetime.date, datetime.time, datetime.timedelta)):
        return _moment(value)
    if isinstance(value, _TEXTS):
        return str(value)
    if isinstance(value, re.Pattern):
        return value.pattern
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _text_of(value)
    return _of_a_library(value)


def _number(value: decimal.Decimal) -> int | float | None:
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int):
        return int(value) if exponent >= 0 else float(value)
    return None  # not a number, or infinite: null, as for floats


def _moment(value: Any) -> Any:
    """Times of classes that are derived from datetime's, as pandas has them; its NaT is none."""
    if value != value:
        return None
    return value.total_seconds() if isinstance(value, datetime.timedelta) else value.isoformat()


def _text_of(value: bytes | bytearray | memoryview) -> str:
    try:
        return bytes(value).decode()
    except UnicodeDecodeError:
        raise TypeError(_describe(value)) from None


def _of_a_library(value: Any) -> Any:
    """Arrays and scalars of numpy and pandas, and types of pydantic's, without either being there."""
    module = type(value).__module__
    if module.startswith("pydantic"):
        from pydantic_core import to_jsonable_python

        return to_jsonable_python(value)
    if hasattr(value, "dtype"):
        if getattr(value.dtype, "kind", "") == "f" and getattr(value, "shape", None) == ():
            return float(value)  # .item() of a longdouble is a longdouble
        plain = value.tolist() if hasattr(value, "tolist") else value.item() if hasattr(value, "item") else value
        if type(plain) is not type(value):
            return plain
    if isinstance(value, float):
        return float(value)
    if module.startswith("pandas") and type(value).__name__ == "NAType":
        return None
    raise TypeError(_describe(value))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _describe(value: object) -> str:
    name = _type_name(value)
    if isinstance(value, str):
        return "str has a lone surrogate, which is not valid Unicode"
    if isinstance(value, int):
        return f"{name} beyond 64 bits cannot be encoded as JSON; send it as str"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{name} that is no UTF-8 cannot be encoded as JSON; send it as a message of its own, or base64"
    if hasattr(value, "dtype"):
        return f"{name} of dtype {value.dtype} cannot be encoded as JSON; use .tolist() of what it stands for"
    return (
        f"{name} cannot be encoded as JSON; send a dict, a dataclass or a pydantic model, "
        "or say by the option encoder what it is to be"
    )


def _type_name(value: object) -> str:
    cls = type(value)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
