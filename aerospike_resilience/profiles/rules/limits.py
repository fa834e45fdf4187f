"""Rules on the breakers and connections."""

from __future__ import annotations

from typing import Final

from ...model.durations import s_to_ms
from .subject import Found, Subject

MIN_SILENCE_S: Final = 0.1

SERVER_IDLE_S: Final = 60.0
"""The server's own ``proto-fd-idle-ms``."""

WIDE: Final = 10_000
"""From this ``max_error_rate`` on the client's own breaker does not interfere; see docs/demo.md."""

NATIVE_RATE: Final = 100
"""The clients' own ``max_error_rate``."""

LEAST_TEND_S: Final = 0.25


def nervous(subject: Subject) -> Found:
    """``breaker.silence`` so short that a busy node is taken for a dead one."""
    profile = subject.profile
    if profile.breaker.mode == "enforce" and profile.breaker.silence_s < MIN_SILENCE_S:
        yield (
            profile.origin("breaker.silence"),
            f"a node that pauses for {s_to_ms(profile.breaker.silence_s):.0f} ms, as a busy one does, has "
            "its writes refused",
            "breaker.silence of 100ms or more",
        )


def everything_open(subject: Subject) -> Found:
    """``max_open_share: 1``."""
    profile = subject.profile
    if profile.breaker.mode == "enforce" and profile.breaker.max_open_share >= 1:
        yield (
            profile.origin("breaker.max_open_share"),
            "a fault of our own network opens every node, and the service refuses what it could still send",
            "breaker.max_open_share of 0.5 or less",
        )


def narrow_native_breaker(subject: Subject) -> Found:
    """The client's own breaker is so narrow that it blocks healthy nodes."""
    profile = subject.profile
    if profile.breaker.mode != "enforce" or "connection.max_error_rate" in subject.client.cannot:
        return
    given = profile.connection.max_error_rate
    rate = NATIVE_RATE if given is None else given
    if 0 < rate < WIDE:
        yield (
            profile.origin("connection.max_error_rate"),
            f"the client's own breaker refuses a node after {rate} errors. It counts reads that left a "
            "slow node early and writes that waited for a stalled replica, so it refuses healthy nodes",
            f"connection.max_error_rate: {WIDE} with error_rate_window: 100, and the same in the client's "
            "configuration",
        )


def reset_native_breaker(subject: Subject) -> Found:
    """``max_error_rate / error_rate_window`` outside of 1 to 100, which the C client resets."""
    connection = subject.profile.connection
    if connection.max_error_rate is None and connection.error_rate_window is None:
        return
    rate = NATIVE_RATE if connection.max_error_rate is None else connection.max_error_rate
    window = 1 if connection.error_rate_window is None else connection.error_rate_window
    if not window or not 1 <= rate / window <= 100:
        key = "max_error_rate" if connection.max_error_rate is not None else "error_rate_window"
        yield (
            subject.profile.origin(f"connection.{key}"),
            f"{rate} errors in {window} tends: outside of 1 to 100 errors a tend the C client uses 100 "
            "errors and 1 tend instead; 0 does not switch its breaker off",
            f"a ratio of 1 to 100, such as max_error_rate: {WIDE} with error_rate_window: 100",
        )


def idle_too_long(subject: Subject) -> Found:
    """``max_socket_idle`` of 60 s or more, the server's own ``proto-fd-idle-ms``."""
    idle_s = subject.profile.connection.max_socket_idle_s
    if idle_s is not None and idle_s >= SERVER_IDLE_S:
        yield (
            subject.profile.origin("connection.max_socket_idle"),
            f"the server closes a connection that was idle for {SERVER_IDLE_S:.0f} s (proto-fd-idle-ms), "
            "so the first calls after a quiet time go out on closed connections and fail",
            "max_socket_idle: 55s, or below the server's own value",
        )


def no_room(subject: Subject) -> Found:
    """``min_conns_per_node`` above ``max_conns_per_node``."""
    connection = subject.profile.connection
    least, most = connection.min_conns_per_node, connection.max_conns_per_node
    if least is not None and most is not None and least > most:
        yield (
            subject.profile.origin("connection.min_conns_per_node"),
            f"min_conns_per_node ({least}) is above max_conns_per_node ({most}): a client configured "
            "so refuses to connect",
            f"min_conns_per_node of at most {most}",
        )


def hasty_tend(subject: Subject) -> Found:
    """``tend_interval`` below 250 ms."""
    tend_s = subject.profile.connection.tend_interval_s
    if tend_s < LEAST_TEND_S:
        yield (
            subject.profile.origin("connection.tend_interval"),
            f"tends every {s_to_ms(tend_s):.0f} ms, where the C client refuses less than 250 ms: its "
            "windows and ours drift apart",
            "tend_interval of 250ms or more",
        )


def isolates_in_vain(subject: Subject) -> Found:
    """``breaker.isolate`` under ``mode: off``, in which no call is kept away from any node."""
    breaker = subject.profile.breaker
    if breaker.mode == "off" and breaker.isolate:
        yield (
            subject.profile.origin("breaker.isolate"),
            f"nothing is kept away from {', '.join(breaker.isolate)}: breaker.mode is off",
            "breaker.mode: enforce, or shadow, in which isolation alone counts",
        )
