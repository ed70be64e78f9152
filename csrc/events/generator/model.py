"""The catalogue as typed objects, read from events.json and checked."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = ("debug", "info", "success", "warning", "error", "critical")
PRIORITIES = ("critical", "normal", "low")
SCALARS = ("string", "number", "integer", "boolean", "datetime", "level")
PLAIN_TYPES = (*SCALARS, "object", "any", "string[]", "any[]")
# Fields of an event stand beside the options of a sending call, so they cannot share a name. `level` is the
# exception: the core reads it from the data, and the helpers of such events have no option `level`.
OPTIONS = ("room", "priority", "conflate", "max_rate", "history", "exclude", "report", "once")
FALLBACK_ROOM = "@all"
# What stands beside the fields of flat events is the server's to say.
ENVELOPE = (
    *("type", "event_type", "data", "timestamp", "message_id", "id"),
    *("room", "offset", "epoch", "from"),
)

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_MEMBER = re.compile(r"\{([^{}]*)\}")


class CatalogueError(Exception):
    """events.json does not describe a catalogue; the message says where and why."""


@dataclass(frozen=True)
class Field:
    name: str
    type: str  # one of PLAIN_TYPES or the name of a structure
    doc: str
    required: bool
    nullable: bool
    values: tuple[str, ...]  # the only ones allowed; empty: any
    default: str | None  # sent by the helpers where it was not given


@dataclass(frozen=True)
class Structure:
    name: str
    doc: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Event:
    type: str
    family: str
    core: bool  # sent by the core only
    doc: str
    fields: tuple[Field, ...]
    helper: str
    room: str
    key: str | None
    max_rate: float
    priority: str
    level: str | None
    conflate: bool
    flat: bool
    routing: tuple[str, ...]

    @property
    def history(self) -> bool:
        return not self.conflate


@dataclass(frozen=True)
class Catalogue:
    routing: tuple[str, ...]
    structures: tuple[Structure, ...]
    events: tuple[Event, ...]

    @property
    def sendable(self) -> tuple[Event, ...]:
        return tuple(event for event in self.events if not event.core)


def members(template: str) -> list[str]:
    """Names between braces: "project:{project_id}" -> ["project_id"]."""
    return _MEMBER.findall(template)


def load(path: Path) -> Catalogue:
    """Reads and checks a catalogue. Raises CatalogueError, OSError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise CatalogueError(f"{path.name}: {error}") from error
    _keys(path.name, document, {"routing", "structures", "families"}, {"comment"})
    routing = tuple(document["routing"])
    structures = tuple(_structure(item) for item in document["structures"])
    raw = [(family, item) for family in document["families"] for item in family["events"]]
    by_type = {item["type"]: item for _, item in raw}
    events = tuple(_event(family, item, by_type, routing) for family, item in raw)
    catalogue = Catalogue(routing, structures, events)
    _check(catalogue)
    return catalogue


def _keys(where: str, item: dict[str, Any], needed: set[str], allowed: set[str]) -> None:
    if missing := needed - item.keys():
        raise CatalogueError(f"{where}: lacks {', '.join(sorted(missing))}")
    if unknown := item.keys() - needed - allowed:
        raise CatalogueError(f"{where}: unknown {', '.join(sorted(unknown))}")


def _flag(where: str, item: dict[str, Any], name: str) -> bool:
    value = item.get(name, False)
    if not isinstance(value, bool):
        raise CatalogueError(f"{where}: {name} is {value!r}, not true or false")
    return value


def _field(where: str, item: dict[str, Any]) -> Field:
    _keys(where, item, {"name", "type", "doc"}, {"required", "nullable", "values", "default"})
    default = item.get("default")
    return Field(
        name=str(item["name"]),
        type=str(item["type"]),
        doc=str(item["doc"]),
        required=_flag(where, item, "required"),
        nullable=_flag(where, item, "nullable"),
        values=tuple(item.get("values", ())),
        default=None if default is None else str(default),
    )


def _structure(item: dict[str, Any]) -> Structure:
    name = str(item.get("name"))
    _keys(name, item, {"name", "doc", "fields"}, set())
    fields = tuple(_field(name, field) for field in item["fields"])
    return Structure(name, str(item["doc"]), fields)


_EVENT_OPTIONS = {"helper", "room", "key", "max_rate", "priority", "level", "conflate", "flat", "fields", "same_as"}


def _event(
    family: dict[str, Any], item: dict[str, Any], by_type: dict[str, dict[str, Any]], routing: tuple[str, ...]
) -> Event:
    type_ = str(item.get("type"))
    _keys(type_, item, {"type", "doc"}, _EVENT_OPTIONS)
    source = by_type.get(str(item["same_as"]), {}) if "same_as" in item else item
    _keys(type_, source, {"fields"}, set(source))
    fields = tuple(_field(type_, field) for field in source["fields"])
    flat = _flag(type_, item, "flat")
    names = {field.name for field in fields}
    return Event(
        type=type_,
        family=str(family["title"]),
        core=family.get("origin") == "core",
        doc=str(item["doc"]),
        fields=fields,
        helper=str(item.get("helper", f"notify_{type_}")),
        room=str(item.get("room", FALLBACK_ROOM)),
        key=None if item.get("key") is None else str(item["key"]),
        max_rate=float(item.get("max_rate", 0)),
        priority=str(item.get("priority", "normal")),
        level=None if item.get("level") is None else str(item["level"]),
        conflate=_flag(type_, item, "conflate"),
        flat=flat,
        # The members of a flat event stand at the top level anyway.
        routing=() if flat else tuple(name for name in routing if name in names),
    )


def _check(catalogue: Catalogue) -> None:
    types = {*PLAIN_TYPES, *(structure.name for structure in catalogue.structures)}
    _unique("event", [event.type for event in catalogue.events])
    _unique("helper", [event.helper for event in catalogue.sendable])
    for structure in catalogue.structures:
        _check_fields(structure.name, structure.fields, types)
    for event in catalogue.events:
        _check_fields(event.type, event.fields, types)
        _check_event(event)


def _unique(what: str, names: list[str]) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise CatalogueError(f"{what} {name!r}: not snake_case")
        if names.count(name) > 1:
            raise CatalogueError(f"{what} {name!r}: is there twice")


def _check_fields(where: str, fields: tuple[Field, ...], types: set[str]) -> None:
    _unique(f"{where}: field", [field.name for field in fields])
    for field in fields:
        if field.type not in types:
            raise CatalogueError(f"{where}.{field.name}: unknown type {field.type!r}")
        if field.default is not None and (field.type != "string" or field.required):
            raise CatalogueError(f"{where}.{field.name}: a default is for optional strings")
        if field.values and field.type != "string":
            raise CatalogueError(f"{where}.{field.name}: values are for strings")


def _check_event(event: Event) -> None:
    names = {field.name for field in event.fields}
    for template in (event.room, event.key or ""):
        for member in members(template):
            if member not in names:
                raise CatalogueError(f"{event.type}: {template!r} names {member!r}, which is no field")
    if event.priority not in PRIORITIES:
        raise CatalogueError(f"{event.type}: priority {event.priority!r} is none of {', '.join(PRIORITIES)}")
    if event.level is not None and event.level not in LEVELS:
        raise CatalogueError(f"{event.type}: level {event.level!r} is none of {', '.join(LEVELS)}")
    if event.conflate and event.key is None:
        raise CatalogueError(f"{event.type}: conflate needs a key")
    if event.max_rate < 0 or (event.max_rate and not event.conflate):
        raise CatalogueError(f"{event.type}: max_rate holds messages back and drops older ones, so it needs conflate")
    if event.flat and (taken := names.intersection(ENVELOPE)):
        raise CatalogueError(f"{event.type}.{min(taken)}: is a member of the envelope, which flat fields stand beside")
    if not event.core:
        _check_helper(event)


def _check_helper(event: Event) -> None:
    # A helper tells "the first field" from "the whole data" by its type, and required parameters come first.
    if not event.fields or event.fields[0].type not in SCALARS:
        raise CatalogueError(f"{event.type}: the first field must be one of {', '.join(SCALARS)}")
    optional = False
    for field in event.fields:
        if field.required and optional:
            raise CatalogueError(f"{event.type}.{field.name}: required fields come before optional ones")
        if field.name in OPTIONS:
            raise CatalogueError(f"{event.type}.{field.name}: is the name of an option of the sending calls")
        optional = optional or not field.required
