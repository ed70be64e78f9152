"""What `make` runs to install and to test: nothing half done is taken for done, and what fails says so."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

CI = Path(__file__).resolve().parents[2] / ".ci"


def run(folder: Path, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "LD_PRELOAD"))}
    return subprocess.run(
        [CI / script, *arguments],
        cwd=folder,
        env=env | {"npm_config_fetch_retries": "0", **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of npm's whose only dependency is a tarball beside it."""
    part = tmp_path / "part"
    part.mkdir()
    (part / "package.json").write_text(json.dumps({"name": "part", "version": "1.0.0"}))
    (part / "index.js").write_text("module.exports = 1\n")
    subprocess.run(["npm", "pack", "--silent"], cwd=part, stdout=subprocess.DEVNULL, check=True, timeout=100)
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": {"part": "file:part/part-1.0.0.tgz"}}))
    return tmp_path


def test_an_npm_installation_that_was_interrupted_is_done_anew(project: Path) -> None:
    installed = project / "node_modules" / "part" / "index.js"
    assert run(project, "npm-install").returncode == 0
    assert installed.exists()
    assert not (project / ".npm-install-unfinished").exists()
    # npm itself finds a package without its files whole.
    installed.unlink()
    (project / ".npm-install-unfinished").touch()
    assert run(project, "npm-install").returncode == 0
    assert installed.exists()


def test_npm_without_a_registry_fails_with_a_sentence_and_is_not_done(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": {"fastify": "*"}}))
    cache = str(tmp_path / "cache")
    done = run(tmp_path, "npm-install", npm_config_registry="http://127.0.0.1:9", npm_config_cache=cache)
    assert done.returncode == 1
    assert "*** npm could not install what is needed" in done.stderr
    assert (tmp_path / ".npm-install-unfinished").exists()


def test_a_failed_lane_is_told_and_keeps_no_other_from_running(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text("good later:\n\t@echo fine\nbad:\n\t@echo the reason\n\t@exit 3\n")
    done = run(tmp_path, "side-by-side", "bad later", "good")
    assert done.returncode == 1
    assert "*** failed: bad" in done.stderr
    assert "the reason" in done.stdout
    assert "good: done in" in done.stdout
    assert "later: done in" in done.stdout
    assert run(tmp_path, "side-by-side", "later", "good").returncode == 0


def test_no_usable_python_is_a_sentence(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = run(tmp_path, "find-python", PYTHON=str(old))
    assert done.returncode == 1
    assert done.stderr.startswith(f"PYTHON={old} is no CPython >= 3.11")


def test_an_old_node_is_a_sentence(tmp_path: Path) -> None:
    """A Node that says it were of another version."""
    (tmp_path / "old.js").write_text(
        "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '16.20.0' } })"
    )
    done = run(tmp_path, "find-node", NODE_OPTIONS=f"--require {tmp_path}/old.js")
    assert done.returncode == 1
    assert done.stderr.startswith("*** Node 16.20.0 is too old: 18.17 or later is needed")


def test_the_files_are_the_same_with_git_and_without(tmp_path: Path) -> None:
    def files() -> list[str]:
        return subprocess.run([tmp_path / ".ci/files"], capture_output=True, text=True, check=True).stdout.split()

    for name in (".ci/files", "csrc/a.c", "csrc/gone.c", "csrc/new.c", "node/node_modules/part/index.js", "build/b.c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    shutil.copy(CI / "files", tmp_path / ".ci")
    (tmp_path / ".gitignore").write_text("node_modules/\n/build/\n")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", ".ci", ".gitignore", "csrc/a.c", "csrc/gone.c"], cwd=tmp_path, check=True)
    (tmp_path / "csrc/gone.c").unlink()
    assert files() == [".ci/files", ".gitignore", "csrc/a.c", "csrc/new.c"]
    shutil.rmtree(tmp_path / ".git")
    assert files() == [".ci/files", ".gitignore", "csrc/a.c", "csrc/new.c"]
