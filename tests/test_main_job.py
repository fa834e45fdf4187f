"""The main job: one node of three stalls or dies, and the service goes on."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest
from aerospike import exception

from aerospike_resilience import CircuitOpenError, resilient
from tests.patience import PATIENT
from tests.stopwatch import HeldUp, quickest_s
from tests.waiting import until

pytestmark = pytest.mark.alone
THREADS = 8
KEYS = 600

STALLED = {"breaker": {"silence": "500ms"}}
"""A busy machine stops a healthy node for longer than a ``latency`` call lasts, but not for so long."""

DEADLINE_S = 0.25
"""What ``latency`` gives an operation."""


@dataclass
class Load:
    """Steady reads and writes, and what became of them."""

    client: object
    reads: Counter = field(default_factory=Counter)
    writes: Counter = field(default_factory=Counter)
    slow: list[tuple[float, float]] = field(default_factory=list)
    acknowledged: dict[int, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self):
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(THREADS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        sequence = 0
        while not self._stop.wait(0.002):
            for key in range(number, KEYS, THREADS):
                sequence += 1
                began = time.monotonic()
                try:
                    if sequence % 2:
                        self.client.get(("test", "job", key))
                        self.reads["ok"] += 1
                    else:
                        self.client.put(("test", "job", key), {"n": sequence})
                        self.writes["ok"] += 1
                        self.acknowledged[key] = sequence
                except Exception as error:
                    (self.reads if sequence % 2 else self.writes)[type(error).__name__] += 1
                ended = time.monotonic()
                if ended - began > DEADLINE_S:
                    self.slow.append((began, ended))
                if self._stop.wait(0.003):
                    return


def wrapped_by(profile_words, cluster, connect):
    client = resilient(connect(cluster), profile="latency", overrides=profile_words)
    patient = {"total_timeout": 20_000, "socket_timeout": 10_000}
    for key in range(KEYS):
        client.put(("test", "job", key), {"n": 0}, policy=patient)
    return client


@pytest.fixture
def wrapped(cluster, connect):
    client = wrapped_by({**PATIENT, **STALLED}, cluster, connect)
    yield client
    client.resilience.close()


@pytest.fixture
def patient(cluster, connect):
    """A client whose reads wait, and that opens a node whose answers come too late for its writes.

    With the longer ``silence`` of `wrapped`, a node that answers after 300 ms is not silent.
    """
    client = wrapped_by(PATIENT, cluster, connect)
    yield client
    client.resilience.close()


@pytest.fixture
def hasty(cluster, connect):
    """A client under ``latency`` as it is."""
    client = wrapped_by(None, cluster, connect)
    yield client
    client.resilience.close()


def states(client) -> dict[str, str]:
    return {name: node["state"] for name, node in client.resilience.nodes.items()}


def transitions(caplog) -> set[str]:
    return {record.args[0] for record in caplog.records if "->" in record.msg}


def test_a_stalled_node_costs_reads_nothing_and_healthy_nodes_stay_closed(cluster, wrapped, caplog):
    with Load(wrapped) as load:
        until(lambda: load.reads["ok"] > 500)
        cluster.stall("A2")
        until(lambda: states(wrapped)["A2"] == "open")
        time.sleep(2)  # the fault's duration, not a wait for something
        cluster.resume("A2")
        until(lambda: set(states(wrapped).values()) == {"closed"})
        after = load.reads["ok"]
        until(lambda: load.reads["ok"] > after + 300)

    assert set(load.reads) == {"ok"}
    assert transitions(caplog) == {"A2"}
    for key, sequence in load.acknowledged.items():
        assert wrapped.get(("test", "job", key))[2]["n"] >= sequence


def test_no_call_outlives_its_deadline_while_a_node_stalls(cluster, hasty):
    with HeldUp() as held, Load(hasty) as load:
        until(lambda: load.reads["ok"] > 500)
        cluster.stall("A2")
        until(lambda: states(hasty)["A2"] == "open")
        time.sleep(2)  # the fault's duration, not a wait for something
        cluster.resume("A2")
        until(lambda: set(states(hasty).values()) == {"closed"})

    took = [ended - began - held.between(began, ended) for began, ended in load.slow]
    assert max(took, default=0.0) <= DEADLINE_S + 0.02


def test_a_killed_node_costs_reads_nothing_and_no_acknowledged_write(cluster, wrapped, caplog):
    with Load(wrapped) as load:
        until(lambda: load.reads["ok"] > 500)
        cluster.kill("A3")
        before = load.reads["ok"]
        until(lambda: load.reads["ok"] > before + 1500)

    assert set(load.reads) == {"ok"}
    assert transitions(caplog) <= {"A3"}
    for key, sequence in load.acknowledged.items():
        assert wrapped.get(("test", "job", key))[2]["n"] >= sequence


def test_writes_that_need_an_open_node_fail_at_once_and_the_others_go_on(cluster, wrapped):
    stalled = cluster.node("A1")
    needs, others = [], []
    for key in range(200):
        where = cluster.owners("test", "job", key)
        (needs if stalled in where else others).append(key)
    wrapped.resilience.isolate("A1")

    for key in others:
        wrapped.put(("test", "job", key), {"n": 1})

    def refused() -> None:
        for key in needs:
            with pytest.raises(CircuitOpenError) as caught:
                wrapped.put(("test", "job", key), {"n": 1})
            assert isinstance(caught.value, exception.MaxErrorRateExceeded)

    assert quickest_s(refused, 1.0) < 1.0
    for key in needs:
        assert wrapped.get(("test", "job", key))


def test_a_node_at_which_most_calls_fail_opens_and_no_other(cluster, wrapped, caplog):
    with (
        cluster.inject(node="A2", op=("read", "write"), code=18, share=0.8),
        Load(wrapped) as load,
    ):
        until(lambda: states(wrapped)["A2"] == "open")
        seen = load.writes["ok"]
        until(lambda: load.writes["ok"] > seen + 100)

    assert transitions(caplog) == {"A2"}


def test_a_slow_node_opens_and_reads_go_round_it(cluster, patient, caplog):
    with (
        Load(patient) as load,
        cluster.inject(node="A2", op=("read", "write"), latency=0.3),
    ):
        until(lambda: states(patient)["A2"] == "open")

    assert set(load.reads) == {"ok"}
    assert transitions(caplog) == {"A2"}


def test_a_flapping_node_is_never_refused(cluster, wrapped):
    """60 ms stopped, 30 ms running: the bare client has no errors, and so have we (invariant 13)."""
    with Load(wrapped) as load:
        until(lambda: load.reads["ok"] > 200)
        ends = time.monotonic() + 4
        while time.monotonic() < ends:
            cluster.stall("A2")
            time.sleep(0.06)
            cluster.resume("A2")
            time.sleep(0.03)

    failed = sum(count for kind, count in (load.reads + load.writes).items() if kind != "ok")
    total = sum((load.reads + load.writes).values())
    assert failed / total <= 0.005, (load.reads, load.writes)
