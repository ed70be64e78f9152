"""Turns events.json into the core's table, Python's helpers and the documentation."""
