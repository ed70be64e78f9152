"""What the wheel holds: what the package needs, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALLOWED = re.compile(r"ws_manager/(\w+\.py|_core\.(pyi|abi3\.so)|py\.typed)|ws_manager-[\w.]+\.dist-info/.+")


def test_the_wheel_holds_the_package_and_nothing_else(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    subprocess.run([*build, f"--config-settings=build-dir={ROOT / 'build/python'}", str(ROOT)], check=True, timeout=600)
    (wheel,) = tmp_path.glob("*.whl")
    assert re.fullmatch(r"ws_manager-[\w.]+-cp311-abi3-linux_\w+\.whl", wheel.name)
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if not ALLOWED.fullmatch(name)] == []
    sources = {f"ws_manager/{path.name}" for path in (ROOT / "python/ws_manager").glob("*.py")}
    assert sources | {"ws_manager/_core.pyi", "ws_manager/_core.abi3.so", "ws_manager/py.typed"} <= set(names)
