"""Detours: stand-ins for the runtime while calls cannot run under the profile.

Both replace a `Runtime`. They have no plans for plain calls, so every call goes through their planner.
They do not affect a call that has already begun.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..clients import Adapter
from ..model.call import Call
from ..model.operation import Operation
from ..model.plan import Send
from ..profiles import Profile
from .compiled import Runtime
from .fast.lane import Lane
from .planner import Planner


class DirectRuntime(Runtime):
    """Sends every call straight to the client, as it was made. Used after the end of the protection.

    Args:
        runtime: the runtime that was in force.
    """

    __slots__ = ()

    def __init__(self, runtime: Runtime) -> None:
        self.profile, self.plans, self.telemetry = runtime.profile, runtime.plans, runtime.telemetry
        self.planner = _DirectPlanner(runtime.planner)
        self.plain = False
        self.lane = Lane((), self.plans)
        self.head, self.head_async = _send, _send_async


class ForkedRuntime(Runtime):
    """Detects a forked child's first use of the client that its parent connected.

    Args:
        runtime: the runtime that was in force in the parent.
        first_use: called at the first use; returns the runtime from then on, or raises to refuse the call.
    """

    __slots__ = ("_runtime",)

    def __init__(self, runtime: Runtime, first_use: Callable[[], Runtime]) -> None:
        self._runtime = runtime
        self.profile, self.plans, self.telemetry = runtime.profile, runtime.plans, runtime.telemetry
        self.plain = False
        self.lane = Lane((), self.plans)
        self.planner = _ForkedPlanner(runtime.planner, lambda: self._used(first_use()))

    def _used(self, runtime: Runtime) -> Planner:
        self._runtime = runtime
        return runtime.planner

    def head(self, call: Call) -> Any:
        """Send a call through the chain in force."""
        return self._runtime.head(call)

    def head_async(self, call: Call) -> Any:
        """Send a call through the chain in force."""
        return self._runtime.head_async(call)


def connected_by_parent(adapter: Adapter, profile: Profile) -> str:
    """Return what is to be said of a client that the parent process connected."""
    return (
        f"this {adapter.name} client was connected before the process forked, and cannot be "
        f"shared with the parent: {adapter.why_not_forked}. Connect in each worker, after the "
        f"fork (see docs/processes.md; profile {profile.name!r}, forked_client)"
    )


class _DirectPlanner(Planner):
    def __init__(self, planner: Planner) -> None:
        self.__dict__.update(planner.__dict__)

    def prepare(
        self,
        operation: Operation,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        idempotent: bool | None = None,  # noqa: ARG002 - no rule of this library applies
        send: Send | None = None,
    ) -> Call:
        return self.as_given(operation, send, args, kwargs)


class _ForkedPlanner(Planner):
    def __init__(self, planner: Planner, first_use: Callable[[], Planner]) -> None:
        self.__dict__.update(planner.__dict__)
        self._first_use = first_use

    def prepare(
        self,
        operation: Operation,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        idempotent: bool | None = None,
        send: Send | None = None,
    ) -> Call:
        planner = self._first_use()
        return planner.prepare(operation, args, kwargs, idempotent=idempotent, send=send)


def _send(call: Call) -> Any:
    return call.plan.send(call.args, call.kwargs, None)


async def _send_async(call: Call) -> Any:
    return await call.plan.send(call.args, call.kwargs, None)
