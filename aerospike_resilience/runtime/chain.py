"""The chain: its order, its interceptors under a profile, and how they are linked into one callable."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final, Literal, TypeAlias, cast, get_args

from ..errors import ResilienceError
from ..interceptors import Interceptor, NativeAttempt, Proceed
from ..interceptors.base import Link, LinkedAsync
from ..interceptors.retry.error_notes import annotate
from ..model.call import Call
from ..model.outcome import refusal_of
from .traceback import is_raised_by_the_client, without_our_frames

ChainPlace: TypeAlias = Literal[
    "telemetry", "recorder", "deadline", "fallback", "retry", "gate", "breaker", "attempt"
]
"""A place in the chain, by name."""

CHAIN_ORDER: Final[tuple[ChainPlace, ...]] = get_args(ChainPlace)
"""The chain from top to bottom, as it runs.

The gate is inside retry, so that a sleeping retry holds no permit. The breaker is innermost: it sees
attempts. The attempt makes the native call and ends the chain.
"""

Placed: TypeAlias = tuple[Literal["before", "after"], ChainPlace, Interceptor]
"""An application's own interceptor and its place: ``("before", "breaker", Mine())``."""

Arrange: TypeAlias = Callable[[list[Interceptor]], Sequence[Interceptor]]
"""An application's own arrangement: given the interceptors, outermost first, returns those that are to
run."""


def arranged(
    shipped: Sequence[tuple[ChainPlace, Sequence[Interceptor]]],
    placed: Iterable[Placed] = (),
    arrange: Arrange | None = None,
) -> list[Interceptor]:
    """Return the interceptors that are to run, outermost first.

    Args:
        shipped: what the profile puts in each place, in `CHAIN_ORDER`; nothing where it switches a place
            off.
        placed: the application's own, checked by `check_placed`. Several at one place run in the order
            given.
        arrange: the application's function that returns the final chain.

    Raises:
        TypeError: what `arrange` returned is no chain; the message says why.
    """
    before: dict[str, list[Interceptor]] = {name: [] for name in CHAIN_ORDER}
    after: dict[str, list[Interceptor]] = {name: [] for name in CHAIN_ORDER}
    for side, place, interceptor in placed:
        (before if side == "before" else after)[place].append(interceptor)
    ours = [interceptor for _, links in shipped for interceptor in links]
    chain: list[Interceptor] = []
    for name, links in shipped:
        chain += [*before[name], *links, *after[name]]
    if arrange is not None:
        chain = _checked_arrangement(arrange(list(chain)), ours)
    # The attempt ends every chain, so an interceptor placed behind it runs right before it.
    end = next(one for one in ours if isinstance(one, NativeAttempt))
    return [*(one for one in chain if one is not end), end]


def check_placed(placed: object) -> tuple[Placed, ...]:
    """Return what `resilient()` was given as ``interceptors=``.

    Raises:
        TypeError: it is no sequence of places and interceptors; the message says which item and why.
    """
    if isinstance(placed, str | bytes) or not isinstance(placed, Iterable):
        raise TypeError(
            f"interceptors= takes a list of places, such as [('before', 'breaker', Mine())], not {placed!r}"
        )
    return tuple(_checked_place(one) for one in placed)


def _checked_place(one: Any) -> Placed:
    if not isinstance(one, tuple | list) or len(one) != 3:
        raise TypeError(
            f"interceptors= takes places such as ('before', 'breaker', Mine()), not {one!r}"
        )
    side, place, interceptor = one
    if side not in ("before", "after"):
        raise TypeError(f"an interceptor stands 'before' or 'after' a place, not {side!r}")
    if place not in CHAIN_ORDER:
        raise TypeError(f"{place!r} is no place in the chain; there are {', '.join(CHAIN_ORDER)}")
    if (side, place) == ("after", "attempt"):
        raise TypeError("nothing stands after the attempt: it makes the native call")
    check_interceptor(interceptor)
    return side, place, interceptor


def _checked_arrangement(chain: Any, ours: Sequence[Interceptor]) -> list[Interceptor]:
    if isinstance(chain, str | bytes) or not isinstance(chain, Iterable):
        raise TypeError(f"arrange= must return the interceptors that are to run, not {chain!r}")
    found = list(chain)
    for one in found:
        check_interceptor(one)
    for one in ours:
        if sum(other is one for other in found) > 1:
            raise TypeError(f"arrange= returned the shipped {type(one).__name__} twice")
    return found


def check_interceptor(one: object) -> None:
    """Check that something has an interceptor's shape.

    Raises:
        TypeError: it lacks a method, or one cannot be called or not be awaited; the message says which.
    """
    if isinstance(one, type):
        raise TypeError(f"an interceptor is an instance: {one.__name__}(), not the class itself")
    name = type(one).__name__
    for method in ("around", "around_async"):
        if not callable(getattr(one, method, None)):
            raise TypeError(
                f"{one!r} ({name}) is no interceptor: it lacks {method}(call, proceed); an interceptor has "
                "around(call, proceed) and async around_async(call, proceed)"
            )
    if inspect.iscoroutinefunction(getattr(one, "around")):  # noqa: B009 - checked above
        raise TypeError(
            f"{name}.around must not be a coroutine function: it drives calls that block"
        )


def link(chain: Sequence[Interceptor], clock: Callable[[], float]) -> Proceed:
    """Link interceptors, the attempt last, for methods that block."""
    *outer, end = chain
    head = cast("NativeAttempt", end).end()
    for interceptor in reversed(outer):
        head = (
            interceptor.link(head)
            if isinstance(interceptor, Link)
            else _foreign(interceptor, head, clock)
        )

    def operation(call: Call) -> Any:
        try:
            return head(call)
        except BaseException as error:
            end_operation(call, error)
            raise

    return operation


def link_async(chain: Sequence[Interceptor], clock: Callable[[], float]) -> LinkedAsync:
    """Link interceptors, the attempt last, for methods that are awaited."""
    *outer, end = chain
    head: LinkedAsync = cast("NativeAttempt", end).end_async()
    for interceptor in reversed(outer):
        head = (
            interceptor.link_async(head)
            if isinstance(interceptor, Link)
            else _foreign_async(interceptor, head, clock)
        )

    async def operation(call: Call) -> Any:
        try:
            return await head(call)
        except BaseException as error:
            end_operation(call, error)
            raise

    return operation


def end_operation(call: Call, error: BaseException) -> None:
    """Annotate an error with what was tried; drop the call's reference to it, to leave no cycle.

    A refusal is counted here, where nothing can serve the operation any more.
    """
    annotate(error, call)
    if isinstance(error, ResilienceError) and (refusal := refusal_of(error)) is not None:
        call.plan.on_refusal(refusal.reason, refusal.node)
    if error is call.error or call.owns(error) or is_raised_by_the_client(error):
        without_our_frames(error)
    call.error = call.raised = None


def _foreign(interceptor: Interceptor, proceed: Proceed, clock: Callable[[], float]) -> Proceed:
    """Link an application's own interceptor; its time is charged to no node."""
    around = interceptor.around

    def resumed(call: Call) -> Any:
        if call.started:
            call.now = clock()
        return proceed(call)

    def linked(call: Call) -> Any:
        return around(call, resumed)

    return linked


def _foreign_async(
    interceptor: Interceptor, proceed: LinkedAsync, clock: Callable[[], float]
) -> LinkedAsync:
    """Link an application's own interceptor; its time is charged to no node."""
    around = interceptor.around_async

    def resumed(call: Call) -> Coroutine[Any, Any, Any]:
        if call.started:
            call.now = clock()
        return proceed(call)

    async def linked(call: Call) -> Any:
        return await around(call, resumed)

    return linked
