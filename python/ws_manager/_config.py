"""Keywords of a manager's configuration to the texts that the core's table takes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache

from ._core import ConfigError, options


@cache
def option_types() -> dict[str, str]:
    """The name and type of each option of the core."""
    return {row[0]: row[2] for row in options()}


def texts(config: dict[str, object]) -> dict[str, str]:
    """The options that are set, as text; None is unset. ConfigError for what is no option or has the wrong type."""
    return {name: text(name, value) for name, value in config.items() if value is not None}


def value(config: dict[str, object], name: str) -> str:
    """What an option is, as text: as configured, else as the environment says, else the default."""
    row = next(row for row in options() if row[0] == name)
    configured = config.get(name)
    return text(name, configured) if configured is not None else os.environ.get(row[1]) or row[3]


def _none(name: str) -> str:
    """What an empty list is called: "" would be the default."""
    return "none" if any(row[0] == name and row[3] for row in options()) else ""


def text(name: str, value: object) -> str:
    """One option's value as text. The core checks what it says; here only types are looked at."""
    kind = option_types().get(name)
    if kind is None:
        known = ", ".join(sorted(option_types()))
        raise ConfigError(f"there is no option {name!r}; the options are: {known}")
    if isinstance(value, str):
        return value
    if name in ("tls_cert", "tls_key", "store") and isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if name in ("jwt_secret", "jwt_public_key") and isinstance(value, (list, tuple)):
        return "\n".join(_key(name, key) for key in value)  # several are in force while they are exchanged
    if kind == "list" and isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray)):
        items = list(value)
        for item in items:
            if not isinstance(item, str) or "," in item:
                raise ConfigError(f"{name}: its items must be str without commas, not {item!r}")
        return ",".join(items) or _none(name)
    if kind == "bool" and isinstance(value, (bool, int)):
        return str(value).lower()
    # `port` is text in the table, since "" and "0" differ there.
    if isinstance(value, (int, float)) and not isinstance(value, bool) and (kind != "string" or name == "port"):
        return repr(value)
    raise ConfigError(f"{name}: {value!r} is {type(value).__name__}, which an option of type {kind} does not take")


def _key(name: str, key: object) -> str:
    if isinstance(key, str) and key:
        return key
    raise ConfigError(f"{name}: each key must be a str that is not empty, not {type(key).__name__}")


def room_rules(rooms: object) -> dict[str, dict[str, object]]:
    """The option `rooms`: {pattern: {setting: value}}. ConfigError if it is something else."""
    if rooms is None:
        return {}
    if not isinstance(rooms, dict) or not all(isinstance(settings, dict) for settings in rooms.values()):
        raise ConfigError('rooms must be {pattern: {setting: value}}, as in {"project:*": {"subscribe": "granted"}}')
    return rooms


def room_setting(setting: str, value: object) -> str:
    """One setting of a room rule as text; None takes it back. The core checks what it says."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return format(value, "f").rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    if isinstance(value, str):
        return value
    raise ConfigError(f"{setting}: {value!r} is {type(value).__name__}, not a word, a number or a bool")
