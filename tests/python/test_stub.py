"""The stub of the extension says what the extension has, and the package's surface is complete."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import ws_manager
from ws_manager import _core
from ws_manager._events import EventMethods


def test_the_stub_matches_the_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "ws_manager._core"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_notify_helper_is_a_function_of_the_module() -> None:
    helpers = [name for name in vars(EventMethods) if name.startswith("notify_")]
    assert len(helpers) > 20
    for name in helpers:
        assert getattr(ws_manager, name) == getattr(ws_manager.ws_manager, name)
        assert name in ws_manager.__all__


def test_every_public_method_is_a_function_of_the_module() -> None:
    methods = [
        name for name, _ in inspect.getmembers(ws_manager.WebSocketManager, callable) if not name.startswith("_")
    ]
    assert set(methods) <= set(ws_manager.__all__)
    assert {name for name in ws_manager.__all__ if not hasattr(ws_manager, name)} == set()


def test_each_status_of_the_core_has_a_class_with_its_code() -> None:
    codes = {
        "OutOfMemory": "out_of_memory",
        "InvalidArgument": "invalid_argument",
        "ConfigError": "config",
        "NotRunning": "not_running",
        "Overloaded": "overloaded",
        "InvalidRoom": "room_invalid",
        "MessageTooLarge": "message_too_large",
        "NotFound": "not_found",
        "AddressInUse": "address_in_use",
        "SystemCallFailed": "system",
        "Forked": "forked",
        "QueryTimeout": "timeout",
        "InvalidJSON": "bad_json",
        "Refused": "refused",
        "StoreNotConfigured": "store_not_configured",
        "StoreLocked": "store_locked",
        "Unavailable": "unavailable",
    }
    for name, code in codes.items():
        cls = getattr(ws_manager, name)
        assert issubclass(cls, ws_manager.WsManagerError)
        assert cls.code == code
        assert cls.__module__ == "ws_manager"
        assert cls.__doc__
    assert issubclass(ws_manager.InvalidRoom, ValueError)
    assert issubclass(ws_manager.NotFound, LookupError)


def test_types_of_the_core_cannot_be_made_or_changed_from_outside() -> None:
    for cls in (_core.Receipt, _core.ConnInfo):
        with pytest.raises(TypeError, match="cannot create"):
            cls()


def test_the_default_manager_has_its_names() -> None:
    assert ws_manager.connection_manager is ws_manager.ws_manager
    assert ws_manager.broadcast == ws_manager.ws_manager.broadcast
    assert ws_manager.__version__ == _core.VERSION
    assert ws_manager.EventType.NOTIFICATION == "notification"


def test_importing_needs_no_web_framework(python) -> None:
    out = python(
        """
        import sys
        for name in ("fastapi", "starlette", "uvicorn", "pydantic", "numpy"):
            sys.modules[name] = None
        import ws_manager
        ws_manager.broadcast({"a": 1})
        try:
            ws_manager.router
        except ImportError as error:
            print("no router:", error)
        """
    )
    assert "no router" in out
