"""Rules on breaker settings that have no effect because of other settings."""

from __future__ import annotations

from ...model.durations import s_to_ms
from ...model.operation import Shape
from .subject import Found, Subject, side, value


def never_slow(subject: Subject) -> Found:
    """``slow_call_duration`` that single records never reach, as they time out before."""
    breaker = subject.profile.breaker
    if breaker.mode == "off" or breaker.slow_call_rate is None:
        return
    slow_ms = s_to_ms(breaker.slow_call_duration_s)
    longest: dict[str, int] = {}
    for operation, _retryable, found in subject.resolved:
        total, socket = value(found, "total_timeout"), value(found, "socket_timeout")
        limits = [limit for limit in (total, socket) if limit]
        if operation.shape is Shape.POINT and limits and "total_timeout" in found:
            longest[side(operation)] = max(longest.get(side(operation), 0), min(limits))
    for who, limit in longest.items():
        if slow_ms >= limit:
            yield (
                subject.profile.origin("breaker.slow_call_duration"),
                f"{who} wait at most {limit} ms for a node, so none of them is ever counted as slow "
                f"(from {slow_ms:.0f} ms on)",
                f"slow_call_duration below {limit} ms",
            )


def rate_after_count(subject: Subject) -> Found:
    """``failure_rate`` of ``minimum_calls`` above ``max_error_rate``, which opens the node before."""
    profile, breaker = subject.profile, subject.profile.breaker
    if breaker.mode == "off" or breaker.failure_rate is None:
        return
    least = breaker.failure_rate * breaker.minimum_calls
    if 0 < breaker.max_error_rate < least:
        most = int(breaker.max_error_rate / breaker.failure_rate)
        yield (
            profile.origin("breaker.failure_rate"),
            f"{breaker.failure_rate:.0%} of {breaker.minimum_calls} calls are {least:.0f} errors, and a "
            f"node opens after {breaker.max_error_rate} in any case, so failure_rate has no effect",
            f"minimum_calls of at most {most}, or a higher max_error_rate",
        )
