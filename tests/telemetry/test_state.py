"""State as metrics: complete, bounded, and of this process alone."""

from __future__ import annotations

import contextlib
import os
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import aerospike
import aerospike_native
import pytest
from opentelemetry import metrics
from opentelemetry.sdk.metrics import ObservableCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality
from opentelemetry.sdk.version import __version__ as sdk_version

from aerospike_resilience import ClusterDefinition, connect, resilient
from aerospike_resilience.model.operation import NodeAddress
from aerospike_resilience.model.statistics import ClientStatistics, NodeStatistics
from aerospike_resilience.nodes.history import GONE_FOR_S, NodeHistory
from aerospike_resilience.telemetry import registry
from aerospike_resilience.testing import LocalCluster
from tests.patience import NEVER_LATE, never_late
from tests.telemetry.exported import Exported
from tests.waiting import until

OURS = "aerospike.resilience."


@pytest.fixture
def wrap(healthy):
    wrapped = []

    def wrap_(found: Exported, **options):
        bare = aerospike.client({"hosts": healthy.hosts})
        options = {"profile": "latency", **options}
        options["overrides"] = never_late(options.get("overrides", {}))
        wrapped.append(resilient(bare, meter_provider=found.provider, **options))
        return wrapped[-1]

    yield wrap_
    for client in wrapped:
        client.close()


def key(number: int, set_name: str = "state") -> tuple[str, str, int]:
    return ("test", set_name, number)


def test_everything_exported_is_in_the_registry_and_the_other_way_round(healthy, wrap):
    """With every option on, under load, refusals and failures."""
    found = Exported()
    client = wrap(
        found,
        fallback=aerospike.client({"hosts": healthy.hosts}),
        overrides={
            "telemetry": {"attempt_duration": True},
            "backpressure": {"max_concurrent_operations": 1, "max_per_node": 1},
        },
    )
    client.put(key(1), {"n": 1})
    until(lambda: client.resilience.snapshot()["adaptive_timeout_ms"])
    for code in (18, 2, 4):
        failing = healthy.inject(op="get", code=code, count=1)
        with failing, contextlib.suppress(aerospike.exception.AerospikeError):
            client.get(key(1))
    found_metrics = {metric.name: metric for metric in found.metrics()}

    for name, metric in found_metrics.items():
        known = registry.METRICS[name]
        assert (metric.unit, metric.description) == (known.unit, known.description), name
        kind = type(metric.data).__name__
        assert kind == {"histogram": "Histogram", "gauge": "Gauge"}.get(known.instrument, "Sum")
        if kind == "Sum":
            assert metric.data.is_monotonic == (known.instrument == "counter"), name
        for point in metric.data.data_points:
            extra = point.attributes.keys() - {registry.CLIENT, *known.attributes}
            assert extra == set(), name
            for attribute, value in point.attributes.items():
                assert value in registry.WORDS.get(attribute, (value,)), attribute
    missing = {
        name
        for name, metric in registry.METRICS.items()
        if name not in found_metrics and not metric.optional
    }
    assert missing == {OURS + "storage.unreachable"}  # of a profile with breaker.storage
    assert {OURS + "attempt.duration", OURS + "budget.balance"} <= found_metrics.keys()
    assert {OURS + "adaptive_timeout", "aerospike.client.timeouts"} <= found_metrics.keys()


class ManyNodes:
    """A source of more nodes than the cluster has, which tells all that the C client tells."""

    def __init__(self, source, count: int) -> None:
        self._source = source
        self.names = [f"A{number + 1}" for number in range(count)]

    def nodes(self):
        return [NodeAddress(name, "127.0.0.1", 3000 + n) for n, name in enumerate(self.names)]

    def statistics(self) -> ClientStatistics:
        counts = dict.fromkeys(NodeStatistics.__dataclass_fields__.keys() - {"name"}, 1)
        return ClientStatistics(tuple(NodeStatistics(name, **counts) for name in self.names), 1)

    def __getattr__(self, name: str):
        return getattr(self._source, name)


@pytest.mark.parametrize("nodes", [3, 5, 6, 8])
def test_a_client_of_8_nodes_has_150_series_at_most(nodes, wrap):
    found = Exported()
    client = wrap(found)
    for number in (1, 2):
        client.put(key(number, ""), {"n": 1})
        client.get(key(number, ""))
    health = client.resilience._engine.shared.health
    health.source = ManyNodes(health.source, nodes)
    client.resilience._engine.shared.max_conns_per_node = 100
    with health.notices, health.lock:
        health.update_nodes_locked({node.name: node for node in health.source.nodes()})
    series = found.series()

    assert len({dict(said).get(registry.NODE) for _, said in series} - {None}) == nodes
    assert len(series) <= 150
    assert ("aerospike.client.timeouts" in {name for name, _ in series}) == (nodes <= 5)


def test_set_names_make_no_more_series_than_the_profile_says(wrap):
    for wanted, right in ((100, 100), (["test.kept"], 1), (0, 0)):
        found = Exported()
        client = wrap(found, overrides={"telemetry": {"sets": wanted}})
        for number in [*range(150), None]:
            set_name = "kept" if number is None else f"set{number}"
            with pytest.raises(aerospike.exception.RecordNotFound):
                client.get(key(1, set_name))
        durations = [dict(said) for name, said in found.series() if name == registry.DURATION]
        sets = {said.get(registry.DB_COLLECTION) for said in durations}

        assert len(sets - {registry.OTHER_SET}) == right
        assert registry.OTHER_SET in sets


def test_lives_of_clients_make_no_series_of_their_own(healthy):
    found = Exported()
    seen = set()
    for _ in range(5):
        client = resilient(
            aerospike.client({"hosts": healthy.hosts}),
            "latency",
            overrides=NEVER_LATE,
            meter_provider=found.provider,
        )
        client.put(key(1), {"n": 1})
        seen.add(len(found.series()))
        client.close()

    assert len(seen) == 1


def test_a_node_that_left_is_gone_for_five_minutes():
    now = [0.0]
    history = NodeHistory(lambda: now[0])
    history.joined("A1", "closed")
    history.is_now("A1", "open")
    now[0] = 2.0
    history.left("A1")
    now[0] = 60.0

    assert (history.gone(), history.not_closed_s("A1")) == (["A1"], 2.0)
    now[0] = 2.0 + GONE_FOR_S + 1
    assert history.gone() == []
    history.joined("A1", "closed")
    assert history.not_closed_s("A1") == 2.0


def test_metrics_that_a_reload_turns_off_and_on_again(tmp_path, wrap):
    file = tmp_path / "mine.yaml"
    file.write_text("version: 1\nextends: latency\n")
    found = Exported()
    client = wrap(found, profile="mine", policies=tmp_path)
    client.put(key(1), {"n": 1})
    file.write_text("version: 1\nextends: latency\ntelemetry: {metrics: false}\n")
    client.resilience.reload()
    client.put(key(1), {"n": 1})

    assert {name: value for (name, _), value in found.series().items()} == {registry.DURATION: 1}
    file.write_text("version: 1\nextends: latency\n")
    client.resilience.reload()
    assert found.values(OURS + "reloads") == {("changed",): 2, ("failed",): 0}
    file.write_text("version: 2\n")
    client.resilience.reload()
    assert found.values(OURS + "reloads") == {("changed",): 2, ("failed",): 1}
    assert found.values(OURS + "reload.failed") == {(): 1}
    ((profile, fingerprint, in_force, state, group),) = found.values(OURS + "profile.info")
    assert (profile, in_force, state, group) == ("mine", "mine", "stale", "none")
    assert fingerprint == client.resilience.profile.fingerprint


def test_retries_of_the_client_itself_are_counted(healthy, wrap):
    found = Exported()
    client = wrap(found)
    client.put(key(1), {"n": 1})
    before, requests = found.values(OURS + "retries"), healthy.requests("get")
    with healthy.inject(op="get", code="device_overload", count=1):
        client.get(key(1))

    after = found.values(OURS + "retries")
    tries = sum(after[kind,] - before[kind,] for kind in ("ours", "native"))
    assert tries == healthy.requests("get") - requests - 1


def test_native_counters_are_told_once_the_application_enables_them(healthy):
    found = Exported()
    host, port = healthy.hosts[0][:2]
    client = connect(
        ClusterDefinition(host, port),
        client="aerospike_native",
        profile="latency",
        meter_provider=found.provider,
    )
    most = found.values("db.client.connection.max")
    assert most == {("A1",): 300, ("A2",): 300, ("A3",): 300}
    name = "aerospike.client.connections.opened"
    assert found.values(name) == {}
    client.enable_metrics(aerospike_native.MetricsPolicy())
    assert set(found.values(name)) == {("A1",), ("A2",), ("A3",)}
    client.close()


@pytest.mark.parametrize("delta", [False, True])
def test_a_forked_child_begins_at_zero(delta, healthy, wrap):
    if delta and tuple(map(int, sdk_version.split(".")[:2])) < (1, 44):
        pytest.skip("the SDK compares a forked child's first counters with its parent's last")
    kind = AggregationTemporality.DELTA if delta else AggregationTemporality.CUMULATIVE
    found = Exported(preferred_temporality={ObservableCounter: kind})
    client = wrap(found)
    client.put(key(1), {"n": 1})
    with healthy.inject(op="get", code="device_overload", count=2):
        client.get(key(1))
    client.resilience.isolate("A1")
    client.resilience.release("A1")
    counters = {name for name, metric in registry.METRICS.items() if metric.instrument == "counter"}
    assert sum(v for (name, _), v in found.series().items() if name in counters) > 0
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            client.exists(key(1))
            counted = {
                name: value
                for (name, _), value in found.series().items()
                if value and (name in counters or name == registry.DURATION)
                if not name.startswith("aerospike.client.")  # it connects anew
            }
            os.write(write, repr(counted).encode())
        except BaseException as error:
            os.write(write, repr(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read) as pipe:
        assert pipe.read() == repr({registry.DURATION: 1})


def test_a_provider_that_is_set_later_is_used_by_the_next_call(healthy):
    """In a process of its own, as the global providers are set once."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            found = Exported()
            client = resilient(
                aerospike.client({"hosts": healthy.hosts}),
                "latency",
                overrides=never_late({"connection": {"tend_interval": "60s"}}),
            )
            client.put(key(1), {"n": 1})
            metrics.set_meter_provider(found.provider)
            client.get(key(1))
            told = found.values(registry.DURATION), found.values(OURS + "gate.limit")
            os.write(write, repr([list(told[0].values()), list(told[1])]).encode())
        except BaseException as error:
            os.write(write, repr(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read) as pipe:
        assert pipe.read() == "[[1], [()]]"


def test_the_state_of_a_dead_node_outlives_it():
    found = Exported()
    with LocalCluster(nodes=3, replication_factor=2) as cluster:
        cluster.wait_until_stable()
        client = resilient(
            aerospike.client({"hosts": cluster.hosts}), "latency", meter_provider=found.provider
        )
        client.put(key(1), {"n": 1})
        cluster.kill("A1")

        def gone() -> bool:
            with contextlib.suppress(aerospike.exception.AerospikeError):
                client.get(key(random.randrange(50)))
            return found.values(OURS + "node.state").get(("A1", "gone")) == 1

        until(gone)
        states = found.values(OURS + "node.state")
        assert sum(value for (node, _), value in states.items() if node == "A1") == 1
        client.close()


def test_a_full_pool_is_counted_by_node(healthy):
    found = Exported()
    client = resilient(
        aerospike.client({"hosts": healthy.hosts, "max_conns_per_node": 1}),
        "latency",
        overrides=never_late({"policy": {"all": {"max_retries": 0}}}),
        meter_provider=found.provider,
    )
    client.put(key(1), {"n": 1})
    until(lambda: client.resilience.snapshot()["adaptive_timeout_ms"])
    name = "aerospike.client.connections.exhausted"
    assert found.values(name) == {("A1",): 0, ("A2",): 0, ("A3",): 0}

    def get(_number: int) -> int:
        try:
            client.get(key(1))
        except aerospike.exception.NoMoreConnectionsError:
            return 1
        except aerospike.exception.AerospikeError:
            return 0
        return 0

    with healthy.inject(op="get", latency="30ms"), ThreadPoolExecutor(8) as threads:
        refused = sum(threads.map(get, range(40)))
    counted = found.values(name)
    client.close()

    assert refused > 0
    assert sum(counted.values()) == refused
    assert sum(count > 0 for count in counted.values()) == 1  # the record's master


@pytest.mark.parametrize("wanted", [True, False])
def test_attempts_are_timed_by_node_and_outcome_where_the_profile_asks_for_it(
    wanted, healthy, wrap
):
    found = Exported()
    overrides = {"telemetry": {"attempt_duration": wanted}, "retry": {"native_failover": 0}}
    client = wrap(found, overrides=overrides)
    client.put(key(1), {"n": 1})
    until(lambda: client.resilience.nodes["A1"]["partitions"])
    with healthy.inject(op="get", code="device_overload", count=1):
        client.get(key(1))
    with pytest.raises(aerospike.exception.RecordNotFound):
        client.get(key(1, "nowhere"))

    timed = found.values(OURS + "attempt.duration")
    by_outcome = Counter()
    for (*_, outcome), count in timed.items():
        by_outcome[outcome] += count
    assert by_outcome == ({"ok": 2, "failed": 1, "miss": 1} if wanted else {})
    assert {node for node, _ in timed} <= {"A1", "A2", "A3"}


def test_an_operation_that_the_fallback_served_was_not_refused(healthy, wrap):
    found = Exported()
    other = aerospike.client({"hosts": healthy.hosts})
    client = wrap(found, fallback=other, overrides={"policy": {"reads": {"replica": "master"}}})
    for number in range(40):
        client.put(key(number), {"n": number})
    until(lambda: client.resilience.nodes["A1"]["partitions"])
    client.resilience.isolate("A1")
    for number in range(40):
        client.get(key(number))
    other.close()

    assert found.values(OURS + "fallback.calls")[()] > 0
    assert sum(found.values(OURS + "refusals").values()) == 0
