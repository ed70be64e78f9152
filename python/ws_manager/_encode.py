"""From Python values to the bytes of a message."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import orjson

from . import _core

OPTIONS: Final = orjson.OPT_SERIALIZE_NUMPY

_DEPTH = 254
"""Levels of nesting that orjson goes down."""


def default(value: Any) -> Any:
    """What orjson can't encode by itself: pydantic models, and arrays that do not lie in one piece."""
    model_dump_json = getattr(value, "model_dump_json", None)
    if model_dump_json is not None and not isinstance(value, type):
        return orjson.Fragment(model_dump_json())
    if hasattr(value, "__fields__") and hasattr(value, "json") and not isinstance(value, type):
        return orjson.Fragment(value.json())  # pydantic 1
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind and kind in "biufU" and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(_describe(value))


def dumps(value: object, root: str = "data") -> bytes:
    """JSON of a value. TypeError says where in it the trouble is; `root` is what the value is called there."""
    try:
        return orjson.dumps(value, default, OPTIONS)
    except TypeError as error:
        raise explain(value, root, error) from None


def message(value: object) -> tuple[bytes | str, int]:
    """The payload of a message that is sent as it is, and the flags that go with it."""
    if isinstance(value, str):
        return value, 0
    if isinstance(value, bytes):
        return value, _core.BINARY
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value), _core.BINARY
    return dumps(value, "message"), 0


def explain(value: object, root: str, error: TypeError) -> TypeError:
    """The TypeError that names the place and the type of what can't be encoded."""
    found = _find(value, root, 0)
    if found is None:
        return TypeError(f"{root} cannot be encoded as JSON: {error.__cause__ or error}")
    path, reason = found
    return TypeError(f"{path}: {reason}")


def _encodes(value: object) -> bool:
    try:
        orjson.dumps(value, default, OPTIONS)
    except TypeError:
        return False
    return True


def _find(value: object, path: str, depth: int) -> tuple[str, str] | None:
    """Where the first thing is that can't be encoded, and why; None if there is none to be seen."""
    if depth > _DEPTH:
        return path.partition("[")[0].partition(".")[0], f"is nested deeper than {_DEPTH} levels, or contains itself"
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                return f"{path}[{key!r}]", f"the key is {_type_name(key)}; keys of JSON objects must be str"
            if not _encodes(key):
                return f"{path}[{key!r}]", "the key has a lone surrogate, which is not valid Unicode"
            if not _encodes(item):
                return _find(item, f"{path}[{key!r}]".replace("['", '["').replace("']", '"]'), depth + 1)
        return None
    if isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            if not _encodes(item):
                return _find(item, f"{path}[{index}]", depth + 1)
        return None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            item = getattr(value, field.name, None)
            if not _encodes(item):
                return _find(item, f"{path}.{field.name}", depth + 1)
        return None
    return None if _encodes(value) else (path, _describe(value))


def _describe(value: object) -> str:
    name = _type_name(value)
    if isinstance(value, str):
        return "str has a lone surrogate, which is not valid Unicode"
    if isinstance(value, int):
        return f"{name} beyond 64 bits cannot be encoded as JSON; send it as str"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{name} cannot be encoded as JSON; send it as a message of its own, or base64"
    if isinstance(value, (set, frozenset)):
        return f"{name} cannot be encoded as JSON; make it a list"
    if isinstance(value, Mapping):
        return f"{name} cannot be encoded as JSON; make it a dict"
    if hasattr(value, "dtype"):
        return f"{name} of dtype {value.dtype} cannot be encoded as JSON; use .tolist() of what it stands for"
    if hasattr(value, "model_dump_json"):
        try:
            value.model_dump_json()
        except Exception as error:  # noqa: BLE001 - whatever the model's own serializer says is the reason
            return f"{name} cannot be encoded as JSON: {error}"
    return f"{name} cannot be encoded as JSON"


def _type_name(value: object) -> str:
    cls = type(value)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
