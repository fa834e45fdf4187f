"""What an open node cannot serve, a second cluster's client serves; for every client."""

from __future__ import annotations

import pytest

from aerospike_resilience import (
    Attempt,
    CircuitOpenError,
    Failure,
    FailureKind,
    NotAClientError,
    resilient,
)
from aerospike_resilience.call import Fault
from aerospike_resilience.interceptors import Fallback
from tests import fakes
from tests.conformance.surfaces import SURFACES, Instrumented, aerospike_py
from tests.conformance.test_contract import learned

NODES = ("A1", "A2", "A3")


@pytest.fixture(params=[s for s in SURFACES if s is not Instrumented], ids=lambda s: s.name)
def pair(request, healthy, cluster):
    """A surface over a cluster of the test's own, and a bare client of another cluster."""
    surface = request.param(cluster)
    other = request.param(healthy)
    if surface.awaited:  # some clients belong to the loop that they were made in
        other.loop.stop()
        other.loop = surface.loop
    other.open(profile="observe")
    yield surface, other
    if surface.awaited:
        other.close_client()
        surface.close()
    else:
        surface.close()
        other.close()


def isolate_all(surface):
    learned(surface)
    for node in NODES:
        surface.resilience.isolate(node)


def test_reads_go_there_and_writes_only_if_told_so(pair):
    surface, other = pair
    surface.open(fallback=other.client)
    other.put("f", {"n": 2})
    surface.put("f", {"n": 1})
    assert surface.get("f") == {"n": 1}

    isolate_all(surface)

    assert surface.get("f") == {"n": 2}
    with pytest.raises(CircuitOpenError):
        surface.put("f", {"n": 3})
    assert surface.resilience.snapshot()["fallback_calls"] == 1


def test_writes_go_there_where_they_may(pair):
    surface, other = pair
    surface.open(fallback=other.client, fallback_writes=True)
    surface.put("w", {"n": 1})
    isolate_all(surface)

    surface.put("w", {"n": 9})

    assert other.get("w") == {"n": 9}


def test_what_may_have_been_sent_never_goes_there():
    """A node that opens between two attempts must not send a write in doubt to another cluster."""
    asked = []
    fallback = Fallback(lambda name: asked.append, writes=True)
    call = fakes.call(fakes.plan(fakes.PUT))
    doubt = Failure(FailureKind.TIMEOUT, retryable=True, in_doubt=True, fault=Fault.NODE)
    call.attempts = (Attempt(1, 0.1, failure=doubt),)

    def refused(_call):
        raise CircuitOpenError("open", operation="put", profile="latency")

    with pytest.raises(CircuitOpenError):
        fallback.around(call, refused)

    assert asked == []
    assert fallback.calls == 0


def test_a_client_of_another_package_cannot_stand_in(healthy, connect):
    with (
        aerospike_py.client({"hosts": healthy.hosts}).connect() as other,
        pytest.raises(NotAClientError, match="stands in for"),
    ):
        resilient(connect(healthy), "latency", fallback=other)
