"""What the generated helpers of `_events` share: how they tell their two forms apart, and their errors."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from _typeshed import DataclassInstance

    from ._types import Priority


class SupportsModelDump(Protocol):
    """A pydantic model, or what looks like one."""

    def model_dump(self) -> dict[str, Any]: ...


EventData: TypeAlias = "Mapping[str, Any] | SupportsModelDump | DataclassInstance"
"""What can be the whole data of an event: anything that becomes a JSON object."""


class LevelFieldOptions(TypedDict, total=False):
    """SendOptions without `level`: for events that have a field of that name, from which the core takes the level."""

    room: str | Sequence[str]
    priority: Priority
    conflate: str
    max_rate: float
    history: bool
    exclude: str | Sequence[str]
    report: bool
    once: str | int | UUID


class Unset(Enum):
    """The type of UNSET, the default of parameters for which None is a value."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return self.value


UNSET: Final = Unset.UNSET

OPTIONS: Final = frozenset(
    {"room", "priority", "conflate", "max_rate", "history", "level", "exclude", "report", "once"}
)


def is_whole(value: object) -> bool:
    """Whether the first argument of a helper is the whole data, not the first field."""
    if value.__class__ is dict:
        return True
    if isinstance(value, (str, int, float, bytes, Unset)) or value is None or isinstance(value, type):
        return False
    return isinstance(value, Mapping) or hasattr(value, "model_dump") or hasattr(value, "__dataclass_fields__")


def check_alone(helper: str, **fields: object) -> None:
    """Raises TypeError if a field was given beside the whole data."""
    for name, value in fields.items():
        if value is not UNSET:
            raise TypeError(f"{helper}() takes the whole data or the fields, not both: {name!r} stands beside the data")


def check_options(helper: str, options: dict[str, Any]) -> None:
    """Raises TypeError if a keyword is neither a field nor an option."""
    for name in options:
        if name not in OPTIONS:
            raise TypeError(f"{helper}() got an unexpected keyword argument {name!r}")


def missing(helper: str, **required: object) -> TypeError:
    """The error for required fields that were not given, worded as Python words it."""
    names = [repr(name) for name, value in required.items() if value is UNSET]
    if len(names) > 2:
        names = [", ".join(names[:-1]) + ",", names[-1]]
    count = sum(value is UNSET for value in required.values())
    plural = "s" if count > 1 else ""
    return TypeError(f"{helper}() missing {count} required positional argument{plural}: {' and '.join(names)}")
