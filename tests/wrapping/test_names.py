"""What a client is called: in snapshot, metrics and errors, and what happens when two want one name."""

from __future__ import annotations

import gc

import aerospike
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from aerospike_resilience import (
    AlreadyWrappedError,
    BackpressureError,
    CircuitOpenError,
    DeadlineExceededError,
    IsolationError,
    NotWrappedError,
    PolicyFileError,
    ResilienceError,
    UnknownNodeError,
    UnknownProfileError,
    deadline,
    resilience,
    resilient,
)
from aerospike_resilience.wrapping.names import ClientNames
from tests.patience import never_late
from tests.waiting import until

KEY = ("test", "names", 1)


@pytest.fixture
def wrap(bare):
    wrapped = []

    def wrap_(**options):
        options["overrides"] = never_late(options.get("overrides", {}))
        wrapped.append(resilient(bare, "latency", **options))
        return wrapped[-1]

    yield wrap_
    for client in wrapped:
        client.resilience.close()


def test_the_name_stands_in_snapshot_and_repr(wrap):
    client = wrap(name="carts")

    assert client.resilience.name == client.resilience.snapshot()["name"] == "carts"
    assert repr(client.resilience) == "<resilience of client 'carts', profile 'latency'>"


def test_the_name_stands_on_every_metric(wrap):
    reader = InMemoryMetricReader()
    client = wrap(name="carts", meter_provider=MeterProvider([reader]))
    client.put(KEY, {"n": 1})

    def seen():
        data = reader.get_metrics_data()
        return {
            metric.name: {
                point.attributes.get("aerospike.resilience.client")
                for point in metric.data.data_points
            }
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    assert until(lambda: len(seen()) > 5 and seen())["db.client.operation.duration"] == {"carts"}
    assert set.union(*seen().values()) == {"carts"}
    client.resilience.close()
    reader.get_metrics_data()
    assert [name for name in seen() if name.startswith("aerospike")] == []


def isolated_and_asked(client) -> None:
    until(lambda: len(client.resilience.nodes) == 3)
    for node in client.resilience.nodes:
        client.resilience.isolate(node)
    client.put(KEY, {"n": 1})


def too_late(client) -> None:
    with deadline(0.0):
        client.get(KEY)


def without_a_permit(client) -> None:
    client.resilience._engine.shared.gates.main.permits.clear()  # all of them are taken
    client.get(KEY)


REFUSED = {
    CircuitOpenError: isolated_and_asked,
    DeadlineExceededError: too_late,
    BackpressureError: without_a_permit,
    UnknownNodeError: lambda client: client.resilience.isolate("B9"),
    AlreadyWrappedError: resilient,
}


@pytest.mark.parametrize("error", REFUSED, ids=lambda error: error.__name__)
def test_an_error_of_ours_says_which_client_it_is_about(wrap, error):
    gate = {"max_concurrent_operations": 2, "operation_queue_timeout": "50ms"}
    client = wrap(name="carts", overrides={"backpressure": gate})

    with pytest.raises(error, match=r"\(client 'carts'\)$") as raised:
        REFUSED[error](client)
    assert raised.value.client_name == "carts"


def test_a_node_that_cannot_be_isolated_is_said_with_the_client(wrap):
    client = wrap(name="carts", overrides={"breaker": {"mode": "off"}})
    until(lambda: client.resilience.nodes)

    with pytest.raises(IsolationError, match=r"\(client 'carts'\)$"):
        client.resilience.isolate("A1")


def test_an_error_of_the_clients_own_has_the_name_as_attribute(wrap):
    client = wrap(name="carts")

    with pytest.raises(aerospike.exception.RecordNotFound) as raised:
        client.get(("test", "names", "no such record"))
    assert raised.value.client_name == "carts"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UnknownProfileError, {"profile": "no-such-profile"}),
        (PolicyFileError, {"overrides": {"nonsense": 1}}),
    ],
)
def test_a_block_that_cannot_begin_says_which_client_it_was_for(wrap, error, said):
    client = wrap(name="carts")

    with pytest.raises(error) as raised:
        client.resilience.using(**said)
    assert raised.value.client_name == "carts"
    assert raised.value.__notes__ == ["aerospike-resilience: in using() of client 'carts'"]


def test_what_a_client_cannot_tell_names_it(wrap):
    client = wrap(name="carts")

    with pytest.raises(ValueError, match="no operation of client 'carts'"):
        client.resilience.explain("steal")
    with pytest.raises(RuntimeError, match="of client 'carts' keeps no last call"):
        client.resilience.last_call()


def test_an_error_about_no_client_names_none():
    with pytest.raises(ResilienceError) as raised:
        resilient(object())
    assert raised.value.client_name == ""


def test_without_a_name_a_client_is_called_by_its_kind_and_the_order_of_wrapping():
    names = ClientNames()
    kept = [
        names.take(None, kind, "latency") for kind in ("aerospike", "aerospike-py", "aerospike")
    ]

    assert [one.name for one in kept] == ["aerospike-1", "aerospike-py-1", "aerospike-2"]


def test_a_made_up_name_never_is_one_that_was_given():
    names = ClientNames()
    given = names.take("aerospike-1", "aerospike", "latency")

    assert names.take(None, "aerospike", "latency").name != given.name


def test_a_name_in_use_gets_a_number_and_is_free_again_when_its_client_is_closed_or_gone(wrap):
    first, second = wrap(name="carts"), wrap(name="carts")
    assert (first.resilience.name, second.resilience.name) == ("carts", "carts-2")

    first.resilience.close()
    assert wrap(name="carts").resilience.name == "carts"

    names = ClientNames()
    gone = names.take("carts", "aerospike", "latency")
    assert names.take("carts", "aerospike", "latency").name == "carts-2"
    del gone
    gc.collect()
    assert names.take("carts", "aerospike", "latency").name == "carts"


@pytest.mark.parametrize("name", ["", "two words", "a\nb", "50%", "é" * 3 + "!"])
def test_a_name_that_could_not_stand_in_a_log_line_is_refused(bare, name):
    with pytest.raises(ValueError, match="cannot stand in log lines"):
        resilient(bare, "latency", name=name)


def test_a_name_is_text(bare):
    with pytest.raises(TypeError, match='name is text, such as "carts", not 3'):
        resilient(bare, "latency", name=3)


def test_the_typed_accessor_is_the_attribute(wrap, bare):
    client = wrap()

    assert resilience(client) is client.resilience
    with pytest.raises(
        NotWrappedError, match=r"this Client is not wrapped.*resilient\(\) returned"
    ):
        resilience(bare)
    with pytest.raises(TypeError):
        resilience(None)


def test_a_failure_that_was_tried_again_has_the_name_in_its_note(healthy, wrap):
    client = wrap(name="carts")

    with (
        healthy.inject(op="read", code=18),
        pytest.raises(aerospike.exception.AerospikeError) as raised,
    ):
        client.get(KEY)

    assert "get under profile 'latency' of client 'carts': attempt 1" in raised.value.__notes__[0]
