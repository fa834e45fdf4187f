"""What an error tells of its call: the attempts, whether the write may have been applied, and notes."""

from __future__ import annotations

import pytest

from aerospike_resilience.interceptors import Backoff, Closing, Retry
from aerospike_resilience.model.failure import Failure, FailureKind, Fault
from tests import fakes
from tests.conformance.surfaces import (
    CClient,
    NativeAsync,
    NativeBlocking,
    PyAsyncClient,
    PyClient,
    SdkAsync,
    SdkBlocking,
    aerospike,
    native,
)
from tests.waiting import until

DOUBT = Failure(FailureKind.TIMEOUT, retryable=True, in_doubt=True, fault=Fault.NODE)
CLIENTS = (CClient, PyClient, PyAsyncClient, NativeBlocking, NativeAsync, SdkBlocking, SdkAsync)
RETRYING = {
    "policy": {
        "all": {"total_timeout": "60s", "socket_timeout": "500ms", "max_retries": 2},
        "reads": {"total_timeout": "1s"},
    },
    "breaker": {"mode": "off"},
}


@pytest.fixture(params=CLIENTS, ids=lambda client: client.name)
def surface(request, healthy):
    surface = request.param(healthy)
    surface.open(overrides=RETRYING)
    yield surface
    healthy.clear_faults()
    surface.close()


def own(error: BaseException) -> BaseException:
    """The error that carries the story: the SDK raises one of its own from it."""
    return error if hasattr(error, "attempts") else error.__cause__


def test_a_conflict_that_may_be_the_writes_own_is_in_doubt_for_every_client(healthy, surface):
    surface.remove("doubt")
    with (
        surface.resilience.using(idempotent=True),
        healthy.inject(op="write", answer="drop", count=1),
        pytest.raises(surface.exists_already) as caught,
    ):
        surface.create("doubt", {"n": 1})

    assert caught.value.in_doubt is True
    assert any("may be about this very write" in note for note in own(caught.value).__notes__)


def test_a_write_that_was_refused_is_not_in_doubt_for_any_client(healthy, surface):
    with healthy.inject(op="write", code=18), pytest.raises(surface.error) as caught:
        surface.put("refused", {"n": 1})

    assert own(caught.value).in_doubt is False


def test_an_attempt_names_its_node_and_those_that_hold_the_record(healthy, surface):
    surface.put("named", {"n": 1})
    owners = {node.name for node in healthy.owners("test", "conformance", "named")}

    def first():
        with healthy.inject(op="get", code=18), pytest.raises(surface.error) as caught:
            surface.get("named")
        return own(caught.value).attempts[0]

    until(lambda: first().nodes and first().node)  # some clients tell addresses only when asked
    assert first().node in owners
    assert set(first().nodes) == owners


def test_an_error_made_to_answer_stays_what_it_was(healthy):
    surface = NativeBlocking(healthy)
    surface.open(overrides=RETRYING)
    surface.remove("doubt")
    with (
        surface.resilience.using(idempotent=True),
        healthy.inject(op="write", answer="drop", count=1),
        pytest.raises(native.exceptions.RecordExistsError) as caught,
    ):
        surface.create("doubt", {"n": 1})
    surface.close()

    error = caught.value
    assert type(error).__name__ == "RecordExistsError"
    assert int(error.result_code) == 5
    assert isinstance(error, native.exceptions.ServerError)
    assert str(error).startswith("Error 5")


def test_a_read_of_the_c_client_does_not_answer_for_somebody_elses_write(healthy):
    surface = CClient(healthy)
    surface.open(overrides=RETRYING)
    with healthy.inject(op="get", answer="drop"), pytest.raises(surface.error) as caught:
        surface.get(1)
    with healthy.inject(op="write", answer="drop"), pytest.raises(aerospike.exception.TimeoutError):
        surface.bare.put(
            surface.key(1), {"n": 1}, policy={"socket_timeout": 50, "total_timeout": 60}
        )
    surface.close()

    assert aerospike.exception.TimeoutError.in_doubt  # it is on the class, so on every such error
    assert caught.value.in_doubt is False


def test_an_error_raised_twice_tells_of_its_last_call_only():
    same = TimeoutError("the same object each time")
    same.add_note("the application's own")

    def raise_it(call):
        with pytest.raises(TimeoutError):
            fakes.failing_attempt(fakes.TIMEOUT)(call)
        call.raised = same
        raise same

    for tries in (3, 2):
        call = fakes.call(fakes.plan(max_tries=tries))
        call.deadline = 10.0
        with pytest.raises(TimeoutError) as caught:
            fakes.whole(
                Retry(Backoff("constant", 0.0, 0.01), None, clock=lambda: 0.0), call, raise_it
            )

    notes = caught.value.__notes__
    assert [attempt.number for attempt in caught.value.attempts] == [1, 2]
    assert notes[0] == "the application's own"
    assert len(notes) == 2


def test_an_error_says_that_the_client_was_closed():
    closing = Closing()
    closing.set()
    call = fakes.call(fakes.plan(max_tries=3))
    call.deadline = 10.0

    with pytest.raises(TimeoutError) as caught:
        fakes.whole(
            Retry(Backoff("constant", 1.0, 1.0), None, closing),
            call,
            fakes.failing_attempt(fakes.TIMEOUT),
        )

    assert "the client was closed meanwhile" in caught.value.__notes__[0]
