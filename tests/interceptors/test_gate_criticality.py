"""Under pressure what can be missed is refused first, and what cannot is served first."""

from __future__ import annotations

import threading

import pytest

from aerospike_resilience import BackpressureError, carry, resilient
from aerospike_resilience.interceptors import Backpressure, Gate
from tests.interceptors.gating import a_call, hold, lay_down, waiting
from tests.patience import NEVER_LATE
from tests.waiting import until

KEY = ("test", "criticality", 1)


def test_a_sheddable_call_takes_a_free_permit_like_any_other():
    gate = Gate(1)

    result = Backpressure(gate).around(a_call(criticality="sheddable"), lambda _call: "sent")

    assert result == "sent"


def test_a_sheddable_call_does_not_wait_where_others_do():
    gate = Gate(1)
    hold(gate)
    other = waiting(gate)

    with pytest.raises(BackpressureError, match="it is sheddable") as caught:
        Backpressure(gate).around(a_call(criticality="sheddable"), lambda _call: None)

    assert (caught.value.reason, gate.rejected["shed"], gate.waiting) == ("shed", 1, 1)
    lay_down(gate)
    other.end()


@pytest.mark.parametrize("newcomer", ["critical", "default"])
def test_a_sheddable_call_that_waits_alone_goes_when_somebody_joins_it(newcomer):
    gate = Gate(1)
    hold(gate)
    sheddable = waiting(gate, a_call(criticality="sheddable"))

    backpressure, call = Backpressure(gate), a_call(criticality=newcomer)
    thread = threading.Thread(target=backpressure.around, args=(call, lambda _call: None))
    thread.start()
    sheddable.join(60)

    assert sheddable.outcome.reason == "shed"
    lay_down(gate)
    thread.join(60)
    assert (gate.in_flight, gate.waiting) == (0, 0)


def test_critical_calls_are_served_before_default_ones():
    gate = Gate(1)
    hold(gate)
    ordinary = waiting(gate)
    critical = waiting(gate, a_call(criticality="critical"))

    lay_down(gate)

    assert critical.inside.wait(60)
    assert not ordinary.inside.is_set()
    critical.end()
    assert ordinary.end() == "done"


def test_a_block_of_code_says_how_critical_its_calls_are(healthy, connect):
    client = resilient(
        connect(healthy),
        overrides={
            **NEVER_LATE,
            "backpressure": {"max_concurrent_operations": 1, "operation_queue_timeout": 0},
        },
    )
    client.put(KEY, {"n": 1})
    gate = client.resilience._engine.shared.gates.main
    order: list[str] = []

    def get(name: str) -> None:
        client.get(KEY)
        order.append(name)

    hold(gate)
    threads = [threading.Thread(target=get, args=("default",))]
    threads[0].start()
    until(lambda: gate.waiting == 1)
    with client.resilience.using(criticality="critical"):
        threads.append(threading.Thread(target=carry(get), args=("critical",)))
    threads[1].start()
    until(lambda: gate.waiting == 2)
    with (
        client.resilience.using(criticality="sheddable"),
        pytest.raises(BackpressureError) as caught,
    ):
        client.get(KEY)
    lay_down(gate)
    for thread in threads:
        thread.join(60)

    assert caught.value.reason == "shed"
    assert order == ["critical", "default"]
    assert client.resilience.snapshot()["gate"]["rejected"]["shed"] == 1
    client.resilience.close()


def test_an_inner_block_says_more_and_keeps_what_it_does_not_say(client):
    from aerospike_resilience import ambient

    with client.resilience.using(criticality="critical"), client.resilience.using(idempotent=True):
        (using,) = ambient.current().using.values()

    assert (using.criticality, using.idempotent) == ("critical", True)


def test_a_criticality_that_there_is_not_is_refused_with_those_there_are(client):
    with pytest.raises(ValueError, match="critical, default, sheddable"):
        client.resilience.using(criticality="urgent")
