"""The admin panel behind the application's own check: `app.include_router(ws_manager.admin_router(check))`.

Without it, the panel is in `ws_manager.router` and on the runtime's own port, for who has the API key (docs/admin.md).
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from inspect import signature
from types import FunctionType
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ws_manager._router import ADMIN_CALLS, METHODS, rest_endpoint

if TYPE_CHECKING:
    from ws_manager._offers import Manager

__all__ = ["make_admin_router"]


def make_admin_router(manager: Manager, check: Any) -> Any:
    """A router with the panel alone, whose callers `check` lets in."""
    try:
        from fastapi import APIRouter, Depends, params
    except ImportError:
        return _starlette_router(manager, check)
    from ws_manager._calls import CallRoute

    if isinstance(check, params.Depends):
        check = check.dependency
    _must_be_callable(check)
    check = _with_request(check)

    def checked(answer: Any = Depends(check)) -> None:  # noqa: B008 - how dependencies are declared
        _let_in(answer)

    router = APIRouter(tags=["ws_manager"], dependencies=[Depends(checked)], route_class=CallRoute)
    for call in ADMIN_CALLS:
        endpoint = rest_endpoint(manager, call, vouched=True)
        router.add_api_route(call.path, endpoint, methods=METHODS, name=call.route, include_in_schema=False)
    return router


def _with_request(check: Any) -> Any:
    """The same with `request` annotated, where it stands without: FastAPI would look for it in the query (422)."""
    try:
        found = signature(check)
    except ValueError:  # of a builtin, which says nothing about itself
        return check
    bare = [
        each
        for each in found.parameters.values()
        if each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) or (each.annotation is each.default is each.empty)
    ]
    if not bare:
        return check
    if [each.name for each in bare] != ["request"] or not isinstance(check, FunctionType):
        names = ", ".join(str(each) for each in bare)
        raise TypeError(
            f"admin_router(check): FastAPI would take {names} of the check for a parameter of the query, as it has no "
            "annotation. Write request: Request for the request, key: str for a parameter of the query, or "
            "Depends(...) as usual"
        )
    annotated = FunctionType(check.__code__, check.__globals__, check.__name__, check.__defaults__, check.__closure__)
    annotated.__kwdefaults__ = check.__kwdefaults__
    parameters = [each.replace(annotation=Request) if each in bare else each for each in found.parameters.values()]
    marked: Any = annotated
    marked.__signature__ = found.replace(parameters=parameters)
    return annotated


def _starlette_router(manager: Manager, check: Any) -> Any:
    from starlette.routing import Route, Router

    _must_be_callable(check)
    routes = [
        Route(call.path, _guarded(rest_endpoint(manager, call, vouched=True), check), methods=METHODS, name=call.route)
        for call in ADMIN_CALLS
    ]
    return Router(routes=routes)


def _guarded(
    endpoint: Callable[[Request], Awaitable[Response]], check: Callable[[Request], Any]
) -> Callable[[Request], Awaitable[Response]]:
    async def guarded(request: Request) -> Response:
        answer = await run_in_threadpool(check, request)
        if inspect.isawaitable(answer):  # of a coroutine function
            answer = await answer
        _let_in(answer)
        return await endpoint(request)

    return guarded


def _let_in(answer: object) -> None:
    """A check that forgets to say something keeps everybody out, and not nobody."""
    if not answer:
        raise HTTPException(
            403,
            f"The application's check of the admin panel's callers returned {answer!r}. "
            "It lets in by returning something true: the user, or True.",
        )


def _must_be_callable(check: object) -> None:
    if not callable(check):
        raise TypeError(f"admin_router(check): a dependency or function that checks callers, not {check!r}")
