"""The shape of an interceptor, and how the shipped ones are linked."""

from __future__ import annotations

import abc
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeAlias, runtime_checkable

from ..model.call import Call

Proceed: TypeAlias = Callable[[Call], Any]
"""The rest of the chain: makes the call, returns its result or raises."""

ProceedAsync: TypeAlias = Callable[[Call], Awaitable[Any]]
"""The rest of the chain, for clients whose methods are awaited."""

LinkedAsync: TypeAlias = Callable[[Call], Coroutine[Any, Any, Any]]
"""A link and the rest of the chain behind it, for clients whose methods are awaited."""


@runtime_checkable
class Interceptor(Protocol):
    """A link of a chain. An application's own interceptor has this shape and may be placed anywhere.

    An interceptor calls `proceed` as often as it likes and returns what the operation is to return,
    or raises. It keeps the state of one call on the `Call`, not on itself.
    """

    def around(self, call: Call, proceed: Proceed) -> Any:
        """Drive a call of a client whose methods block."""
        ...

    async def around_async(self, call: Call, proceed: ProceedAsync) -> Any:
        """Drive a call of a client whose methods are awaited."""
        ...


class Link(abc.ABC):
    """A shipped interceptor. It gets the rest of the chain at build time, so a call costs one frame a link.

    `link` and `link_async` are twins: they make the same decisions around the rest of the chain. A test
    compares their code (tests/interceptors/test_twins.py).
    """

    __slots__ = ()

    @abc.abstractmethod
    def link(self, proceed: Proceed) -> Proceed:
        """Return this link with the rest of the chain behind it."""

    @abc.abstractmethod
    def link_async(self, proceed: ProceedAsync) -> LinkedAsync:
        """Return the same for clients whose methods are awaited."""

    def around(self, call: Call, proceed: Proceed) -> Any:
        """Drive a call, as any `Interceptor`."""
        return self.link(proceed)(call)

    async def around_async(self, call: Call, proceed: ProceedAsync) -> Any:
        """Drive a call, as any `Interceptor`."""
        return await self.link_async(proceed)(call)
