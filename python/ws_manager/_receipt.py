"""Receipts: the Python half of `_core.Receipt`, which is written in C because every sending call makes one."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from ._core import Receipt

__all__ = ["Completed", "Receipt", "Suspend"]


class Completed:
    """What calls return that have nothing to report: may be ignored, awaited (None), or made a task."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield

    def send(self, value: None, /) -> Any:
        raise StopIteration(None)

    def throw(self, typ: Any, val: Any = None, tb: Any = None, /) -> Any:
        raise typ

    def close(self) -> None:
        return
