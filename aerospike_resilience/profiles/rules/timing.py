"""Rules on timeouts, retries and sleeps."""

from __future__ import annotations

from typing import Final

from ...model.durations import s_to_ms
from ...model.operation import Kind, Shape
from .subject import Found, Subject, side, value

LEAST_DELAY_MS: Final = 3000
"""The lowest ``timeout_delay`` besides 0 that the C client's configuration accepts, in milliseconds."""

HASTY_MS: Final = 10
"""An attempt shorter than this ends in any pause of a node that is well."""


def retries_never_happen(subject: Subject) -> Found:
    """``socket_timeout`` above ``total_timeout / (max_retries + 1)``: retries never happen."""
    for operation, _retryable, found in subject.resolved:
        retries, total = value(found, "max_retries"), value(found, "total_timeout")
        socket = value(found, "socket_timeout")
        if retries and total and (not socket or socket > total / (retries + 1)):
            at = found.get("socket_timeout", found["total_timeout"]).origin
            yield (
                at,
                f"{side(operation)} wait {socket or total} ms for one node out of {total} ms in all, so a "
                f"stalled node uses up the time of their {retries} retries",
                f"socket_timeout of at most {total // (retries + 1)} ms",
            )


def no_end(subject: Subject) -> Found:
    """Single records or batches with ``total_timeout: 0`` may wait forever."""
    for operation, _retryable, found in subject.resolved:
        unlimited = "total_timeout" in found and not found["total_timeout"].value
        if unlimited and operation.shape in (Shape.POINT, Shape.BATCH):
            yield (
                found["total_timeout"].origin,
                f"{side(operation)} may wait forever: total_timeout is 0",
                "a total_timeout; 0 is for queries",
            )


def late_sockets(subject: Subject) -> Found:
    """``timeout_delay``: timed-out sockets keep their pool slot while they drain."""
    for _operation, _retryable, found in subject.resolved:
        if value(found, "timeout_delay") >= LEAST_DELAY_MS:
            yield (
                found["timeout_delay"].origin,
                "timed-out sockets keep their pool slot while they drain, so a stalled node empties the "
                "pool (NoMoreConnectionsError)",
                "timeout_delay: 0",
            )


def refused_delay(subject: Subject) -> Found:
    """``timeout_delay`` between 1 and 2999 is refused by the C client's configuration."""
    for _operation, _retryable, found in subject.resolved:
        if 0 < value(found, "timeout_delay") < LEAST_DELAY_MS:
            yield (
                found["timeout_delay"].origin,
                f"timeout_delay: {value(found, 'timeout_delay')} is refused by the C client's "
                "configuration, and in a call it has sockets drained that will not answer any more",
                f"timeout_delay: 0, or {LEAST_DELAY_MS} and more",
            )


def delay_left_to_the_client(subject: Subject) -> Found:
    """``socket_timeout`` without ``timeout_delay``: the C client's own is 3 s."""
    for _operation, _retryable, found in subject.resolved:
        if "timeout_delay" not in found and value(found, "socket_timeout"):
            yield (
                found["socket_timeout"].origin,
                "timeout_delay is left to the client, and the C client's own is 3 s: each socket that this "
                "socket_timeout gives up keeps its pool slot for so long",
                "timeout_delay: 0",
            )


def churned_sockets(subject: Subject) -> Found:
    """``socket_timeout`` below 10 ms with ``timeout_delay: 0``: any pause closes connections."""
    for operation, _retryable, found in subject.resolved:
        wait = value(found, "socket_timeout")
        closes = "timeout_delay" in found and not found["timeout_delay"].value
        if closes and 0 < wait < HASTY_MS:
            yield (
                found["socket_timeout"].origin,
                f"{side(operation)} that wait more than {wait} ms close their connection, so a pause of a "
                "node that is well has every call open a new one there, and counts in the client's own "
                "breaker",
                f"socket_timeout of {HASTY_MS} ms or more; adaptive_timeout leaves early only where a node "
                "is usually faster",
            )


def queue_outlasts(subject: Subject) -> Found:
    """A queue of the gate in which an operation may wait for its whole ``total_timeout``."""
    profile = subject.profile
    queue_ms = s_to_ms(profile.backpressure.operation_queue_timeout_s)
    for operation, _retryable, found in subject.resolved:
        total = value(found, "total_timeout")
        point = operation.shape is Shape.POINT
        if point and profile.backpressure.max_concurrent_operations and total and queue_ms >= total:
            yield (
                profile.origin("backpressure.operation_queue_timeout"),
                f"an operation may queue {queue_ms:.0f} ms of its {total} ms, so what is let through at "
                "last has no time left",
                f"operation_queue_timeout well below {total} ms",
            )
            return


def sleep_outlasts(subject: Subject) -> Found:
    """A backoff that may sleep for the whole ``total_timeout``."""
    profile = subject.profile
    for _operation, _retryable, found in subject.resolved:
        total = value(found, "total_timeout")
        if total and value(found, "max_retries") and s_to_ms(profile.retry.max_sleep_s) >= total:
            yield (
                profile.origin("retry.max_sleep"),
                f"one sleep between attempts may take all of the {total} ms, so retries are given up",
                f"retry.max_sleep well below {total} ms",
            )
            return


def native_sleeps(subject: Subject) -> Found:
    """``sleep_between_retries`` that uses up ``total_timeout``."""
    for operation, _retryable, found in subject.resolved:
        total, retries = value(found, "total_timeout"), value(found, "max_retries")
        slept = value(found, "sleep_between_retries") * retries
        if total and slept >= total:
            yield (
                found["sleep_between_retries"].origin,
                f"{side(operation)} may sleep {slept} ms of their {total} ms between {retries} retries, so "
                "the last of them never happens",
                f"sleep_between_retries well below {total // (retries + 1)} ms",
            )


def never_hurried(subject: Subject) -> Found:
    """``adaptive_timeout`` on reads that make one attempt only."""
    profile = subject.profile
    if profile.adaptive_timeout is None:
        return
    for operation, _retryable, found in subject.resolved:
        retries = value(found, "max_retries")
        reads = operation.kind is Kind.READ and operation.shape is Shape.POINT
        if reads and retries <= profile.retry.native_failover:
            yield (
                found["max_retries"].origin
                if "max_retries" in found
                else profile.origin("adaptive_timeout"),
                f"with {retries} retries a read makes one attempt, which must be patient, so "
                "adaptive_timeout changes nothing while all is well",
                f"max_retries of at least {profile.retry.native_failover + 2}, or no adaptive_timeout",
            )
            return


def adaptive_bounds(subject: Subject) -> Found:
    """``adaptive_timeout.min`` above ``max``."""
    profile = subject.profile
    adaptive = profile.adaptive_timeout
    if adaptive is not None and adaptive.min_s > adaptive.max_s:
        yield (
            profile.origin("adaptive_timeout.min"),
            f"adaptive_timeout.min ({s_to_ms(adaptive.min_s):.0f} ms) is above max "
            f"({s_to_ms(adaptive.max_s):.0f} ms)",
            "min below max",
        )
