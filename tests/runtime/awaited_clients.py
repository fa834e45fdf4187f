"""What the tests of awaited fused calls share: a bare and a wrapped client in a loop of its own."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import time

import pytest

from aerospike_resilience import resilient
from tests.conformance.surfaces import native

KEY = native.Key("test", "fast-awaited", 1)
NOWHERE = native.Key("test", "fast-awaited", 404)
PATIENT = {
    "policy": {"all": {"total_timeout": "60s"}, "reads": {"socket_timeout": "20s"}},
    "retry": {"sleep": 0, "max_sleep": 0, "native_failover": 0},
    "breaker": {"mode": "off"},
    "adaptive_timeout": None,
}
CALLS = {"get": lambda c: c.get(KEY), "exists": lambda c: c.exists(KEY)}
"""`get` crosses as a window of one; `exists` has a future of the client's."""
by_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def in_loop(test):
    """Run a test in an event loop with a bare and a wrapped client; no error may reach the loop."""

    @functools.wraps(test)
    def run(healthy, **kwargs):
        logged = []

        async def main():
            asyncio.get_running_loop().set_exception_handler(
                lambda _loop, context: logged.append(context)
            )
            bare = await native.new_client(native.ClientPolicy(), healthy.seeds)
            client = await connected(healthy)
            await client.put(KEY, {"n": 1})
            try:
                return await test(healthy, bare, client, **kwargs)
            finally:
                healthy.clear_faults()
                await client.close()
                await bare.close()

        asyncio.run(main())
        gc.collect()
        assert not logged

    more = list(inspect.signature(test).parameters)[3:]
    names = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in ("healthy", *more)]
    run.__signature__ = inspect.Signature(names)
    return run


async def connected(cluster, profile="latency", overrides=PATIENT, **more):
    bare = await native.new_client(native.ClientPolicy(), cluster.seeds)
    return resilient(bare, profile, overrides=overrides, **more)


def in_flight(client) -> int:
    return client.resilience.snapshot()["gate"]["in_flight"]


async def soon(condition) -> None:
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends, "not true within a minute"
        await asyncio.sleep(0.005)
