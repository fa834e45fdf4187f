"""Providers: the tracer and the meter of this library, where an SDK takes what they make.

`OTEL_SDK_DISABLED` makes an SDK's providers hand out no-op tracers and meters, so nobody listens there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import metadata
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.metrics import Meter, MeterProvider, NoOpMeter
from opentelemetry.trace import NoOpTracer, Tracer, TracerProvider

from .names import DURATION_BUCKETS_S, is_live
from .registry import DURATION, METRICS, SCHEMA_URL, SCOPE


@cache
def version() -> str:
    """Return the version of this library, for the scope of spans and metrics."""
    try:
        return metadata.version("aerospike-resilience")
    except metadata.PackageNotFoundError:  # run from a directory that is not installed
        return ""


def tracer(provider: TracerProvider | None) -> Tracer | None:
    """Return the tracer of a provider; None where nobody takes spans.

    Args:
        provider: None for the global one.
    """
    provider = provider or trace.get_tracer_provider()
    if not is_live(provider):
        return None
    made = provider.get_tracer(SCOPE, version(), schema_url=SCHEMA_URL)
    return None if isinstance(made, NoOpTracer) else made


def meter(provider: MeterProvider | None) -> Meter | None:
    """Return the meter of a provider; None where nobody takes metrics.

    Args:
        provider: None for the global one.
    """
    provider = provider or metrics.get_meter_provider()
    if not is_live(provider):
        return None
    made = provider.get_meter(SCOPE, version(), schema_url=SCHEMA_URL)
    return None if isinstance(made, NoOpMeter) else made


def duration_recorder(
    provider: MeterProvider | None,
) -> Callable[[float, Mapping[str, Any]], None] | None:
    """Return what takes the durations of operations, in seconds; None where nobody takes metrics.

    Args:
        provider: None for the global one.
    """
    made = meter(provider)
    if made is None:
        return None
    known = METRICS[DURATION]
    histogram = made.create_histogram(
        DURATION,
        unit=known.unit,
        description=known.description,
        explicit_bucket_boundaries_advisory=DURATION_BUCKETS_S,
    )
    return histogram.record
