"""The buckets of histograms, and whether an SDK is configured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

DURATION_BUCKETS_S: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Finer than the convention, whose first bucket of 1 ms would hold most of Aerospike's answers."""

RECORD_SIZE_BUCKETS_BYTES: Final = (
    *(64, 256, 1024, 4096, 16384, 65536, 131072, 262144, 524288),
    *(1048576, 2097152, 4194304, 8388608),
)
"""Up to 8 MiB, the most that a server takes for a record; it takes 1 MiB unless told otherwise."""


def is_live(provider: TracerProvider | MeterProvider) -> bool:
    """Return whether an SDK is configured: the API's own providers are placeholders."""
    return not type(provider).__module__.startswith(
        ("opentelemetry.trace", "opentelemetry.metrics")
    )
