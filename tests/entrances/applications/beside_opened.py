"""The same as `beside`, with rooms that are open by the user's word."""

import ws_manager

ws_manager.configure(access="open")

from entrances.applications.beside import app as app  # noqa: E402 - options come first
