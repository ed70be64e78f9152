"""Several processes that nothing connects: each has clients of its own, and messages of the others never reach them."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import sys

logger = logging.getLogger("ws_manager")

_ALONE = (
    "and nothing connects its ws_manager with those of the others: a message reaches only the clients of the process "
    "that sends it, and room history, presence and limits are each process's own. Run one process (it serves "
    "thousands of clients), or send through one by POST /api/ws/broadcast: docs/production.md, Workers"
)


def _workers() -> tuple[str, int]:
    """The server whose worker this process is, and how many there are of them; ("", 1) where that is not known."""
    # uvicorn and hypercorn give their configuration to the processes that they spawn.
    config = getattr(multiprocessing.current_process(), "_kwargs", {}).get("config")
    workers = getattr(config, "workers", None)
    if isinstance(workers, int):
        return type(config).__module__.partition(".")[0], workers
    arbiter = getattr(sys.modules.get("gunicorn.arbiter"), "Arbiter", None)
    if arbiter is not None:  # forked from it
        for found in gc.get_objects():
            if type(found) is arbiter:
                return "gunicorn", int(found.num_workers)
    return "", 1


def warn_server() -> None:
    """A runtime starts: says so where it is one of several."""
    server, workers = _workers()
    if workers > 1:
        logger.warning("process %d is one of %d workers of %s, %s", os.getpid(), workers, server, _ALONE)


def warn_sender() -> None:
    """The first message is what starts a runtime: nobody has come in, and in a spawned process nobody will."""
    parent = multiprocessing.parent_process()
    if parent is not None and not _workers()[0]:
        logger.warning(
            "process %d, which process %s has started, sends a message and has no clients, %s",
            os.getpid(),
            parent.pid,
            _ALONE,
        )
