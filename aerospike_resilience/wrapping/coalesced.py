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

    def begin(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[asyncio.Future[Any]]:
        arguments = {**dict(zip(window.parameters, args, strict=False)), **kwargs}
        calls = window.calls(arguments)
        policies = {name: value for name, value in kwargs.items() if name.startswith("policy")}
        return _Crossing(client, window, engine).begin(calls, policies)

    if window.completes_futures:

        def submit(*args: Any, **kwargs: Any) -> None:
            futures = dict(zip(window.parameters, args, strict=False)).get("futures")
            for task, future in zip(begin(args, kwargs), futures or kwargs["futures"], strict=True):
                task.add_done_callback(functools.partial(_complete, future))

        return functools.update_wrapper(submit, getattr(client, name))

    async def submit_many(*args: Any, **kwargs: Any) -> tuple[list[Any], int]:
        slots = await asyncio.gather(*begin(args, kwargs), return_exceptions=True)
        return slots, sum(isinstance(slot, BaseException) for slot in slots)

    return functools.update_wrapper(submit_many, getattr(client, name))


class _Crossing:
    """One submission: collects first attempts until the event loop has begun all of them."""

    def __init__(self, client: Any, window: CoalescedMethod, engine: Engine) -> None:
        self._client = client
        self._window = window
        self._engine = engine
        self._loop = asyncio.get_running_loop()
        self._calls: list[tuple[Any, ...]] = []
        self._futures: list[asyncio.Future[Any]] = []
        self._crossed = False

    def begin(
        self, calls: list[tuple[Any, ...]], policies: Mapping[str, Any]
    ) -> list[asyncio.Future[Any]]:
        """Begin every call in its own task, then have those that are ready cross together."""
        if not calls:
            return []
        operation = self._engine.shared.adapter.operations[self._window.operation]
        runtime, first = prepared(self._engine, operation, calls[0], policies)
        plan = first.plan.sent_by(functools.partial(self._send, first.plan))
        tasks: list[asyncio.Future[Any]] = []
        for args in calls:
            call = Call(plan, args, {}, args[0], first.deadline)
            call.criticality = first.criticality
            tasks.append(asyncio.ensure_future(runtime.head_async(call)))
        self._loop.call_soon(self._cross, first.plan)  # after the first step of every task
        return tasks

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
        except Exception as error:  # noqa: BLE001 - it is every call's error, and each raises it
            for future in self._futures:
                if not future.done():
                    future.set_exception(error)


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
