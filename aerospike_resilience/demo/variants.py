"""The four ways to use the client, each with its exact configuration."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import aerospike
import pybreaker
import tenacity
from aerospike import exception

from .. import resilient
from ..rehearsal.experiment import Hosts, Ready, Variant

TOTAL_TIMEOUT_MS: Final = 500
_POOL: Final = {"max_conns_per_node": 300}

_WIDE_NATIVE_BREAKER: Final = {"max_error_rate": 10_000, "error_rate_window": 100}
"""As wide as the client allows (a ratio of 100): its breaker counts reads that left a node early, and then
blocks the node for writes too. The library's breaker decides instead."""


def _connect(hosts: Hosts, policy: dict[str, int], **config: Any) -> Any:
    kinds = ("read", "write", "operate", "remove", "batch")
    policies = {kind: {"total_timeout": TOTAL_TIMEOUT_MS, **policy} for kind in kinds}
    return aerospike.client({"hosts": hosts, "policies": policies, **_POOL, **config})


def _unwatched(client: Any, bare: Any) -> Ready:
    """Return a client whose nodes have no breakers to watch."""
    return Ready(client, bare, TOTAL_TIMEOUT_MS / 1000, close=bare.close)


def _bare(hosts: Hosts) -> Ready:
    client = _connect(hosts, {})
    return _unwatched(client, client)


def _tuned(hosts: Hosts) -> Ready:
    client = _connect(hosts, {"socket_timeout": 5, "max_retries": 2, "timeout_delay": 0})
    return _unwatched(client, client)


def _stacked(hosts: Hosts) -> Ready:
    bare = _connect(hosts, {"max_retries": 0, "socket_timeout": 100, "timeout_delay": 0})
    breaker = pybreaker.CircuitBreaker(fail_max=20, reset_timeout=1)
    permits = threading.BoundedSemaphore(256)
    transient = (exception.TimeoutError, exception.ClientError, exception.ClusterError)
    retry = tenacity.retry(
        retry=tenacity.retry_if_exception_type(transient),
        stop=tenacity.stop_after_attempt(3) | tenacity.stop_after_delay(TOTAL_TIMEOUT_MS / 1000),
        wait=tenacity.wait_random_exponential(multiplier=0.005, max=0.05),
        reraise=True,
    )

    def protected(method: Callable[..., Any]) -> Callable[..., Any]:
        def once(*args: Any) -> Any:
            with permits:
                return breaker.call(method, *args)

        return retry(once)

    class Stack:
        get = staticmethod(protected(bare.get))
        put = staticmethod(protected(bare.put))

    return _unwatched(Stack(), bare)


def _resilient(hosts: Hosts) -> Ready:
    bare = aerospike.client({"hosts": hosts, **_WIDE_NATIVE_BREAKER, **_POOL})
    client: Any = resilient(bare, profile="latency")
    total_timeout_s = client.resilience.explain("get").value("total_timeout") / 1000
    return Ready(
        client,
        bare,
        total_timeout_s,
        lambda: {name: node["state"] for name, node in client.resilience.nodes.items()},
        close=client.close,
    )


VARIANTS: Final = (
    Variant("bare", "aerospike as it comes", "total_timeout 500 ms", _bare),
    Variant(
        "tuned",
        "natively tuned",
        "total_timeout 500 ms, socket_timeout 5 ms, max_retries 2, timeout_delay 0",
        _tuned,
    ),
    Variant(
        "stack",
        "tenacity + pybreaker + semaphore",
        "native: total_timeout 500 ms, socket_timeout 100 ms, max_retries 0, timeout_delay 0; tenacity: 3 "
        "attempts within 500 ms, random exponential 5 to 50 ms; pybreaker: fail_max 20, reset_timeout "
        "1 s; BoundedSemaphore(256)",
        _stacked,
    ),
    Variant(
        "resilient",
        'resilient(..., "latency")',
        "profile latency as shipped; native breaker wide: max_error_rate 10000, error_rate_window 100",
        _resilient,
    ),
)
