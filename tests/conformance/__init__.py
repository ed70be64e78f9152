"""RFC 6455, frame by frame, against the echo endpoint of a real runtime."""
