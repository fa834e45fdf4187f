"""An interceptor of the application's own cannot break the chain, with any client."""

from __future__ import annotations

import asyncio
import time

import pytest

from aerospike_resilience import CHAIN_ORDER, Failure, FailureKind
from tests.conformance.surfaces import (
    CClient,
    NativeAsync,
    NativeBlocking,
    PyAsyncClient,
    PyClient,
    SdkAsync,
    SdkBlocking,
)

BLOCKING = (CClient, PyClient, NativeBlocking, SdkBlocking)
AWAITED = (PyAsyncClient, NativeAsync, SdkAsync)
CLIENTS = (*BLOCKING, *AWAITED)
PLACES = CHAIN_ORDER
PATIENT = {
    "policy": {
        "all": {"total_timeout": "60s", "socket_timeout": "10s", "max_retries": 3},
    },
    "retry": {"budget": None},
    "adaptive_timeout": None,
}

SLEPT_S, READS = 0.12, 6
"""How long an interceptor sleeps before and after the native call, and how many reads are made."""


class Own:
    """An interceptor that does `before` what it proceeds to; with both ways of calling."""

    def __init__(self):
        self.runs = 0

    def before(self, call):
        """What it does before it proceeds; may raise."""

    def around(self, call, proceed):
        if call.plan.operation.name == "put":
            return proceed(call)
        self.runs += 1
        self.before(call)
        return proceed(call)

    async def around_async(self, call, proceed):
        if call.plan.operation.name == "put":
            return await proceed(call)
        self.runs += 1
        self.before(call)
        return await proceed(call)


class OwnError(Exception):
    """One that the application raises."""


class FrozenError(Exception):
    """One on which nothing can be set."""

    def __setattr__(self, name, value):
        raise AttributeError(f"{name} cannot be set")


@pytest.fixture(params=CLIENTS, ids=lambda client: client.name)
def opened(request, healthy):
    """Opens the client under test with an interceptor at a place; closes it afterwards."""
    surfaces = []

    def open_(place, interceptor, **more):
        surface = request.param(healthy)
        surfaces.append(surface)
        options = {"overrides": PATIENT, **more}
        surface.open(interceptors=[("before", place, interceptor)], **options)
        surface.put("own", {"n": 1})
        return surface

    yield open_
    healthy.clear_faults()
    for surface in surfaces:
        surface.close()


def raised(surface) -> BaseException:
    """What a read raises: the SDK raises one of its own from what the chain raised."""
    try:
        surface.get("own")
    except Exception as error:
        return error
    pytest.fail("nothing was raised")


def chained(error: BaseException | None):
    while error is not None:
        yield error
        error = error.__cause__ if error.__cause__ is not error else None


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("cls", [OwnError, FrozenError, LookupError])
def test_its_own_error_is_the_last_word(healthy, opened, place, cls):
    error = cls("the application's own")

    class Raising(Own):
        def before(self, call):
            raise error

    own = Raising()
    surface = opened(place, own)

    assert error in chained(raised(surface))
    assert own.runs == 1
    assert not hasattr(error, "attempts")
    assert not getattr(error, "__notes__", None)


@pytest.mark.parametrize("place", ["gate", "breaker", "attempt"])
def test_its_own_error_is_not_judged_by_an_earlier_attempt(healthy, opened, place):
    error = OwnError("a mistake in the second attempt")

    class Mistaken(Own):
        def before(self, call):
            if self.runs > 1:
                raise error

    own = Mistaken()
    surface = opened(place, own)
    with healthy.inject(op="get", code="DEVICE_OVERLOAD", count=10):
        found = raised(surface)

    assert error in chained(found)
    assert own.runs == 2


@pytest.mark.parametrize("place", ["retry", "gate", "breaker", "attempt"])
def test_an_error_that_it_makes_of_the_attempts_is_its_own(healthy, opened, place):
    class Translating:
        def around(self, call, proceed):
            try:
                return proceed(call)
            except Exception as error:
                raise OwnError("translated") from error

        async def around_async(self, call, proceed):
            try:
                return await proceed(call)
            except Exception as error:
                raise OwnError("translated") from error

    surface = opened(place, Translating())
    with healthy.inject(op="get", code="DEVICE_OVERLOAD", count=10):
        found = raised(surface)

    assert any(isinstance(one, OwnError) for one in chained(found))


@pytest.mark.parametrize("place", ["breaker", "attempt", "gate"])
def test_an_injected_failure_is_made_good_by_the_next_attempt(healthy, opened, place):
    class Drill(Own):
        def before(self, call):
            if self.runs == 1:
                call.failure = Failure(FailureKind.TIMEOUT, retryable=True)
                raise OwnError("injected")

    drill = Drill()
    surface = opened(place, drill)

    assert surface.get("own") == {"n": 1}
    assert drill.runs == 2


@pytest.mark.parametrize("place", ["breaker", "attempt"])
def test_an_injected_failure_that_does_not_end_uses_up_the_tries(healthy, opened, place):
    error = OwnError("injected")

    class Outage(Own):
        def before(self, call):
            call.failure = Failure(FailureKind.TIMEOUT, retryable=True)
            raise error

    outage = Outage()
    surface = opened(place, outage)

    assert error in chained(raised(surface))
    assert outage.runs == 4
    assert len(error.attempts) == 4


@pytest.mark.parametrize("place", ["telemetry", "deadline", "retry", "gate", "breaker", "attempt"])
def test_proceeding_again_is_bounded_by_the_tries(healthy, opened, place):
    class Again:
        def around(self, call, proceed):
            try:
                return proceed(call)
            except Exception:
                return proceed(call)

        async def around_async(self, call, proceed):
            try:
                return await proceed(call)
            except Exception:
                return await proceed(call)

    surface = opened(place, Again())
    for code in ("DEVICE_OVERLOAD", "KEY_BUSY", "TIMEOUT"):
        before = healthy.requests("get")
        with healthy.inject(op="get", code=code):
            error = raised(surface)
        assert isinstance(error, surface.error), (code, error)
        assert healthy.requests("get") - before <= 4, code


@pytest.mark.parametrize("place", ["deadline", "retry", "gate", "breaker", "attempt"])
def test_a_second_proceed_after_a_success_is_another_try(healthy, opened, place):
    class Twice:
        def around(self, call, proceed):
            proceed(call)
            return proceed(call)

        async def around_async(self, call, proceed):
            await proceed(call)
            return await proceed(call)

    surface = opened(place, Twice())

    assert surface.get("own") == {"n": 1}


TURNS = [
    pytest.param(place, client, id=f"{place}-{client.name}")
    for turn, place in enumerate(["deadline", "retry", "gate", "breaker", "attempt"])
    for client in (BLOCKING[turn % len(BLOCKING)], AWAITED[turn % len(AWAITED)])
]
"""Each place once with a client that blocks and once with an awaited one, and each client in turn. Whose
time it is, the links around the interceptor decide, which are the same for every client."""


@pytest.mark.parametrize(("place", "opened"), TURNS, indirect=["opened"])
def test_its_own_time_is_charged_to_nobody(healthy, opened, place):
    class Slow(Own):
        def around(self, call, proceed):
            time.sleep(SLEPT_S)
            result = proceed(call)
            time.sleep(SLEPT_S)
            return result

        async def around_async(self, call, proceed):
            await asyncio.sleep(SLEPT_S)
            result = await proceed(call)
            await asyncio.sleep(SLEPT_S)
            return result

    settings = {
        **PATIENT,
        "policy": {**PATIENT["policy"], "reads": {"socket_timeout": "100ms"}},
        "breaker": {"slow_call_rate": 1.0, "slow_call_duration": "100ms", "minimum_calls": READS},
    }
    surface = opened(place, Slow(), overrides=settings)
    for _ in range(READS):
        surface.get("own")

    nodes = surface.resilience.nodes.values()
    # Were it charged, every read would count; on a busy machine one or the other may be slow itself.
    assert sum(node["left_early"] for node in nodes) < READS
    assert {node["state"] for node in nodes} == {"closed"}
