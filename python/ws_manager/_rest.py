"""rest(): a REST call, by the parts of a request, or as an answer in a route of the application."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from ._tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from starlette.requests import Request as StarletteRequest
    from starlette.responses import Response


class Rest(Tokens):
    """The part of a manager that answers REST calls for the application."""

    @overload
    def rest(self, method: str, path: str, *fields: Any, **more: Any) -> tuple[int, str, bytes]: ...
    @overload
    def rest(
        self,
        method: StarletteRequest,
        *,
        user_id: object = None,
        rooms: str | Iterable[str] = (),
        subscribe: str | Iterable[str] = (),
    ) -> Coroutine[Any, Any, Response]: ...
    def rest(self, method: Any, *fields: Any, **more: Any) -> Any:
        """Answers a REST call of docs/protocol.md.

        rest(request, user_id=..., rooms=..., subscribe=...), to be awaited in a route of the application that has found
        out who calls: a Response with what that user may read, as over a socket that connect() has let in with the
        same. The call is the one that the path of the request ends with.

        rest(method, path, query="", ip="", ...): by the parts of a request: (HTTP status, content type, body). The
        fields are believed as docs/limits.md says.

        Example:
            @app.get("/mine/api/ws/history")
            async def history(request: Request, user: User = Depends(current_user)):
                return await ws_manager.rest(request, user_id=user.id, subscribe=["team:*"])
        """
        if isinstance(method, str):
            return super().rest(method, *fields, **more)
        from ._router import answer_as

        identity = {"user_id": None, "rooms": (), "subscribe": (), **more}
        return answer_as(self._whole, method, *fields, **identity)
