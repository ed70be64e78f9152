"""WebSocketManager. This file is a contract until the implementation lands; the names below are fixed.

For python-web (private to the package):
  manager._ready() -> _core.Runtime            started (starts it if need be), events are being dispatched
  manager._match(path) -> bool                 like Runtime.match, but never starts a runtime (False when it isn't running)
  manager._adopt(fd, request, sink, **admission) -> int       Runtime.adopt + registration of the sink (ConnSink | None)
  manager._bridge_open(path, query, ip, headers, sink, **admission) -> int   the same for Runtime.bridge_open
  manager.rest(method, path, query, ip, authorization, api_key, origin, body) -> tuple[int, str, bytes]
  default_manager() -> WebSocketManager        the process's default; `ws_manager.ws_manager` is the same object
For the catalogue: class WebSocketManager(EventMethods); EventMethods calls self._notify(type, data, options) where options is
the dict of `**options: Unpack[SendOptions]`, and returns its Receipt.
"""
