"""What the servers import: the application that WSM_APPLICATION names, and the control beside it.

`readme` is the first Python block of README.md as it stands; any other name is a module of entrances.applications.
"""

from __future__ import annotations

import importlib
import os
import re
from pathlib import Path
from typing import Any

from entrances import control

README = Path(__file__).resolve().parents[2] / "README.md"


def readme() -> Any:
    found = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    assert found, "README.md has no Python block"
    names: dict[str, Any] = {"__name__": "readme"}
    exec(compile(found[1], str(README), "exec"), names)
    return names["app"]


name = os.environ["WSM_APPLICATION"]
app = readme() if name == "readme" else importlib.import_module(f"entrances.applications.{name}").app
control.serve()
