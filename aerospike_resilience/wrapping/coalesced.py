"""Windows: many calls of one operation that cross to the client together, each in a chain of its own.

Every call goes through the whole chain. What they have in common is the crossing: those whose first
attempt needs no policy of its own are handed to the client at once. A later attempt goes alone.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping
from typing import Any

from ..clients import CoalescedMethod
from ..model.call import Call
from ..model.plan import Plan
from ..runtime.engine import Engine
from .invoke import prepared


def coalesced_method(
    client: Any, name: str, window: CoalescedMethod, engine: Engine
) -> Callable[..., Any]:
    """Return a wrapped method that fuses calls."""
    bare = getattr(client, name)

    def taken_apart(
        args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[list[tuple[Any, ...]], list[Any]] | None:
        """Return the calls and the futures that were given; None where the client is to refuse them."""
        if len(args) > len(window.parameters) or not kwargs.keys().isdisjoint(
            window.parameters[: len(args)]
        ):
            return None
        arguments = {**dict(zip(window.parameters, args, strict=False)), **kwargs}
        try:
            calls = window.calls(arguments)
            futures = list(arguments["futures"]) if window.completes_futures else []
        except Exception:  # noqa: BLE001 - the client says so, better than we could
            return None
        return None if window.completes_futures and len(futures) != len(calls) else (calls, futures)

    def begun(calls: list[tuple[Any, ...]], kwargs: Mapping[str, Any]) -> _Crossing:
        policies = {name: value for name, value in kwargs.items() if name.startswith("policy")}
        return _Crossing(client, window, engine).begin(calls, policies)

    if window.completes_futures:

        def submit(*args: Any, **kwargs: Any) -> Any:
            if (found := taken_apart(args, kwargs)) is None:
                return bare(*args, **kwargs)
            calls, futures = found
            for task, future in zip(begun(calls, kwargs).tasks, futures, strict=True):
                task.add_done_callback(functools.partial(_complete, future))
            return None

        return functools.update_wrapper(submit, bare)

    async def submit_many(*args: Any, **kwargs: Any) -> Any:
        if (found := taken_apart(args, kwargs)) is None:
            return await bare(*args, **kwargs)
        crossing = begun(found[0], kwargs)
        slots = await asyncio.gather(*crossing.tasks, return_exceptions=True)
        if crossing.refusal is not None:
            raise crossing.refusal
        return slots, sum(isinstance(slot, BaseException) for slot in slots)

    return functools.update_wrapper(submit_many, bare)


class _Crossing:
    """One submission: collects first attempts until the event loop has begun all of them.

    Attributes:
        tasks: a task for each call.
        refusal: what the client raised when the calls were handed to it.
    """

    def __init__(self, client: Any, window: CoalescedMethod, engine: Engine) -> None:
        self._client = client
        self._window = window
        self._engine = engine
        self._loop = asyncio.get_running_loop()
        self._calls: list[tuple[Any, ...]] = []
        self._futures: list[asyncio.Future[Any]] = []
        self._crossed = False
        self.tasks: list[asyncio.Future[Any]] = []
        self.refusal: Exception | None = None

    def begin(self, calls: list[tuple[Any, ...]], policies: Mapping[str, Any]) -> _Crossing:
        """Begin every call in its own task, then have those that are ready cross together."""
        if not calls:
            return self
        operation = self._engine.shared.adapter.operations[self._window.operation]
        runtime, first = prepared(self._engine, operation, calls[0], policies)
        plan = first.plan.sent_by(functools.partial(self._send, first.plan))
        for args in calls:
            call = Call(plan, args, {}, args[0], first.deadline)
            call.criticality = first.criticality
            self.tasks.append(asyncio.ensure_future(runtime.head_async(call)))
        self._loop.call_soon(self._cross, first.plan)  # after the first step of every task
        return self

    def _send(
        self, plan: Plan, args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Any
    ) -> Any:
        if self._crossed or policy is not plan.policy:
            return plan.send(args, kwargs, policy)
        future: asyncio.Future[Any] = self._loop.create_future()
        self._calls.append(args)
        self._futures.append(future)
        return future

    def _cross(self, plan: Plan) -> None:
        self._crossed = True
        if not self._calls:
            return
        try:
            self._window.submit(self._client, self._calls, self._futures, plan.policy)
        except Exception as error:  # noqa: BLE001 - it is raised by the calls
            self.refusal = error
            for call, future in zip(self._calls, self._futures, strict=True):
                self._alone(plan, call, future, error)

    def _alone(
        self, plan: Plan, call: tuple[Any, ...], future: asyncio.Future[Any], error: Exception
    ) -> None:
        """Give a call that the client did not take with the others its own answer.

        Where each was made by somebody else, it is handed to the client by itself: one that cannot be sent
        is no reason for the others to fail. Where one caller made them all, they fail together.
        """
        if future.done():
            return
        if not self._window.completes_futures or len(self._calls) == 1:
            future.set_exception(error)
            return
        try:
            self._window.submit(self._client, [call], [future], plan.policy)
        except Exception as own:  # noqa: BLE001 - this call's
            future.set_exception(own)


def _complete(future: asyncio.Future[Any], task: asyncio.Future[Any]) -> None:
    """Hand a call's outcome to the future that the client's caller gave."""
    if future.done():
        return
    if task.cancelled():
        future.cancel()
    elif (error := task.exception()) is not None:
        future.set_exception(error)
    else:
        future.set_result(task.result())
