"""The default video: a sample of the OpenCV project with people on a footpath, from Debian's package opencv-doc."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = "opencv-doc"
MEMBER = "usr/share/doc/opencv-doc/examples/data/vtest.avi"
CACHE = Path(__file__).parent / "cache" / "vtest.avi"

# Where things are in that clip, in fractions of the frame: across the footpath, and the lawn.
LINE = ((0.485, 0.22), (0.485, 0.66))
ZONE = [(0.0, 0.45), (0.22, 0.485), (0.36, 0.55), (0.62, 0.70), (0.98, 0.93), (0.98, 1.0), (0.0, 1.0)]


class NoClip(Exception):
    """The default clip is not there and can't be had; the message says why and what to do."""


def find() -> Path | None:
    """The clip, if the package is installed or was unpacked before."""
    for path in (Path("/") / MEMBER, CACHE):
        if path.is_file() and path.stat().st_size > 0:
            return path
    return None


def fetch() -> Path:
    """Find the clip or take it out of Debian's package, which is downloaded by apt but not installed. Raises NoClip."""
    found = find()
    if found is not None:
        return found
    apt, deb = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt is None or deb is None:
        raise NoClip(f"The default video comes from the Debian package {PACKAGE}, and this system has no apt.")
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(CACHE.parent, os.O_RDONLY)  # one process downloads, the others wait for it
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return find() or _fetch(apt, deb, CACHE.parent)
    finally:
        os.close(lock)


def _fetch(apt: str, deb: str, folder: Path) -> Path:
    print(f"Getting the demo's video: downloading Debian's package {PACKAGE} (96 MB, once) ...", flush=True)
    try:
        if not _download(apt, folder):
            if os.geteuid() == 0:  # a fresh machine has no package lists
                subprocess.run([apt, "update", "-qq"], stdout=subprocess.DEVNULL, check=False)
            if not _download(apt, folder):
                raise NoClip(
                    f"apt could not download {PACKAGE} (see above). Is the network up, and `apt-get update` done?"
                )
        _unpack(deb, next(folder.glob(f"{PACKAGE}_*.deb")))
    finally:
        for leftover in folder.glob(f"{PACKAGE}_*"):
            leftover.unlink(missing_ok=True)
    return CACHE


def _download(apt: str, folder: Path) -> bool:
    # As root apt would drop to a user who can't write here, and say so at length: let it stay root for this one file.
    command = [apt, "download", "-q", "-o", "APT::Sandbox::User=root", PACKAGE]
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode != 0:
        print(done.stderr.strip(), file=sys.stderr)
    return done.returncode == 0 and any(folder.glob(f"{PACKAGE}_*.deb"))


def _unpack(deb: str, package: Path) -> None:
    part = CACHE.with_suffix(".part")
    with (
        part.open("wb") as target,
        subprocess.Popen([deb, "--fsys-tarfile", package], stdout=subprocess.PIPE) as reader,
    ):
        extractor = subprocess.run(["tar", "-xOf", "-", f"./{MEMBER}"], stdin=reader.stdout, stdout=target, check=False)
    if extractor.returncode != 0 or reader.returncode != 0 or part.stat().st_size == 0:
        part.unlink(missing_ok=True)
        raise NoClip(f"{package.name} has no /{MEMBER}. Another release of the package? Name a video with --source.")
    part.replace(CACHE)
