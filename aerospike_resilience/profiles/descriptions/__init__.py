"""Descriptions: what every key of a policy file means, with an example, for editors."""

from collections.abc import Mapping
from typing import Final

from . import connection, own, policy
from .entry import Entries

DESCRIPTIONS: Final[Mapping[str, Entries]] = {
    "PolicyFile": own.HEAD,
    "RolloutSection": own.ROLLOUT,
    "PolicyFields": policy.FIELDS,
    "Scopes": policy.SCOPES,
    "ConnectionSection": connection.CONNECTION,
    "SharedMemorySection": connection.SHARED_MEMORY,
    "RetrySection": own.RETRY,
    "BudgetSection": own.BUDGET,
    "AdaptiveTimeoutSection": own.ADAPTIVE_TIMEOUT,
    "BreakerSection": own.BREAKER,
    "BackpressureSection": own.BACKPRESSURE,
    "TelemetrySection": own.TELEMETRY,
    "LintSection": own.LINT,
}
"""By the section's class in `schema`, then by key."""

__all__ = ["DESCRIPTIONS", "Entries"]
