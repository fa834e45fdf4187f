"""What a profile says of nodes and gates, as the options of those rooms."""

from __future__ import annotations

from ..interceptors import Bounds, GateOptions
from ..nodes import AdaptiveTimeout, NodeOptions
from ..profiles import Profile


def node_options(profile: Profile) -> NodeOptions:
    """Return the profile's node options."""
    breaker, adaptive, gate = profile.breaker, profile.adaptive_timeout, profile.backpressure
    return NodeOptions(
        max_error_rate=breaker.max_error_rate,
        window_s=breaker.error_rate_window * profile.tend_interval_s,
        tend_interval_s=profile.tend_interval_s,
        half_open_calls=breaker.half_open_calls,
        max_open_share=breaker.max_open_share,
        silence_s=breaker.silence_s,
        failure_rate=breaker.failure_rate,
        slow_call_rate=breaker.slow_call_rate,
        slow_call_s=breaker.slow_call_duration_s,
        minimum_calls=breaker.minimum_calls,
        isolated=frozenset(breaker.isolate),
        batch_on_open=breaker.batch_on_open,
        on_replica_open=breaker.on_replica_open,
        mode=breaker.mode,
        adaptive=None
        if adaptive is None
        else AdaptiveTimeout(adaptive.quantile, adaptive.factor, adaptive.min_s, adaptive.max_s),
        mapped=gate.max_per_node is not None or gate.batch_weight == "nodes",
    )


def gate_options(profile: Profile) -> GateOptions:
    """Return the profile's backpressure options."""
    words = profile.backpressure
    start = words.max_concurrent_operations
    return GateOptions(
        limit=start,
        queue_timeout_s=words.operation_queue_timeout_s,
        order=words.queue,
        batch_weight_cap=words.batch_weight_cap if words.batch_weight == "nodes" else 1,
        max_per_node=words.max_per_node,
        bounds=Bounds(start, min(words.floor, start), max(words.ceiling, start))
        if words.limit == "adaptive"
        else None,
    )
