"""An honest client in a process of its own: it asks for pongs all the time, and notes how long it had to wait.

    python -m raw.honest PORT INTERVAL AUTHORITY [HEADER ...]

INTERVAL: seconds between a pong and the next ping. AUTHORITY: file of the certificate to trust; empty: no TLS.

For each line on its standard input it waits for two more pongs, and prints {"answers": all so far, "slowest": seconds
since the last line}. It ends with its standard input; if it is not served any more it prints {"error": …} and ends.
"""

from __future__ import annotations

import json
import ssl
import sys
import threading
import time

from raw.frames import PONG, ping
from raw.peer import Peer


class Honest:
    def __init__(self, port: int, interval: float, authority: str, headers: list[str]) -> None:
        self.interval = interval
        self.peer = Peer(port, 20, ssl.create_default_context(cafile=authority) if authority else None)
        self.peer.open("/ws", extra=headers)
        self.changed = threading.Condition()
        self.slowest = 0.0
        self.answers = 0
        self.error = ""

    def live(self) -> None:
        try:
            while True:
                time.sleep(self.interval)
                began = time.monotonic()
                self.peer.send(ping(b"honest"))
                while self.peer.frame().opcode != PONG:
                    pass
                with self.changed:
                    self.slowest = max(self.slowest, time.monotonic() - began)
                    self.answers += 1
                    self.changed.notify_all()
        except Exception as error:
            with self.changed:
                self.error = f"{type(error).__name__}: {error}"
                self.changed.notify_all()

    def check(self) -> dict[str, object]:
        with self.changed:
            wanted = self.answers + 2  # one may have been on its way
            self.changed.wait_for(lambda: self.answers >= wanted or self.error, 25)
            if self.answers < wanted:
                return {"error": self.error or "no pong for 25 s"}
            slowest, self.slowest = self.slowest, 0.0
            return {"answers": self.answers, "slowest": slowest}


def main() -> int:
    honest = Honest(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3], sys.argv[4:])
    threading.Thread(target=honest.live, daemon=True).start()
    for _ in sys.stdin:
        answer = honest.check()
        print(json.dumps(answer), flush=True)
        if "error" in answer:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
