"""The chain: interceptors, outermost first, linked once into one callable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..interceptors import Interceptor, Proceed, ProceedAsync
from ..model.call import Call


def link(interceptors: Sequence[Interceptor], send: Proceed) -> Proceed:
    """Link interceptors around a native call that blocks."""
    head = send
    for interceptor in reversed(interceptors):
        head = _around(interceptor, head)
    return head


def link_async(interceptors: Sequence[Interceptor], send: ProceedAsync) -> ProceedAsync:
    """Link interceptors around a native call that is awaited; what is linked returns a coroutine."""

    async def alone(call: Call) -> Any:
        return await send(call)

    head = send if interceptors else alone
    for interceptor in reversed(interceptors):
        head = _around_async(interceptor, head)
    return head


def _around(interceptor: Interceptor, proceed: Proceed) -> Proceed:
    around = interceptor.around

    def linked(call: Call) -> Any:
        return around(call, proceed)

    return linked


def _around_async(interceptor: Interceptor, proceed: ProceedAsync) -> ProceedAsync:
    around = interceptor.around_async

    def linked(call: Call) -> Any:
        return around(call, proceed)  # a coroutine: it needs no frame of ours to be awaited

    return linked
