"""probe.py PORT: a client that says "ready" once a message has reached it, and then how it was closed."""

import json
import sys
from urllib.request import Request, urlopen

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

port = sys.argv[1]
with connect(f"ws://127.0.0.1:{port}/ws/updates") as ws:
    print(json.loads(ws.recv(10))["type"], flush=True)
    urlopen(Request(f"http://127.0.0.1:{port}/say/hello", method="POST"), timeout=10)
    print(json.loads(ws.recv(10))["data"], flush=True)
    print("ready", flush=True)
    try:
        while True:
            ws.recv(60)
    except ConnectionClosed as error:
        print("closed", error.rcvd and error.rcvd.code, error.rcvd and error.rcvd.reason)
