"""The runtime's own port without any web server: what the application sets holds, its routes do not exist."""

from __future__ import annotations

import os
import sys

import ws_manager
from entrances import served

ws_manager.configure(port=int(os.environ["PORT"]), host="127.0.0.1")
ws_manager.start()
print("listening for", served.name, flush=True)
sys.stdin.read()
ws_manager.stop(deadline=1.0)
