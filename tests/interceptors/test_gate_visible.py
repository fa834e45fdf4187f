"""What the gate does can be seen, in the snapshot and in metrics; what a file says about it is checked."""

from __future__ import annotations

import json
import threading

import jsonschema
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from aerospike_resilience import BackpressureError, PolicyFileError, resilient
from tests import fakes
from tests.interceptors.gating import hold, lay_down
from tests.patience import NEVER_LATE
from tests.schema import validator
from tests.waiting import PATIENCE_S, until

KEY = ("test", "visible", 1)


@pytest.fixture
def seen(healthy, connect):
    """A client with a gate of two permits, and a way to read its metrics."""
    reader = InMemoryMetricReader()
    client = resilient(
        connect(healthy),
        meter_provider=MeterProvider([reader]),
        overrides={
            **NEVER_LATE,
            "backpressure": {
                "max_concurrent_operations": 2,
                "operation_queue_timeout": "60s",
                "max_per_node": 1,
            },
        },
    )
    client.put(KEY, {"n": 1})

    def points(name: str):
        data = reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == f"aerospike.resilience.{name}"
            for point in metric.data.data_points
        ]

    yield client, client.resilience._engine.shared.gates.main, points
    client.resilience.close()


def wait_for_a_permit(client, gate):
    """Make a call that really waits."""
    hold(gate, 2)
    thread = threading.Thread(target=client.get, args=(KEY,))
    thread.start()
    until(lambda: gate.waiting == 1)
    return thread


def test_the_gate_is_in_the_snapshot_ready_for_json(seen):
    client, gate, _points = seen
    thread = wait_for_a_permit(client, gate)

    state = client.resilience.snapshot()["gate"]
    lay_down(gate, 2)
    thread.join()

    assert (state["limit"], state["in_flight"], state["waiting"]) == (2, 2, 1)
    assert state["rejected"] == {"timeout": 0, "deadline": 0, "closed": 0, "shed": 0}
    assert [node["limit"] for node in state["nodes"].values()] == [1]
    assert json.loads(json.dumps(state)) == state
    after = client.resilience.snapshot()["gate"]
    assert (after["waited"], after["in_flight"]) == (1, 0)
    assert after["wait_s_total"] > 0


def test_the_gate_is_in_the_metrics(seen):
    client, gate, points = seen
    thread = wait_for_a_permit(client, gate)

    now = {name: points(f"gate.{name}")[0].value for name in ("limit", "in_flight", "waiting")}
    (node,) = points("gate.node.in_flight")
    lay_down(gate, 2)
    thread.join()

    assert now == {"limit": 2, "in_flight": 2, "waiting": 1}
    assert node.attributes["aerospike.node.name"] in client.resilience.nodes


def test_waits_are_a_histogram_of_those_who_really_waited(seen):
    client, gate, points = seen
    for _ in range(5):
        client.get(KEY)
    assert points("gate.wait_time") == []

    thread = wait_for_a_permit(client, gate)
    lay_down(gate, 2)
    thread.join()

    (point,) = points("gate.wait_time")
    assert (point.count, point.attributes["aerospike.resilience.gate.outcome"]) == (1, "granted")
    assert 0 < point.sum < PATIENCE_S


def test_rejections_are_counted_by_reason_at_every_gate(seen):
    client, gate, points = seen
    hold(gate, 2)
    overrides = {"policy": {"all": {"total_timeout": "500ms", "socket_timeout": "500ms"}}}
    with client.resilience.using(overrides=overrides), pytest.raises(BackpressureError):
        client.get(KEY)
    lay_down(gate, 2)
    (name,) = client.resilience.snapshot()["gate"]["nodes"]
    node = client.resilience._engine.shared.gates.nodes.gate(name)
    hold(node)
    with client.resilience.using(overrides=overrides), pytest.raises(BackpressureError):
        client.get(KEY)
    lay_down(node)

    reason = "aerospike.resilience.refusal.reason"
    found = {point.attributes[reason]: point.value for point in points("refusals")}

    assert found == {
        "circuit_open": 0,
        "closed": 0,
        "deadline": 0,
        "gate_timeout": 0,
        "gate_deadline": 2,
        "gate_shed": 0,
    }


def test_a_block_with_another_profile_keeps_to_the_clients_own_gate(seen):
    client, gate, _points = seen
    inside = []

    class Look(fakes.OfBlockingCalls):
        def around(self, call, proceed):
            inside.append(gate.in_flight)
            return proceed(call)

    client.resilience._engine.shared.arrange = lambda chain: [*chain[:-1], Look(), chain[-1]]
    with client.resilience.using("observe"):  # which has no gate of its own
        client.get(KEY)

    assert inside == [1]


def test_a_client_without_a_gate_stays_without_one_under_another_profile(healthy, connect):
    client = resilient(connect(healthy), "observe", overrides=NEVER_LATE)

    with client.resilience.using("latency"):
        client.exists(KEY)

    assert client.resilience.snapshot()["gate"]["waited"] == 0
    client.resilience.close()


RIGHT = [
    {"queue": "lifo"},
    {"limit": "adaptive", "floor": 1, "ceiling": 5},
    {"batch_weight": "nodes", "batch_weight_cap": 4},
    {"max_per_node": 0.25},
    {"max_per_node": 16},
    {"max_per_node": None},
]

WRONG = {
    "a queue that there is not": ({"queue": "filo"}, "did you mean 'fifo'"),
    "a floor of none": ({"floor": 0}, "greater than or equal to 1"),
    "a ceiling beyond measure": ({"ceiling": 1_000_000}, "less than or equal to 100000"),
    "a limit in words": ({"limit": "auto"}, "Known: fixed, adaptive"),
    "a weight that there is not": ({"batch_weight": "rows"}, "Known: one, nodes"),
    "no permit a node": ({"max_per_node": 0}, "a share between 0 and 1 or a whole number"),
    "a share that may be a count": ({"max_per_node": 1.0}, "a share between 0 and 1"),
    "a share above one": ({"max_per_node": 1.5}, "a share between 0 and 1"),
    "a share in words": ({"max_per_node": "half"}, "a share between 0 and 1"),
    "a share that is a flag": ({"max_per_node": True}, "a share between 0 and 1"),
    "a key that there is not": ({"max_per_nod": 3}, "did you mean 'max_per_node'"),
}


@pytest.mark.parametrize("words", RIGHT, ids=str)
def test_what_a_file_may_say_about_the_gate(client, words):
    client.resilience.using(overrides={"backpressure": words})
    validator().validate({"version": 1, "backpressure": words})


@pytest.mark.parametrize("name", WRONG)
def test_what_a_file_may_not_say_about_the_gate(client, name):
    words, message = WRONG[name]

    with pytest.raises(PolicyFileError, match="backpressure") as caught:
        client.resilience.using(overrides={"backpressure": words})

    assert message in str(caught.value)
    if words != {"max_per_node": 1.0}:  # to JSON Schema that is the whole number 1
        with pytest.raises(jsonschema.ValidationError):
            validator().validate({"version": 1, "backpressure": words})
