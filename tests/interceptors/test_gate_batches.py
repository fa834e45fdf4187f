"""Where the profile says so, a batch takes as many permits as it touches nodes, all at once."""

from __future__ import annotations

import threading
import time

import aerospike_helpers.batch.records as records
import pytest

from aerospike_resilience import resilient
from aerospike_resilience.interceptors import Gate
from aerospike_resilience.interceptors.gate.backpressure import WeightedBackpressure
from tests.interceptors.gating import a_call, hold, lay_down, waiting
from tests.waiting import until

KEYS = [("test", "weights", number) for number in range(60)]


class Probe:
    """Notes how many permits are out while a native call is made."""

    def __init__(self) -> None:
        self.client = None
        self.seen: list[int] = []

    def around(self, call, proceed):
        self.seen.append(self.client.resilience.snapshot()["gate"]["in_flight"])
        return proceed(call)

    async def around_async(self, call, proceed):
        return await proceed(call)


@pytest.fixture
def probed(healthy, connect):
    """Wrap a client so that the permits of each of its calls are noted."""
    made = []

    def wrap(**backpressure):
        probe = Probe()
        probe.client = resilient(
            connect(healthy),
            overrides={"backpressure": {"max_concurrent_operations": 64, **backpressure}},
            arrange=lambda chain: [*chain[:-1], probe, chain[-1]],
        )
        made.append(probe.client)
        until(lambda: probe.client.resilience.nodes)
        return probe.client, probe.seen

    yield wrap
    for client in made:
        client.resilience.close()


def nodes_of(client, keys) -> int:
    """Count the masters of some keys, from the map."""
    owners = client.resilience._engine.shared.health.maps.owners
    return len({owners(key)[0] for key in keys})


def test_a_batch_takes_one_permit_like_everybody_unless_the_profile_says_otherwise(probed):
    client, seen = probed()

    client.batch_read(KEYS)

    assert seen == [1]


FORMS = {
    "batch_read": lambda client, keys: client.batch_read(keys),
    "batch_read by keyword": lambda client, keys: client.batch_read(keys=keys),
    "batch_remove": lambda client, keys: client.batch_remove(keys),
    "batch_write": lambda client, keys: client.batch_write(
        records.BatchRecords([records.Remove(key) for key in keys])
    ),
    "batch_write by keyword": lambda client, keys: client.batch_write(
        batch_records=records.BatchRecords([records.Remove(key) for key in keys])
    ),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", [1, 2, 60])
def test_a_batch_takes_as_many_permits_as_it_touches_nodes(probed, form, rows):
    client, seen = probed(batch_weight="nodes")

    FORMS[form](client, KEYS[:rows])

    assert seen == [nodes_of(client, KEYS[:rows])]
    assert client.resilience.snapshot()["gate"]["in_flight"] == 0


def test_a_batch_takes_no_more_permits_than_the_cap(probed):
    client, seen = probed(batch_weight="nodes", batch_weight_cap=2)

    client.batch_read(KEYS)

    assert seen == [2]


def test_a_batch_takes_no_more_permits_than_there_are(probed):
    client, seen = probed(batch_weight="nodes", max_concurrent_operations=1)

    client.batch_read(KEYS)

    assert seen == [1]


def test_a_single_record_takes_one_permit_beside_heavy_batches(probed):
    client, seen = probed(batch_weight="nodes")

    client.exists(KEYS[0])

    assert seen == [1]


def outcome(read, keys) -> str:
    """Say what a client makes of it, in a word."""
    try:
        return type(read(keys)).__name__
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize("nonsense", [None, 7, "keys", [None], [("test",)], []])
def test_what_is_no_batch_is_the_clients_to_refuse(probed, bare, nonsense):
    client, _seen = probed(batch_weight="nodes", max_per_node=0.5)

    assert outcome(client.batch_read, nonsense) == outcome(bare.batch_read, nonsense)
    assert client.resilience.snapshot()["gate"]["in_flight"] == 0


def test_a_heavy_batch_is_not_starved_by_single_records():
    gate = Gate(3)
    stop = threading.Event()

    def work() -> None:
        backpressure = WeightedBackpressure(gate, lambda _call: 1)
        while not stop.is_set():
            backpressure.around(a_call(), lambda _call: time.sleep(0))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    heavy = WeightedBackpressure(gate, lambda _call: 3)
    try:
        for _ in range(50):
            assert heavy.around(a_call(30), lambda _call: gate.in_flight) == 3
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_heavy_batches_do_not_wait_for_each_other_with_permits_in_hand():
    gate = Gate(4)
    served = []

    def work(weight: int) -> None:
        backpressure = WeightedBackpressure(gate, lambda _call: weight)
        for _ in range(100):
            backpressure.around(a_call(30), lambda _call: time.sleep(0))
        served.append(weight)

    threads = [threading.Thread(target=work, args=(weight,)) for weight in (2, 3, 4, 3, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(served) == [2, 2, 3, 3, 4]
    assert (gate.in_flight, gate.waiting) == (0, 0)


def test_a_heavy_batch_in_line_holds_nothing_back_from_a_critical_call():
    gate = Gate(2)
    hold(gate, 2)
    heavy = waiting(gate, around=WeightedBackpressure(gate, lambda _call: 2).around)
    lay_down(gate)
    critical = threading.Event()

    def call() -> None:
        WeightedBackpressure(gate, lambda _call: 1).around(
            a_call(criticality="critical"), lambda _call: critical.set()
        )

    thread = threading.Thread(target=call)
    thread.start()

    assert critical.wait(60)
    assert not heavy.inside.is_set()
    thread.join()
    lay_down(gate)
    heavy.end()
