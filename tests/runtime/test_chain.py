"""The chain: its order, an application's own places in it, and what a traceback shows of it."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aerospike
import pytest

import aerospike_resilience
from aerospike_resilience import CHAIN_ORDER, deadline, resilient
from aerospike_resilience.interceptors import (
    Backpressure,
    Breaker,
    Deadline,
    Foresight,
    NativeAttempt,
    Recorder,
    Retry,
)
from aerospike_resilience.interceptors.telemetry import Telemetry
from aerospike_resilience.runtime.chain import arranged
from tests.patience import NEVER_LATE

KEY = ("test", "demo", 1)
OURS = aerospike_resilience.__path__[0]


class Passing:
    """An interceptor that does nothing."""

    def around(self, call, proceed):
        return proceed(call)

    async def around_async(self, call, proceed):
        return await proceed(call)


def chain_of(bare, profile="latency", **options):
    """The interceptors that run for a client."""
    seen = []

    def look(chain):
        seen[:] = chain
        return chain

    resilient(bare, profile, arrange=look, **options).resilience.close()
    return seen


def test_the_order_is_public_and_is_that_of_the_chain(bare):
    chain = chain_of(bare, overrides={"telemetry": {"last_call": True}})

    assert (
        *("telemetry", "recorder", "deadline", "fallback"),
        *("retry", "gate", "breaker", "attempt"),
    ) == CHAIN_ORDER
    assert [type(one) for one in chain] == [
        Recorder,
        Deadline,
        Retry,
        Backpressure,
        Breaker,
        NativeAttempt,
    ]
    assert Telemetry not in map(type, chain)  # no SDK is configured


@pytest.mark.parametrize("place", CHAIN_ORDER)
def test_an_own_interceptor_stands_before_its_place_whatever_the_profile_switches_off(bare, place):
    def at(profile):
        own = Passing()
        chain = chain_of(bare, profile, interceptors=[("before", place, own)])
        return [type(one) for one in chain], chain.index(own)

    order = (Telemetry, Recorder, Deadline, None, Retry, Backpressure, Breaker, NativeAttempt)
    behind = {kind for kind in order[CHAIN_ORDER.index(place) :] if kind is not None}
    if Backpressure in behind:
        behind.add(Foresight)  # it stands where the gate does
    for profile in ("latency", "observe"):
        kinds, index = at(profile)
        assert set(kinds[index + 1 :]) <= behind
        assert not set(kinds[:index]) & behind


def test_one_may_stand_after_a_place_and_several_run_in_the_order_given(bare):
    first, second, third = Passing(), Passing(), Passing()
    chain = chain_of(
        bare,
        interceptors=[
            ("after", "retry", first),
            ("before", "gate", second),
            ("after", "retry", third),
        ],
    )

    kinds = [type(one) for one in chain]
    at = kinds.index(Retry)
    assert chain[at + 1 : at + 4] == [first, third, second]


def test_the_attempt_ends_the_chain_wherever_it_is_put(bare):
    own = Passing()
    ran = []

    class Look(Passing):
        def around(self, call, proceed):
            ran.append(call.plan.operation.name)
            return proceed(call)

    client = resilient(
        bare, "latency", arrange=lambda chain: [*chain, own, Look()], overrides=NEVER_LATE
    )
    client.put(KEY, {"n": 1})
    client.resilience.close()

    assert ran == ["put"]
    attempt = object.__new__(NativeAttempt)
    assert arranged([("attempt", [attempt])], (), lambda chain: [*chain, own]) == [own, attempt]


def test_the_attempt_stays_in_a_chain_that_leaves_it_out(bare):
    client = resilient(bare, "latency", arrange=lambda chain: [], overrides=NEVER_LATE)
    client.put(KEY, {"n": 1})

    assert client.get(KEY)[2] == {"n": 1}
    client.resilience.close()


def function(call, proceed):
    return proceed(call)


class WithoutAround:
    async def around_async(self, call, proceed):
        return await proceed(call)


class WithoutAwaited:
    def around(self, call, proceed):
        return proceed(call)


class AwaitedOnly(Passing):
    async def around(self, call, proceed):
        return proceed(call)


class Twice(Passing):
    around = "not a method"


WRONG = {
    "a function": (function, "lacks around"),
    "None": (None, "lacks around"),
    "a class": (Passing, "not the class itself"),
    "one without around": (WithoutAround(), "lacks around\\("),
    "one without around_async": (WithoutAwaited(), "lacks around_async"),
    "one whose around is awaited": (AwaitedOnly(), "must not be a coroutine function"),
    "one whose around cannot be called": (Twice(), "lacks around"),
}


@pytest.mark.parametrize(("wrong", "says"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("by", ["arrange", "interceptors"])
def test_what_is_no_interceptor_is_refused_when_the_client_is_wrapped(bare, by, wrong, says):
    options = {
        "arrange": {"arrange": lambda chain: [wrong, *chain]},
        "interceptors": {"interceptors": [("before", "retry", wrong)]},
    }[by]

    with pytest.raises(TypeError, match=says):
        resilient(bare, "latency", **options)


@pytest.mark.parametrize(
    ("arrange", "says"),
    [
        (lambda chain: None, "must return the interceptors"),
        (lambda chain: "chain", "must return the interceptors"),
        (lambda chain: [*chain, chain[0]], "Deadline twice"),
    ],
)
def test_an_arrangement_that_is_no_chain_is_refused(bare, arrange, says):
    with pytest.raises(TypeError, match=says):
        resilient(bare, "latency", arrange=arrange)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([("beside", "retry", Passing())], "'before' or 'after'"),
        ([("before", "rerty", Passing())], "no place in the chain"),
        ([("after", "attempt", Passing())], "nothing stands after the attempt"),
        ([Passing()], "takes places such as"),
        (Passing(), "takes a list of places"),
        ("retry", "takes a list of places"),
    ],
)
def test_a_place_that_is_none_is_refused(bare, given, says):
    with pytest.raises(TypeError, match=says):
        resilient(bare, "latency", interceptors=given)


def test_a_call_costs_one_frame_a_link(bare):
    frames = []

    class Standin:
        def __init__(self, client):
            self._client = client

        def __getattr__(self, name):
            return getattr(self._client, name)

        def get(self, key, policy=None):
            frames[:] = [one for one in inspect.stack() if one.filename.startswith(OURS)]
            return self._client.get(key, policy)

    client = resilient(Standin(bare), "latency", adapter="aerospike", overrides=NEVER_LATE)
    client.put(KEY, {"n": 1})
    client.get(KEY)
    client.resilience.close()

    # The proxy's method, the operation, a frame for each of five links, the adapter's call.
    assert len(frames) <= 8, [one.function for one in frames]


NOBODY = ("test", "demo", "nobody")


def _refused(client: Any) -> None:
    with deadline(0):
        client.get(NOBODY)


def _in_a_block(client: Any) -> None:
    with client.resilience.using("durable", overrides=NEVER_LATE):
        client.get(NOBODY)


FAILING: dict[str, Callable[[Any], Any]] = {
    "fused": lambda client: client.get(NOBODY),
    "with a policy": lambda client: client.get(NOBODY, {"total_timeout": 60_001}),
    "by keyword": lambda client: client.get(key=NOBODY),
    "in a block": _in_a_block,
    "refused by a deadline": _refused,
    "a batch": lambda client: client.batch_write(3),
    "a query": lambda client: client.query("nosuch", "demo").results(),
    "a callback": lambda client: client.scan("nosuch", "demo").foreach(lambda _record: None),
}


@pytest.mark.parametrize("form", FAILING)
def test_a_traceback_shows_the_clients_frames_and_at_most_two_of_ours(client, form):
    with pytest.raises(aerospike.exception.AerospikeError) as caught:
        FAILING[form](client)

    ours = [
        frame.name
        for frame in traceback.extract_tb(caught.value.__traceback__)
        if frame.filename.startswith(OURS)
    ]
    assert len(ours) <= 2, ours


def test_an_error_that_is_no_error_of_the_clients_classes_is_as_short(bare):
    class Refusing:
        def __init__(self, client):
            self._client = client

        def __getattr__(self, name):
            return getattr(self._client, name)

        def batch_read(self, *_args, policy=None):
            raise RuntimeError("not connected")

    client = resilient(Refusing(bare), "latency", adapter="aerospike")
    with pytest.raises(RuntimeError) as caught:
        client.batch_read([NOBODY])
    client.resilience.close()

    names = [Path(one.filename).name for one in traceback.extract_tb(caught.value.__traceback__)]
    assert names == [Path(__file__).name, "proxy.py", "chain.py", Path(__file__).name]


def test_a_mistake_of_this_library_keeps_its_frames(client, monkeypatch):
    monkeypatch.setattr(
        "aerospike_resilience.interceptors.retry.retry.Retry._around_batch", lambda _self: None
    )
    with pytest.raises(TypeError) as caught, client.resilience.using("durable"):
        client.batch_read([NOBODY])

    names = [Path(one.filename).name for one in traceback.extract_tb(caught.value.__traceback__)]
    assert "retry.py" in names
