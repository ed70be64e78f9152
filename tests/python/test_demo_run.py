"""What the demo says when it can't start. Each run is a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "fastapi-pipelines"))

import clip

DEMO = Path(clip.__file__).parent


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if k not in ("PORT", "HOST", "DEMO_SOURCE")}
    return subprocess.run(
        [sys.executable, str(DEMO / "run.py"), *arguments],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_taken_port_is_named_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = start(PORT=str(port))
    assert done.returncode == 1
    assert f"Port {port} is taken by another program. Choose another: make demo PORT={port + 1}" in done.stderr


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    done = start(f"--port={port}")
    assert done.returncode == 1
    assert f"The port is {port!r}; it must be a number from 1 to 65535." in done.stderr


def test_a_host_that_is_none_is_refused() -> None:
    done = start("--port=1024", "--host=256.0.0.1")
    assert done.returncode == 1
    assert "'256.0.0.1' is no address of this machine" in done.stderr


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


def test_a_missing_file_is_named_with_its_whole_path(tmp_path: Path) -> None:
    done = start("--port", free_port(), "--source", str(tmp_path / "walk.mp4"))
    assert done.returncode == 1
    assert f"There is no file {tmp_path / 'walk.mp4'}." in done.stderr
    assert "a URL, or a camera's number" in done.stderr


def test_missing_packages_are_named_with_the_way_to_get_them() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(DEMO)!r}); import run; sys.exit(run.main())",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "ws_manager, fastapi, uvicorn, opencv-python-headless" in done.stderr
    assert "make demo" in done.stderr


@pytest.fixture
def no_clip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine that has not got the clip yet; its cache."""
    cache = tmp_path / "cache" / "vtest.avi"
    monkeypatch.setattr(clip, "CACHE", cache)
    monkeypatch.setattr(clip, "MEMBER", "usr/share/doc/opencv-doc/examples/data/no-such-clip.avi")
    return cache


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_without_apt_the_package_is_named(no_clip: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(clip.NoClip, match="Debian package opencv-doc, and this system has no apt"):
        clip.fetch()


def test_without_network_what_apt_says_is_shown_and_nothing_is_left(
    no_clip: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    program(tmp_path / "bin", "apt-get", "echo 'E: Temporary failure resolving for '$1 >&2; exit 100")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(clip.NoClip, match="apt could not download opencv-doc"):
        clip.fetch()
    assert "Temporary failure resolving for download" in capfd.readouterr().err
    assert list(no_clip.parent.iterdir()) == []


def test_the_clip_is_taken_out_of_the_package(no_clip: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    inside = tmp_path / "root" / clip.MEMBER
    inside.parent.mkdir(parents=True)
    inside.write_bytes(b"a clip")
    program(tmp_path / "bin", "apt-get", '[ "$1" = download ] && touch opencv-doc_1_all.deb')
    program(tmp_path / "bin", "dpkg-deb", f"exec tar -cf - -C {tmp_path / 'root'} ./usr")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert clip.fetch() == no_clip
    assert no_clip.read_bytes() == b"a clip"
    assert [path.name for path in no_clip.parent.iterdir()] == ["vtest.avi"]
    program(tmp_path / "bin", "apt-get", "exit 100")
    assert clip.fetch() == no_clip, "what is there is not fetched again"


def test_a_package_without_the_clip_is_an_error_and_leaves_no_half_file(
    no_clip: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "root" / "usr").mkdir(parents=True)
    program(tmp_path / "bin", "apt-get", '[ "$1" = download ] && touch opencv-doc_1_all.deb')
    program(tmp_path / "bin", "dpkg-deb", f"exec tar -cf - -C {tmp_path / 'root'} ./usr")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(clip.NoClip, match=r"opencv-doc_1_all\.deb has no /usr/share"):
        clip.fetch()
    assert list(no_clip.parent.iterdir()) == []
