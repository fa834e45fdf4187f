"""Listening: whether a call needs a span, where the answer is known before one is made.

Who takes spans at all is asked when a chain is built (`providers`). What is asked for each call is only
what no earlier answer can say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .current import SPAN_KEY, get_current, is_suppressed

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


class SpanFilter:
    """Says, for one tracer, whether a call needs a span at all.

    Call it before the attributes of a span are put together: it costs a tenth of a span that is made in
    order to be dropped. Where it returns False, the current context is the right one for the call as it
    is.

    Args:
        tracer: the tracer.
    """

    __slots__ = ("_drops_all", "_drops_local", "_drops_remote")

    def __init__(self, tracer: Tracer) -> None:
        sampler = getattr(tracer, "sampler", None)
        self._drops_local = _drops(sampler, "_local_parent_not_sampled")
        self._drops_remote = _drops(sampler, "_remote_parent_not_sampled")
        self._drops_all = self._drops_local and self._drops_remote

    def wants(self) -> bool:
        """Return whether a span is to be started: False if it is known to be dropped, or suppressed."""
        current = get_current()
        if not current:
            return True
        parent: Any = current.get(SPAN_KEY)
        # Where the parent is alone in the context, nothing else is said there.
        if (parent is None or len(current) > 1) and is_suppressed(current):
            return False
        if parent is None:
            return True
        of_parent = parent.get_span_context()
        if of_parent.trace_flags & 1 or not of_parent.is_valid:
            return True
        if self._drops_all:
            return False
        return not (self._drops_remote if of_parent.is_remote else self._drops_local)


def _drops(sampler: Any, part: str) -> bool:
    """Return whether a sampler drops each span whose parent is valid and not sampled.

    The SDK's ``ParentBased`` asks another sampler for it, which drops always unless another was given.
    Every other sampler must be asked, as it may look at attributes.
    """
    try:
        from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
    except ImportError:
        return False
    follows = (
        isinstance(sampler, ParentBased)
        and type(sampler).should_sample is ParentBased.should_sample
    )
    return follows and getattr(sampler, part, None) is ALWAYS_OFF
