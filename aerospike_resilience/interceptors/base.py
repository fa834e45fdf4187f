"""The shape of an interceptor: one decision, and two thin drivers around the rest of the chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias, runtime_checkable

from ..model.call import Call

Proceed: TypeAlias = Callable[[Call], Any]
"""The rest of the chain: makes the call, returns its result or raises."""

ProceedAsync: TypeAlias = Callable[[Call], Awaitable[Any]]
"""The rest of the chain, for clients whose methods are awaited."""


@runtime_checkable
class Interceptor(Protocol):
    """What stands in a chain. A user's own has this shape and may be placed anywhere.

    An interceptor calls `proceed` as often as it likes and returns what the operation is to return,
    or raises. It keeps no state of one call: that is what `Call` is for.
    """

    def around(self, call: Call, proceed: Proceed) -> Any:
        """Drive a call of a client whose methods block."""
        ...

    async def around_async(self, call: Call, proceed: ProceedAsync) -> Any:
        """Drive a call of a client whose methods are awaited."""
        ...
