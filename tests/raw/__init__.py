"""Bytes on TCP connections to a real runtime in a process of its own; for the suites of conformance and of attacks."""
