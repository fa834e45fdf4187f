"""Ambient values: a block of code sets a deadline, or what `using()` switches, for the calls inside it.

Ambient values live in one `ContextVar`, so they follow tasks and `asyncio.to_thread`, and hold for
the current thread. They do not follow work that is submitted to an executor, unless `carry` wraps it.
"""

from __future__ import annotations

import contextvars
import functools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, ParamSpec, SupportsFloat, TypeVar

from .model.duration_text import milliseconds
from .model.operation import Criticality
from .model.wording import shown

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Using:
    """What ``client.resilience.using(...)`` switches for one wrapped client.

    Attributes:
        profile: a profile's name; None keeps the client's.
        overrides: settings over it, in the shape of a policy file.
        idempotent: whether writes may be sent again, as the application declares; None applies the rules.
        criticality: how important it is that calls are not refused; None means ``default``.
        index: profile and overrides as text, by which what is compiled for them is found.
    """

    profile: str | None = None
    overrides: Mapping[str, Any] | None = field(default=None, repr=False)  # may hold a password
    idempotent: bool | None = None
    criticality: Criticality | None = None
    index: tuple[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        said = "" if self.overrides is None else repr(self.overrides)
        object.__setattr__(
            self, "index", (self.profile or "", said)
        )  # once a block, not once a call


@dataclass(frozen=True, slots=True)
class Ambient:
    """The ambient values of the current thread or task.

    Attributes:
        deadline: on the monotonic clock, in seconds; ``inf`` for none.
        using: the `using()` settings, by the identity of the wrapped client's handle.
        inside: whether what is called here is a part of another operation, which alone is reported.
        outer: the values outside the innermost block; None outside all blocks.
        block: the innermost block.
    """

    deadline: float = math.inf
    using: Mapping[int, Using] = field(default_factory=dict)
    inside: bool = False
    outer: Ambient | None = None
    block: object = None

    def without(self, block: object) -> Ambient | None:
        """Return the values without one block, at any depth; itself if the block is not among them."""
        if self.block is block:
            return self.outer
        outer = self.outer.without(block) if self.outer is not None else None
        return self if outer is self.outer else replace(self, outer=outer)


_current: contextvars.ContextVar[Ambient | None] = contextvars.ContextVar(
    "aerospike_resilience.ambient", default=None
)

current = _current.get
"""Return the ambient values here, or None. Every call reads it, so it is the variable's own method."""


def of_context(context: contextvars.Context) -> Ambient | None:
    """Return the ambient values of another context; None if it has none."""
    return context.get(_current)


class _Monotonic:
    """The clock of every wrapped client that is not given another.

    A tool that replaces `time.monotonic` in every module does not find it here: a deadline and the calls
    inside it must use one clock, frozen or not.
    """

    now = staticmethod(time.monotonic)


def _leave(block: object) -> None:
    """End a block, also in another task than the one that began it, which may have other values."""
    here = _current.get()
    if here is not None:
        _current.set(here.without(block))


def deadline_at() -> float:
    """Return the ambient deadline on the monotonic clock; ``inf`` if there is none."""
    ambient = _current.get()
    return math.inf if ambient is None else ambient.deadline


def on_clock(deadline: float, clock: Callable[[], float]) -> float:
    """Return an ambient deadline on another clock, with the same remaining time as on the monotonic one."""
    if clock is _Monotonic.now or math.isinf(deadline):
        return deadline
    return clock() + deadline - _Monotonic.now()


def remaining() -> float | None:
    """Return the seconds left until the ambient deadline, not below 0; None if there is none."""
    at = deadline_at()
    return None if math.isinf(at) else max(at - _Monotonic.now(), 0.0)


class deadline:  # noqa: N801 - read as a statement: ``with deadline(0.2):``
    """Give every operation inside the block at most this long in all.

    Works as ``with`` and as ``async with``. Nested deadlines only shorten. It limits what this library
    does; the application's own code is not interrupted. Several threads and tasks may use one object at
    once: each block counts from its own beginning.

    Args:
        seconds: from now, 0 or more: a number of seconds, text with a unit as in policy files
            (``"200ms"``), or a ``timedelta``.

    Raises:
        ValueError: `seconds` is negative, not a number, or text without a unit.
        TypeError: `seconds` is none of these.
    """

    __slots__ = ("_seconds",)

    def __init__(self, seconds: float | str | timedelta) -> None:
        self._seconds = _seconds(seconds)

    def __enter__(self) -> deadline:
        outer = _current.get()
        around = outer or Ambient()
        at = min(around.deadline, _Monotonic.now() + self._seconds)
        # Kept in the values, not on this object: several blocks of it may be active, each with its own
        # outside.
        _current.set(replace(around, deadline=at, outer=outer, block=self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _leave(self)

    async def __aenter__(self) -> deadline:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)


@contextmanager
def inside_operation(left_s: float) -> Iterator[None]:
    """Make calls in this block parts of the operation under way, which have its remaining time.

    Args:
        left_s: that time in seconds; ``inf`` for no limit.
    """
    outer, block = _current.get(), object()
    around = outer or Ambient()
    at = min(around.deadline, _Monotonic.now() + left_s)
    _current.set(replace(around, deadline=at, inside=True, outer=outer, block=block))
    try:
        yield
    finally:
        _leave(block)


_TAKES: Final = 'deadline() takes seconds from now (0.2), text with a unit ("200ms") or a timedelta'


def _seconds(given: object) -> float:
    """Return how long a deadline is, in seconds."""
    if type(given) is float and given >= 0:
        return given
    try:
        if isinstance(given, timedelta):
            found = given.total_seconds()
        elif isinstance(given, str):
            found = milliseconds(given) / 1000
        elif isinstance(given, SupportsFloat) and not isinstance(given, bool):
            found = float(given)
        else:
            raise TypeError(f"{_TAKES}, not {shown(given)}")
    except (ValueError, OverflowError):
        raise ValueError(f"{_TAKES}, not {shown(given)}") from None
    if not found >= 0:
        raise ValueError(f"{_TAKES}, 0 or more; got {shown(given)}")
    return found


def carry(function: Callable[P, R]) -> Callable[P, R]:
    """Bind `function` to the ambient values here, for an executor: ``pool.submit(carry(work), item)``.

    The result may be called any number of times, from several threads at once.
    """
    ambient = _current.get()

    @functools.wraps(function)
    def carried(*args: P.args, **kwargs: P.kwargs) -> R:
        token = _current.set(ambient)
        try:
            return function(*args, **kwargs)
        finally:
            _current.reset(token)

    return carried


@contextmanager
def switched(handle: int, using: Using) -> Iterator[None]:
    """Apply `using` to one wrapped client, given by its handle's identity, for a block."""
    outer, block = _current.get(), object()
    around = outer or Ambient()
    inner = around.using.get(handle)
    if inner is not None:
        using = Using(
            profile=using.profile if using.profile is not None else inner.profile,
            overrides=using.overrides if using.overrides is not None else inner.overrides,
            idempotent=using.idempotent if using.idempotent is not None else inner.idempotent,
            criticality=using.criticality if using.criticality is not None else inner.criticality,
        )
    using_now = {**around.using, handle: using}
    _current.set(replace(around, using=using_now, outer=outer, block=block))
    try:
        yield
    finally:
        _leave(block)
