"""How a test speaks to the application from behind: lines of JSON on the Unix socket WSM_CONTROL.

    {"do": "publish", "to": "@all" | "@user:<id>" | room, "message": M}    published when the answer comes
    {"do": "port"}                                                         of the runtime's own port
    {"do": "authorize"}                                                    by a handler that says no, from now on
    {"do": "pid"}
    {"do": "connections"}                                                  how many the runtime has

The answer is {"error": its class and text} where the call raises.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from typing import Any

import ws_manager


def publish(to: str, message: Any) -> None:
    if to == "@all":
        ws_manager.broadcast(message)
    elif to.startswith("@user:"):
        ws_manager.send_to_user(to.removeprefix("@user:"), message)
    else:
        ws_manager.send_to_room(to, message)
    ws_manager.stats()  # an answer of the runtime's: what was sent before has been published


def carry_out(command: dict[str, Any]) -> Any:
    match command.pop("do"):
        case "publish":
            publish(**command)
        case "port":
            return {"port": ws_manager.ws_manager.port}
        case "authorize":
            ws_manager.authorize(lambda connection, action, room: False)
        case "pid":
            return {"pid": os.getpid()}
        case "connections":
            return {"connections": ws_manager.stats()["active_connections"]}
    return {}


def converse(client: socket.socket) -> None:
    with client, client.makefile("rw") as lines:
        for line in lines:
            try:
                answer = carry_out(json.loads(line))
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            lines.write(json.dumps(answer) + "\n")
            lines.flush()


def serve() -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.environ["WSM_CONTROL"])
    listener.listen(16)

    def accept() -> None:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=converse, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
