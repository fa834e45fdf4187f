"""The runtime of a client that is about to be closed: calls under way end, new ones are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ClientClosedError
from ..model.call import Call
from ..model.identity import ClientIdentity
from ..model.operation import Operation
from ..model.plan import Send
from .compiled import Runtime
from .fast.lane import Lane
from .planner import Planner


class ClosingRuntime(Runtime):
    """Refuses every call.

    Args:
        runtime: the runtime that was in force.
        identity: the client.
    """

    __slots__ = ()

    def __init__(self, runtime: Runtime, identity: ClientIdentity) -> None:
        self.profile, self.plans, self.telemetry = runtime.profile, runtime.plans, runtime.telemetry
        self.planner = _RefusingPlanner(runtime.planner, identity, self.telemetry.refused)
        self.plain = False
        self.lane = Lane((), self.plans)


class _RefusingPlanner(Planner):
    def __init__(
        self,
        planner: Planner,
        identity: ClientIdentity,
        tell: Callable[[Call, Exception], None],
    ) -> None:
        self.__dict__.update(planner.__dict__)
        self._identity = identity
        self._tell = tell

    def prepare(
        self,
        operation: Operation,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        idempotent: bool | None = None,  # noqa: ARG002
        send: Send | None = None,
    ) -> Call:
        self._on_refusal("closed", None)
        error: ClientClosedError = self._identity.error(
            ClientClosedError, f"{operation.name}: the client is about to be closed: close(drain=…)"
        )
        call = self.as_given(operation, send, args, kwargs)
        if operation.key:
            call.key = operation.bind(args, kwargs).get(operation.key)
        self._tell(call, error)
        raise error
