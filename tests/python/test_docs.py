"""The code in the documents runs.

Blocks that begin with ```python are executed, page by page, in order and in one namespace, each page in a process of
its own; a page that defines `app` is then served. Blocks of other code ("```python before") only have to parse.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "moving").glob("*.md"))]
BLOCK = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<code>.*?)^(?P=indent)```$", re.M | re.S)

RUN_PAGE = """
import ast, asyncio, json, logging, sys

names = {"__name__": "page"}
blocks = json.load(sys.stdin)

async def run():
    for line, code in blocks:
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        result = eval(compile("\\n" * line + code, sys.argv[1], "exec", flags=flags), names)
        if result is not None:
            await result

asyncio.run(run())
if "app" in names:
    from fastapi.testclient import TestClient
    with TestClient(names["app"]) as client:
        assert client.get("/api/ws/stats").status_code == 200
import ws_manager
ws_manager.stop()
print("page ran")
"""


def blocks(page: Path, info: str) -> list[tuple[int, str]]:
    """(line before the block's first, code) of each block of that kind."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in BLOCK.finditer(text):
        if match["info"] == info:
            found.append((text.count("\n", 0, match.start("code")), textwrap.dedent(match["code"])))
    return found


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_python_of_the_page_runs(page: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", RUN_PAGE, page.name],
        input=json.dumps(blocks(page, "python")),
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if not key.startswith("WEBSOCKET_")},
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith("page ran\n")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_other_code_of_the_page_parses(page: Path) -> None:
    for line, code in blocks(page, "python before"):
        ast.parse("\n" * line + code, page.name)
    for _, code in blocks(page, "json"):
        for document in re.split(r"\n(?=\{)", code.strip()):
            json.loads(document)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    found = set()
    for heading in re.findall(r"^#+ (.*)$", text, re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found


def test_every_option_is_in_the_page() -> None:
    result = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate_configuration.py", "--check"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr


def test_version_is_the_header_s() -> None:
    import ws_manager

    header = (ROOT / "csrc" / "include" / "ws_manager.h").read_text(encoding="utf-8")
    assert f'#define WSM_VERSION "{ws_manager.__version__}"' in header
