"""`SystemSettings`: pool, intervals and the client's own breaker, as the SDK has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, Final

from ..errors import ClientConfigError, Problem
from ..model.durations import s_to_ms
from ..model.wording import shown
from .settings import CHECKS, Given

SOURCE: Final = "SystemSettings"


@dataclass(frozen=True, kw_only=True)
class TransactionSettings:
    """How the SDK drives transactions. Only for the SDK's clients.

    Attributes:
        implicit_batch_write_transactions: whether a batch of writes is one transaction where it can be.
        sleep_between_attempts: how long it sleeps between two attempts.
        number_of_attempts: attempts in all.
    """

    implicit_batch_write_transactions: bool | None = None
    sleep_between_attempts: timedelta | None = None
    number_of_attempts: int | None = None


@dataclass(frozen=True, kw_only=True)
class SystemSettings:
    """Settings of a whole cluster, with the SDK's names. What is None is the profile's or the client's.

    Attributes:
        min_connections_per_node: connections that are kept open.
        max_connections_per_node: connections at most.
        conn_pools_per_node: into how many pools they are split.
        wait_for_connection_to_complete: how long opening a connection may take.
        tend_timeout: how long a first contact, or a question of the tend thread, may take.
        login_timeout: how long a login may take.
        max_socket_idle_time: when an unused connection is closed.
        tend_interval: how often nodes are asked.
        num_tend_intervals_in_error_window: the window of the client's own breaker, in tend intervals.
        max_errors_in_error_window: errors at which the client's own breaker opens; 0 for never.
        transactions: how the SDK drives transactions; None for its own way.
        metrics: the SDK's ``MetricsSettings``; None for its own.

    Raises:
        ClientConfigError: values are of the wrong type or out of range. Also a `ValueError`.
    """

    min_connections_per_node: int | None = None
    max_connections_per_node: int | None = None
    conn_pools_per_node: int | None = None
    wait_for_connection_to_complete: timedelta | None = None
    tend_timeout: timedelta | None = None
    login_timeout: timedelta | None = None
    max_socket_idle_time: timedelta | None = None
    tend_interval: timedelta | None = None
    num_tend_intervals_in_error_window: int | None = None
    max_errors_in_error_window: int | None = None
    transactions: TransactionSettings | None = None
    metrics: Any = None

    def __post_init__(self) -> None:
        described(self)


NAMES: Final[Mapping[str, str]] = {
    "min_connections_per_node": "min_conns_per_node",
    "max_connections_per_node": "max_conns_per_node",
    "conn_pools_per_node": "conn_pools_per_node",
    "wait_for_connection_to_complete": "wait_for_connection_to_complete",
    "tend_timeout": "timeout",
    "login_timeout": "login_timeout",
    "max_socket_idle_time": "max_socket_idle",
    "tend_interval": "tend_interval",
    "num_tend_intervals_in_error_window": "error_rate_window",
    "max_errors_in_error_window": "max_error_rate",
}
"""The setting of each field."""

_DURATIONS: Final = frozenset(
    "wait_for_connection_to_complete tend_timeout login_timeout max_socket_idle_time tend_interval".split()
)


def described(settings: Any) -> dict[str, Given]:
    """Return the settings that are given, by their names.

    Args:
        settings: a `SystemSettings`, or the SDK's own.

    Raises:
        ClientConfigError: values are of the wrong type or out of range.
        TypeError: it is neither.
    """
    if not all(hasattr(settings, name) for name in NAMES):
        raise TypeError(f"with_system_settings() takes a SystemSettings, not {shown(settings)}")
    found: dict[str, Given] = {}
    problems = list(_read(settings, found))
    least, most = (settings.min_connections_per_node, settings.max_connections_per_node)
    if not problems and least is not None and most is not None and least > most:
        problems.append(
            Problem(
                *(SOURCE, 0, 0, "min_connections_per_node"),
                f"{least} is more than max_connections_per_node, {most}",
            )
        )
    if problems:
        raise ClientConfigError(problems)
    return found


def _read(settings: Any, found: dict[str, Given]) -> Iterator[Problem]:
    for name, setting in NAMES.items():
        value = getattr(settings, name)
        if value is None:
            continue
        if name in _DURATIONS:
            if not isinstance(value, timedelta):
                yield Problem(SOURCE, 0, 0, name, f"a timedelta is needed, not {shown(value)}")
                continue
            value = s_to_ms(value.total_seconds())
        if problem := CHECKS[setting](value):
            yield Problem(SOURCE, 0, 0, name, problem)
        else:
            found[setting] = Given(value, f"{SOURCE}: {name}")
    for name in ("transactions", "metrics"):
        value = getattr(settings, name, None)
        if value is not None and _says_something(value):
            found[name] = Given(value, f"{SOURCE}: {name}")


def _says_something(value: Any) -> bool:
    """Return whether any field is set: the SDK's settings hold empty ones by default."""
    names = [one.name for one in fields(value)] if hasattr(value, "__dataclass_fields__") else []
    return not names or any(getattr(value, name) is not None for name in names)
