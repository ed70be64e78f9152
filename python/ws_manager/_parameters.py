"""What handlers ask for by their parameters: data that is checked against its annotation, and FastAPI's dependencies.

A handler whose parameters say nothing of that kind is called as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import inspect
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import wraps
from types import FrameType, GenericAlias
from typing import Annotated, Any, get_args, get_origin, is_typeddict

import orjson

from ._connection import Connection, Request

TOLD = 3
"""How many of the errors in its data a client is told."""

UNCHECKED: tuple[Any, ...] = (inspect.Parameter.empty, Any, object)
"""Annotations that anything is welcome to."""

GIVEN: dict[str, type] = {"connection": Connection, "request": Request}
"""What dependencies may ask for, by the name of the parameter or by its annotation."""


class BadRequest(Exception):
    """What a client has sent is not what the handler takes. The sentence goes to the client."""


Overrides = Callable[[], Mapping[Any, Any]]
"""The application's dependency_overrides, as they are now."""


def prepared(
    handler: Callable[..., Any], given: int, overrides: Overrides = dict, *, data: bool = False
) -> Callable[..., Any]:
    """The handler, so that it can be called with `given` arguments.

    data: the second of them is what a client has sent, and is checked. TypeError for what cannot be kept to.
    """
    try:
        parameters = list(inspect.signature(handler).parameters.values())
    except (TypeError, ValueError):  # of a builtin, which has none to look at
        return handler
    scope = _Scope(handler, inspect.currentframe())
    checked = data and len(parameters) > 1 and parameters[1].kind is not inspect.Parameter.VAR_POSITIONAL
    check = _check_of(parameters[1], scope) if checked else None
    needed = {
        parameter.name: need for parameter in parameters[given:] if (need := _need_of(parameter, scope)) is not None
    }
    if needed:
        return _with_dependencies(handler, needed, check, overrides)
    return _with_check(handler, check) if check is not None else handler


def _with_check(handler: Callable[..., Any], check: Callable[[Any], Any]) -> Callable[..., Any]:
    @wraps(handler)
    def call(connection: Connection, data: Any) -> Any:
        return handler(connection, check(data))

    return call


def _with_dependencies(
    handler: Callable[..., Any], needed: dict[str, _Need], check: Callable[[Any], Any] | None, overrides: Overrides
) -> Callable[..., Any]:
    @wraps(handler)
    async def call(first: Any, *rest: Any) -> Any:
        if check is not None:
            rest = (check(rest[0]), *rest[1:])
        async with contextlib.AsyncExitStack() as stack:
            run = _Run(stack, first, overrides())
            values = {name: await run.value(need) for name, need in needed.items()}
            result = handler(first, *rest, **values)
            return await result if isinstance(result, Awaitable) else result

    return call


# ---- annotations ----


class _Scope:
    """Where the annotations of a function, which may be text, are looked up."""

    def __init__(self, function: Callable[..., Any], frame: FrameType | None) -> None:
        inner = inspect.unwrap(function)
        inner = inner if hasattr(inner, "__globals__") else getattr(inner, "__call__", inner)  # noqa: B004
        self.name = getattr(function, "__qualname__", repr(function))
        self._globals = getattr(inner, "__globals__", {})
        self._locals: dict[str, Any] = {}
        while frame is not None:  # the function that it stands in, so that its classes are found
            if frame.f_globals is self._globals:
                self._locals = dict(frame.f_locals)
                break
            frame = frame.f_back

    def annotation(self, parameter: inspect.Parameter) -> Any:
        """The annotation itself. TypeError for text that means nothing at run time."""
        annotation = parameter.annotation
        if not isinstance(annotation, str):
            return annotation
        try:
            return eval(annotation, self._globals, self._locals)  # noqa: S307 - as typing.get_type_hints() does
        except Exception as error:
            raise TypeError(
                f"{self.name}(): the annotation {annotation!r} of {parameter.name!r} means nothing at run time "
                f"({error}), so nothing could be checked: import it outside of TYPE_CHECKING, or leave it out"
            ) from error


def wants_text(handler: Callable[..., Any]) -> bool:
    """Whether a handler of messages has annotated its message with str: it gets the text, whatever JSON makes of it."""
    try:
        parameters = list(inspect.signature(handler).parameters.values())
    except (TypeError, ValueError):
        return False
    return len(parameters) > 1 and parameters[1].annotation in (str, "str")


def _check_of(parameter: inspect.Parameter, scope: _Scope) -> Callable[[Any], Any] | None:
    """What makes the parameter's value of a client's data; None if anything will do."""
    annotation = scope.annotation(parameter)
    if annotation in UNCHECKED:
        return None
    try:
        from pydantic import TypeAdapter, ValidationError
    except ImportError:
        _refuse_without_pydantic(annotation, parameter, scope)
        return None
    try:
        adapter: Any = TypeAdapter(_known_to_pydantic(annotation))
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise TypeError(f"{scope.name}(): pydantic does not know how to check {parameter.name!r}: {reason}") from error

    def check(data: Any) -> Any:
        try:
            if isinstance(data, (bytes, str)):
                return adapter.validate_python(data)
            return adapter.validate_json(orjson.dumps(data))  # JSON's rules: a date may be text, also in strict models
        except ValidationError as error:
            raise BadRequest(_sentence(error.errors(include_url=False, include_input=False))) from None

    return check


def _known_to_pydantic(annotation: Any) -> Any:
    """The same type. Before Python 3.12, pydantic wants the TypedDict of typing_extensions, which it brings itself."""
    if sys.version_info >= (3, 12) or not is_typeddict(annotation) or type(annotation).__module__ != "typing":
        return annotation
    import typing_extensions

    hints: dict[str, Any] = typing_extensions.get_type_hints(annotation, include_extras=True)
    optional: Any = typing_extensions.NotRequired
    fields = {
        name: _known_to_pydantic(hint)
        if name in annotation.__required_keys__ or get_origin(hint) is optional
        else optional[_known_to_pydantic(hint)]
        for name, hint in hints.items()
    }
    return typing_extensions.TypedDict(annotation.__name__, fields)  # type: ignore[operator]


def _refuse_without_pydantic(annotation: Any, parameter: inspect.Parameter, scope: _Scope) -> None:
    """Plain types are not checked then; what names fields would be taken for checked."""
    origin: Any = get_origin(annotation)
    if dataclasses.is_dataclass(annotation) or is_typeddict(annotation) or origin is Annotated:
        raise TypeError(
            f"{scope.name}(): pydantic 2 checks {parameter.name!r} against its annotation: pip install pydantic"
        )


def _sentence(errors: list[Any]) -> str:
    """ "items[0].name: Field required; width: Input should be a valid integer" """
    told = "; ".join(f"{_place(error['loc'])}: {error['msg']}" for error in errors[:TOLD])
    return told + (f" (and {len(errors) - TOLD} more)" if len(errors) > TOLD else "")


def _place(steps: tuple[int | str, ...]) -> str:
    text = ""
    for step in steps:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "data"


# ---- dependencies ----


@dataclasses.dataclass(frozen=True, eq=False)
class _Need:
    """One dependency: what is called, and what it asks for itself."""

    call: Callable[..., Any]
    needed: dict[str, _Need | type]
    kept: bool  # asked for several times for one message, it is called once


def _marker(parameter: inspect.Parameter, annotation: Any) -> Any:
    """The Depends(…) of a parameter: its default, or among what it is Annotated with. None if there is none."""
    candidates = [parameter.default]
    if get_origin(annotation) is Annotated:
        candidates += get_args(annotation)[1:]
    return next((found for found in candidates if _is_marker(found)), None)


def _is_marker(value: object) -> bool:
    # Not by its class: applications without FastAPI need not have it, and it was moved before.
    return not isinstance(value, type) and hasattr(value, "dependency") and hasattr(value, "use_cache")


def _need_of(parameter: inspect.Parameter, scope: _Scope, within: tuple[Any, ...] = ()) -> _Need | None:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        return None
    text = parameter.annotation if isinstance(parameter.annotation, str) else ""
    plain = parameter.default is not parameter.empty and not _is_marker(parameter.default)
    if plain and "Annotated" not in text and get_origin(parameter.annotation) is not Annotated:
        return None
    marked = _is_marker(parameter.default) and parameter.default.dependency is not None
    annotation = None if marked else scope.annotation(parameter)
    marker = _marker(parameter, annotation)
    if marker is None:
        return None
    call = marker.dependency
    if call is None:  # Depends() means the class that it is annotated with
        call = get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
    if not callable(call) or isinstance(call, GenericAlias):
        raise TypeError(f"{scope.name}(): Depends() of {parameter.name!r} has nothing that could be called")
    if call in within:
        raise TypeError(f"{scope.name}(): the dependency {_name(call)} asks for itself")
    return _Need(call, _asked_by(call, (*within, call)), marker.use_cache)


def _asked_by(call: Callable[..., Any], within: tuple[Any, ...]) -> dict[str, _Need | type]:
    """What a dependency asks for. TypeError for what only a request of HTTP could give."""
    source: Any = call
    scope = _Scope(source.__init__ if isinstance(call, type) else call, None)
    asked: dict[str, _Need | type] = {}
    for parameter in inspect.signature(call).parameters.values():
        need = _need_of(parameter, scope, within)
        if need is not None:
            asked[parameter.name] = need
        elif parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        ):
            asked[parameter.name] = _given_to(parameter, scope, call)
    return asked


def _given_to(parameter: inspect.Parameter, scope: _Scope, call: Callable[..., Any]) -> type:
    by_name = GIVEN.get(parameter.name)
    try:
        annotation = scope.annotation(parameter)
    except TypeError:  # imported for type checkers alone
        if by_name is None:
            raise
        annotation = by_name
    if annotation is parameter.empty:
        annotation = by_name
    if annotation not in GIVEN.values():
        raise TypeError(
            f"the dependency {_name(call)} asks for {parameter.name!r}, which handlers of messages do not have: it may "
            " ask for ws_manager.Connection (in authenticate: ws_manager.Request) and for other dependencies"
        )
    return annotation  # type: ignore[no-any-return]


def _name(call: Any) -> str:
    return getattr(call, "__qualname__", type(call).__qualname__) + "()"


class _Run:
    """The dependencies of one call of a handler; what they have opened is closed with `stack`."""

    def __init__(self, stack: contextlib.AsyncExitStack, first: Any, overrides: Mapping[Any, Any]) -> None:
        self._stack = stack
        self._overrides = overrides
        self._first = first  # the Connection, or the Request
        self._kept: dict[Any, Any] = {}

    async def value(self, need: _Need | type) -> Any:
        if isinstance(need, type):
            if isinstance(self._first, need):
                return self._first
            found = type(self._first).__name__
            raise TypeError(f"a dependency asks for a {need.__name__}, and this handler gets a {found}")
        call = self._overrides.get(need.call, need.call)
        if need.kept and call in self._kept:
            return self._kept[call]
        needed = need.needed if call is need.call else _asked_by(call, (call,))
        arguments = {name: await self.value(inner) for name, inner in needed.items()}
        value = self._kept[call] = await self._called(call, arguments)
        return value

    async def _called(self, call: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """As FastAPI does it: what is not async may block, so that it has a thread."""
        inner = call if inspect.isroutine(call) or isinstance(call, type) else getattr(call, "__call__", call)  # noqa: B004
        if inspect.isasyncgenfunction(inner):
            opened = contextlib.asynccontextmanager(call)(**arguments)
            return await self._stack.enter_async_context(opened)
        if inspect.isgeneratorfunction(inner):
            return await self._stack.enter_async_context(_in_threads(contextlib.contextmanager(call)(**arguments)))
        if inspect.iscoroutinefunction(inner):
            return await call(**arguments)
        return await asyncio.to_thread(call, **arguments)


@contextlib.asynccontextmanager
async def _in_threads(manager: contextlib.AbstractContextManager[Any]) -> AsyncIterator[Any]:
    value = await asyncio.to_thread(manager.__enter__)
    try:
        yield value
    except BaseException as error:
        if not await asyncio.to_thread(manager.__exit__, type(error), error, error.__traceback__):
            raise
    else:
        await asyncio.to_thread(manager.__exit__, None, None, None)
