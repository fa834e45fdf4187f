"""Coalesced calls: many calls of one operation, each in its own chain, handed to the client together.

Every call goes through the whole chain. The calls whose first attempt needs no policy of its own are
handed to the client together. A later attempt is sent alone.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import ambient
from ..ambient import Ambient
from ..clients import CoalescedMethod
from ..model.call import Call
from ..model.plan import Plan
from ..runtime.compiled import Runtime
from ..runtime.engine import Engine
from ..runtime.fast.window import FusedWindow, context_of_waiter
from ..runtime.plan_key import NamespaceSet
from .invoke import prepared_in


def coalesced_method(
    client: Any, name: str, window: CoalescedMethod, engine: Engine
) -> Callable[..., Any]:
    """Return a wrapped method that fuses calls."""
    bare = getattr(client, name)

    def taken_apart(
        args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[list[tuple[Any, ...]], list[Any]] | None:
        """Return the given calls and futures; None where the client is to refuse them."""
        if len(args) > len(window.parameters) or not kwargs.keys().isdisjoint(
            window.parameters[: len(args)]
        ):
            return None
        arguments = {**dict(zip(window.parameters, args, strict=False)), **kwargs}
        try:
            calls = window.calls(arguments)
            futures = list(arguments["futures"]) if window.completes_futures else []
        except Exception:  # noqa: BLE001 - the client raises the better error
            return None
        return None if window.completes_futures and len(futures) != len(calls) else (calls, futures)

    def policies_in(kwargs: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in kwargs.items() if name.startswith("policy")}

    def begun(
        calls: Sequence[tuple[Any, ...]],
        kwargs: Mapping[str, Any],
        arounds: Sequence[Ambient | None],
    ) -> _Crossing:
        return _Crossing(client, window, engine).begin(calls, policies_in(kwargs), arounds)

    fused = FusedWindow(client, window, engine)

    if window.completes_futures:

        def submit(*args: Any, **kwargs: Any) -> Any:
            if engine.closed or (found := taken_apart(args, kwargs)) is None:
                return bare(*args, **kwargs)
            calls, futures = fused.send(*found, policies_in(kwargs))
            if not calls:
                return None
            crossing = begun(calls, kwargs, [_around_waiter(future) for future in futures])
            for task, future in zip(crossing.tasks, futures, strict=True):
                task.add_done_callback(functools.partial(_complete, future))
            return None

        return functools.update_wrapper(submit, bare)

    async def submit_many(*args: Any, **kwargs: Any) -> Any:
        if engine.closed or (found := taken_apart(args, kwargs)) is None:
            return await bare(*args, **kwargs)
        calls = found[0]
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in calls]
        left, _futures = fused.send(calls, futures, policies_in(kwargs))
        sent = len(calls) - len(left)
        crossing = begun(left, kwargs, [ambient.current()] * len(left))
        slots = await asyncio.gather(*futures[:sent], *crossing.tasks, return_exceptions=True)
        refusal = crossing.refusal
        if refusal is not None and any(slot is refusal for slot in slots):
            raise refusal
        return slots, sum(isinstance(slot, BaseException) for slot in slots)

    return functools.update_wrapper(submit_many, bare)


class _Group:
    """The calls of one submission that share a plan, and so a policy, and are handed over together.

    Attributes:
        plan: the plan of its calls; its `send` waits until they are handed over.
        calls: the arguments of those that wait.
        futures: what each of them waits for.
    """

    def __init__(self, plan: Plan, crossing: _Crossing) -> None:
        self._plan = plan
        self._crossing = crossing
        self.plan = plan.sent_by(self._send)
        self.calls: list[tuple[Any, ...]] = []
        self.futures: list[asyncio.Future[Any]] = []

    @property
    def policy(self) -> Any:
        """The policy of all its calls."""
        return self._plan.policy

    def _send(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], policy: Any) -> Any:
        if self._crossing.crossed or policy is not self._plan.policy:
            try:
                return self._plan.send(args, kwargs, policy)
            except Exception as error:
                self._crossing.refusal = error
                raise
        future: asyncio.Future[Any] = self._crossing.loop.create_future()
        self.calls.append(args)
        self.futures.append(future)
        return future


class _Crossing:
    """One submission: collects first attempts until the event loop has begun all of them.

    Each call uses the options of its own set and the ambient values of the task that made it
    (`deadline()`, `using()`). Calls with the same policy are handed to the client together.

    Attributes:
        loop: the event loop.
        crossed: whether the calls were handed to the client.
        tasks: a task for each call.
        refusal: what the client raised when it was called, for all calls together or for one alone.
    """

    def __init__(self, client: Any, window: CoalescedMethod, engine: Engine) -> None:
        self._client = client
        self._window = window
        self._engine = engine
        self._groups: dict[int, _Group] = {}
        self.loop = asyncio.get_running_loop()
        self.crossed = False
        self.tasks: list[asyncio.Future[Any]] = []
        self.refusal: Exception | None = None

    def begin(
        self,
        calls: Sequence[tuple[Any, ...]],
        policies: Mapping[str, Any],
        arounds: Sequence[Ambient | None],
    ) -> _Crossing:
        """Begin every call in its own task, then hand those that are ready to the client together.

        Args:
            calls: the positional arguments of each.
            policies: policies that were given for all.
            arounds: the ambient values of the task that made each.
        """
        adapter = self._engine.shared.adapter
        operation = adapter.operations[self._window.operation]
        alike: dict[tuple[int, NamespaceSet | None], tuple[Runtime, Call, _Group]] = {}
        for args, around in zip(calls, arounds, strict=True):
            case = id(around), adapter.place(args[0])
            if case not in alike:
                runtime, first = prepared_in(around, self._engine, operation, args, policies)
                alike[case] = runtime, first, self._group(first.plan)
            runtime, first, group = alike[case]
            call = Call(group.plan, args, {}, args[0], first.deadline)
            call.criticality = first.criticality
            self.tasks.append(asyncio.ensure_future(runtime.head_async(call)))
        if calls:
            self.loop.call_soon(self._cross)  # after the first step of every task
        return self

    def _group(self, plan: Plan) -> _Group:
        if id(plan) not in self._groups:
            self._groups[id(plan)] = _Group(plan, self)
        return self._groups[id(plan)]

    def _cross(self) -> None:
        self.crossed = True
        for group in self._groups.values():
            if group.calls:
                self._submit(group)

    def _submit(self, group: _Group) -> None:
        try:
            self._window.submit(self._client, group.calls, group.futures, group.policy)
        except Exception as error:  # noqa: BLE001 - the calls raise it
            self.refusal = error
            for call, future in zip(group.calls, group.futures, strict=True):
                self._alone(group, call, future, error)

    def _alone(
        self, group: _Group, call: tuple[Any, ...], future: asyncio.Future[Any], error: Exception
    ) -> None:
        """Send one call of a submission that the client refused as a whole.

        Where the calls have different callers, each is sent alone, so that one bad call does not fail the
        others. Where one caller made all of them, they fail together.
        """
        if future.done():
            return
        if not self._window.completes_futures or len(group.calls) == 1:
            future.set_exception(error)
            return
        try:
            self._window.submit(self._client, [call], [future], group.policy)
        except Exception as own:  # noqa: BLE001 - this call's
            future.set_exception(own)


def _around_waiter(future: asyncio.Future[Any]) -> Ambient | None:
    """Return the ambient values of the task that waits for a future."""
    return ambient.of_context(context_of_waiter(future))


def _complete(future: asyncio.Future[Any], task: asyncio.Future[Any]) -> None:
    """Copy a call's outcome to the future that the caller gave."""
    if future.done():
        return
    if task.cancelled():
        future.cancel()
    elif (error := task.exception()) is not None:
        future.set_exception(error)
    else:
        future.set_result(task.result())
