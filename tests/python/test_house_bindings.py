"""The rules of the house for the bindings (.ci/bindings.py), each broken in a copy of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in ("python/ws_manager", "node/lib", "node/src"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for script in ("csrc/house.py", ".ci/bindings.py"):
        (tmp_path / script).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / script, tmp_path / script)
    return tmp_path


def check(copy: Path) -> tuple[int, str]:
    command = [sys.executable, str(copy / ".ci/bindings.py"), "--check"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stderr


def test_it_holds(copy):
    assert check(copy) == (0, "")


PYTHON = "python/ws_manager: circle _chain _outcomes: "
LIB = "node/lib: circle errors.js native.js: "
BREACHES = {
    "an import": ("python/ws_manager/_outcomes.py", "from ._chain import start\n", PYTHON),
    "one of the package's name": ("python/ws_manager/_outcomes.py", "import ws_manager._chain\n", PYTHON),
    "one of a module": ("python/ws_manager/_outcomes.py", "from . import _chain\n", PYTHON),
    "one inside of a function": ("python/ws_manager/_outcomes.py", "def f():\n    from ._chain import start\n", PYTHON),
    "one for types only": (
        "python/ws_manager/_outcomes.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ws_manager._chain import Call\n",
        PYTHON,
    ),
    "one of __init__": (
        "python/ws_manager/_labels.py",
        "def f():\n    from . import ws_manager\n",
        "python/ws_manager: circle __init__ ",
    ),
    "a promise": (
        "python/ws_manager/_labels.py",
        "def f():\n    raise NotImplementedError\n",
        "python/ws_manager/_labels.py:",
    ),
    "a require": ("node/lib/native.js", "const errors = require('./errors.js')\n", LIB),
    "a late require": ("node/lib/native.js", "function f() {\n  return require('./errors.js')\n}\n", LIB),
    "a type": (
        "node/lib/sending.d.ts",
        "import type { Position } from './types.js'\n",
        "node/lib: circle events.d.ts sending.d.ts types.d.ts: ",
    ),
    "an include": ("node/src/value.c", '#include "errors.h"\n', "node/src: circle env errors value: "),
    "a call": (
        "node/src/value.c",
        "void f(napi_env env)\n{\n\taddon_raise(env, 0, NULL);\n}\n",
        "node/src: circle env errors value: ",
    ),
    "a call of a method": (
        "node/src/seat.c",
        "void f(void)\n{\n\taddon_publish(NULL, NULL);\n}\n",
        "node/src: circle publish receipt seat: ",
    ),
    "a header": (
        "node/src/value.h",
        "napi_value addon_raise(napi_env env, int status, const wsm_error *error);\n",
        "node/src/value.h for errors.c: declares addon_raise",
    ),
}


@pytest.mark.parametrize("name", BREACHES)
def test_a_breach_is_named(copy, name):
    file, text, said = BREACHES[name]
    with (copy / file).open("a") as added:
        added.write(text)
    status, lines = check(copy)
    assert status == 1
    assert f"*** {said}" in lines
