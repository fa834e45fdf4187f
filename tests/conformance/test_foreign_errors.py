"""What the client did not raise is not judged as its answer; what a stream raises is."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from tests.conformance.surfaces import CClient, NativeAsync, NativeBlocking, PyClient, SdkBlocking
from tests.conformance.surfaces import native as aerospike_native
from tests.patience import NEVER_LATE

BLOCKING = (CClient, PyClient, NativeBlocking, SdkBlocking)


class TimeIsUpError(Exception):
    """The application's own."""


@pytest.fixture(params=BLOCKING, ids=lambda client: client.name)
def surface(request, healthy):
    surface = request.param(healthy)
    surface.open(profile="durable", overrides=NEVER_LATE)
    for number in range(3):
        surface.put(number, {"n": 0})
    yield surface
    healthy.clear_faults()
    surface.close()


@pytest.fixture
def interrupted(healthy):
    """Makes a call, into which a signal handler raises once its request is on the wire."""

    def time_is_up(*_):
        raise TimeIsUpError

    before = signal.signal(signal.SIGUSR1, time_is_up)

    def run(call):
        sent, ended = healthy.requests("data"), threading.Event()

        def interrupt():
            while healthy.requests("data") == sent and not ended.wait(0.005):
                pass
            os.kill(os.getpid(), signal.SIGUSR1)

        thread = threading.Thread(target=interrupt)
        with healthy.inject(op="data", latency="300ms"):
            thread.start()
            try:
                call()
                time.sleep(0)  # a signal that came with the answer strikes here
            except Exception as error:
                return error if isinstance(error, TimeIsUpError) else error.__cause__
            finally:
                ended.set()
                thread.join()
        return None

    yield run
    signal.signal(signal.SIGUSR1, before)


CALLS = {
    "increment": lambda surface: surface.increment(1),
    "put": lambda surface: surface.put(1, {"n": 1}),
    "batch": lambda surface: surface.batch_put([0, 1, 2]),
}


@pytest.mark.parametrize("call", CALLS)
def test_an_interrupted_write_is_not_said_to_be_unapplied(surface, interrupted, call):
    error = interrupted(lambda: CALLS[call](surface))

    if error is not None:  # some clients come back only with the answer
        assert getattr(error, "in_doubt", "unsaid") in (True, "unsaid")
        assert not hasattr(error, "attempts")
    assert {node["state"] for node in surface.resilience.nodes.values()} == {"closed"}


def test_the_error_of_a_broken_stream_says_what_was_tried(healthy):
    surface = NativeAsync(healthy)
    surface.open(overrides=NEVER_LATE)
    surface.put(1, {"n": 1})

    async def read():
        statement = aerospike_native.Statement("test", "conformance", None)
        everything = aerospike_native.PartitionFilter.all()
        stream = await surface.client.query(statement, everything)
        return [record async for record in stream]

    with (
        healthy.inject(op=("scan", "query"), code="DEVICE_OVERLOAD"),
        pytest.raises(surface.error) as caught,
    ):
        surface.run(read())
    healthy.clear_faults()
    surface.close()

    (attempt,) = caught.value.attempts
    assert attempt.failure is not None
