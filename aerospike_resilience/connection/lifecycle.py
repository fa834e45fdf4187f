"""Lifecycle: a connected client as a context manager, closed once, after its calls have ended."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

from ..model.duration_text import milliseconds
from ..model.durations import ms_to_s
from ..runtime.engine import Engine
from ..wrapping.stand_in import StandIn, give
from .mapping import ConnectionPlan

_POLL_S: Final = 0.005

_CLOSES: Final = ("close", "close_blocking")


class Life:
    """Whether a client is closed, and what ends with it.

    Args:
        engine: the wrapped client's engine.

    Attributes:
        closed: whether it was closed; the second time nothing happens.
        on_close: called before the client is closed.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.closed = False
        self.on_close: list[Callable[[], None]] = []

    @contextmanager
    def closing(self) -> Iterator[bool]:
        """Yield whether the client is to be closed now. It stays open if that fails."""
        if self.closed:
            yield False
            return
        self.closed = True
        try:
            for end in self.on_close:
                end()
            yield True
        except BaseException:
            self.closed = False
            raise

    @asynccontextmanager
    async def closing_async(self) -> AsyncIterator[bool]:
        """Do as `closing` does."""
        with self.closing() as now:
            yield now

    def drain(self, for_s: float) -> Iterator[float]:
        """Refuse new calls, and yield how long to sleep, again and again, until no call is under way.

        A call that sleeps between two attempts holds no permit, so none may be held for as long as such a
        sleep. Under a profile without a gate nobody counts calls: it takes the whole time.
        """
        self.engine.refuse_calls()
        profile, gate = self.engine.runtime.profile, self.engine.shared.gates.main
        until = time.monotonic() + for_s
        quiet_s = min(profile.retry.max_sleep_s, for_s)
        quiet_until = time.monotonic() + quiet_s
        while (now := time.monotonic()) < until:
            if gate.in_flight or not profile.backpressure.max_concurrent_operations:
                quiet_until = now + quiet_s
            elif now >= quiet_until:
                return
            yield min(_POLL_S, until - now)


def drain_s(drain: object) -> float:
    """Return a drain's time in seconds.

    Raises:
        ValueError: it is no duration.
    """
    return 0.0 if drain is None else ms_to_s(milliseconds(drain))


def lively(wrapped: Any, plan: ConnectionPlan) -> Life:
    """Make a connected client a context manager with an idempotent ``close(drain=)``; return its life."""
    stands_in = issubclass(type(wrapped), StandIn)  # isinstance() gets the client's own class
    life = Life(wrapped.resilience._engine)  # noqa: SLF001 - parts of the same house
    owns = {
        name: getattr(wrapped, name) if stands_in else _weakly(wrapped, name)
        for name in _CLOSES
        if hasattr(wrapped, name)
    }
    if "close_blocking" in owns and not plan.connector.awaited:
        owns["close"] = owns["close_blocking"]  # the native client's own is to be awaited
    for name, own in owns.items():
        made = _closing_async(own, life) if _is_awaited(name, plan) else _closing(own, life)
        functools.update_wrapper(made, own)
        if stands_in:
            give(wrapped, name, made)
        else:
            setattr(wrapped, name, made)
    cls: Any = type(wrapped)
    if stands_in:  # its type is of this client alone
        if plan.connector.awaited:
            cls.__aenter__, cls.__aexit__ = _aenter, _aexit
        else:
            cls.__enter__ = _enter
            cls.__exit__ = _exit
        if hasattr(cls, "connect"):
            cls.connect = _reconnecting(cls.connect, life, plan)
    return life


def _is_awaited(name: str, plan: ConnectionPlan) -> bool:
    """Return whether a method that closes is awaited."""
    return plan.connector.awaited and name == "close"


def _weakly(wrapped: Any, name: str) -> Callable[..., Any]:
    """Return a method that does not keep its object alive."""
    ref, function = weakref.ref(wrapped), getattr(type(wrapped), name)

    def call() -> Any:
        found = ref()
        return None if found is None else function(found)

    return functools.update_wrapper(call, function)


def _closing(close: Callable[..., Any], life: Life) -> Callable[..., Any]:
    def closed(*, drain: str | float | None = None) -> None:
        for_s = drain_s(drain)
        with life.closing() as now:
            if now:
                for pause_s in life.drain(for_s) if for_s else ():
                    time.sleep(pause_s)
                close()

    return closed


def _closing_async(close: Callable[..., Any], life: Life) -> Callable[..., Any]:
    async def closed(*, drain: str | float | None = None) -> None:
        for_s = drain_s(drain)
        async with life.closing_async() as now:
            if now:
                for pause_s in life.drain(for_s) if for_s else ():
                    await asyncio.sleep(pause_s)
                await close()

    return closed


def _reconnecting(
    connect: Callable[..., Any], life: Life, plan: ConnectionPlan
) -> Callable[..., Any]:
    """Return the type's ``connect``, which reads a password's file again and opens the client again."""

    def login(args: tuple[Any, ...], kwargs: Any) -> tuple[Any, ...]:
        if args or kwargs:
            return args
        return plan.connector.login(plan.with_password_of_now())

    if inspect.iscoroutinefunction(connect):

        @functools.wraps(connect)
        async def connected_async(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                found = await connect(self, *login(args, kwargs), **kwargs)
            except Exception as error:  # noqa: BLE001 - raised again
                # Without the frames that hold the password in clear.
                raise error.with_traceback(None)  # noqa: B904 - the same error
            life.closed = False
            return found

        return connected_async

    @functools.wraps(connect)
    def connected(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            found = connect(self, *login(args, kwargs), **kwargs)
        except Exception as error:  # noqa: BLE001 - raised again
            # Without the frames that hold the password in clear.
            raise error.with_traceback(None)  # noqa: B904 - the same error
        life.closed = False
        return found

    return connected


def _enter(self: Any) -> Any:
    return self


def _exit(self: Any, *_error: object) -> None:
    self.close()


async def _aenter(self: Any) -> Any:
    return self


async def _aexit(self: Any, *_error: object) -> None:
    await self.close()
