"""A process that ends in the middle of a callback.

    python leaver.py PORT on_connect|on_command|authorize|authenticate os._exit|sys.exit|SIGKILL|SIGTERM|"end of main"

It listens on PORT (0: any, told as {"port": P}), a thread publishes without pause, and the handler that is named ends
the process in the way that is named as soon as it is called. Its exit status is the system's word on how that went.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
import time
from typing import Any

import ws_manager


def publish() -> None:
    n = 0
    while True:
        n += 1
        ws_manager.send_to_room("project:r0", {"type": "bench", "data": {"n": n}})
        time.sleep(0.001)


async def main(port: int, place: str, way: str) -> None:
    ended = asyncio.Event()

    async def leave(*_: Any) -> Any:
        if way == "os._exit":
            os._exit(0)
        elif way == "sys.exit":
            sys.exit(0)
        elif way in ("SIGKILL", "SIGTERM"):
            os.kill(os.getpid(), getattr(signal, way))
        ended.set()
        await asyncio.sleep(60)  # the interpreter ends while this handler is still running

    if place == "on_command":
        ws_manager.on_command("leave")(leave)
    else:
        getattr(ws_manager, place)(leave)
    ws_manager.configure(port=port, auth_timeout=60, max_connections_per_ip=1000, drain_time=0, drain_spread=0)
    ws_manager.start()
    print(json.dumps({"port": ws_manager.ws_manager.port}), flush=True)
    threading.Thread(target=publish, daemon=True).start()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
