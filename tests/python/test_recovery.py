"""A FastAPI application that is killed, and one whose loop stands still."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

HARNESS = Path(__file__).resolve().parents[1] / "harness"


def run(script: str, *args: object) -> dict[str, Any]:
    command = [sys.executable, str(HARNESS / script), *map(str, args)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300, check=False)
    lines = done.stdout.splitlines()
    assert lines, f"{script} said nothing and ended with {done.returncode}"
    result: dict[str, Any] = json.loads(lines[-1])
    assert result["faults"] == []
    assert result["problems"] == []
    assert done.returncode == 0
    return result


def test_kill_minus_nine_leaves_no_silent_gap() -> None:
    result = run("kill_restart.py", "--clients", 60, "--rounds", 2, "--seconds", 0.5)
    assert result["told"] == 2 * 60  # every client, each time, that the history is lost
    assert result["recovered"] >= 2 * 20  # and on a living server everything came back


@pytest.mark.parametrize("gil", [(), ("--hold-gil",)], ids=["loop_blocked", "gil_held"])
def test_stalled_host_loses_no_client(gil: tuple[str, ...]) -> None:
    result = run("stalled_host.py", "--clients", 100, "--seconds", 6, *gil)
    assert result["kept"] == 100
    assert result["resumed"] == 20
    assert result["subscribed"] == 20
